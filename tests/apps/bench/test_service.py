"""Bench, readiness, history and Locust on a real service over a small data directory."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.apps.bench.conftest import Silent
from tests.conftest import ROOT

from lagmark.apps.bench.process import ServiceProcess, cpu_seconds
from lagmark.apps.cli import main
from lagmark.apps.jobs.demo_service import serve_history
from lagmark.apps.jobs.readiness import Readiness, readiness
from lagmark.apps.jobs.send_history import send_history
from lagmark.client import Client
from lagmark.clock import stopwatch, utc_now
from lagmark.domains.registry import get_domain
from lagmark.schema.events import EventBatch
from lagmark.schema.time import DAY, to_micros
from lagmark.wiring import Home
from lagmark.wiring.configuration import load_serve_settings

pytestmark = pytest.mark.slow

HANDBOOK = get_domain("handbook")


@pytest.fixture(scope="module")
def history(home: Path) -> EventBatch:
    return Home(home).store("handbook").read()


@pytest.fixture(scope="module")
def served(home: Path, history: EventBatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data directory of a service that was sent the last two weeks, stopped and started again."""
    path = tmp_path_factory.mktemp("served") / "home"
    shutil.copytree(home, path)
    found, service = serve_history(path, history, HANDBOOK, reporter=Silent())
    assert service.stop() == 0
    recent = history.events.filter(
        history.events["ingest_time"] > history.events["ingest_time"].item(-1) - 14 * DAY
    )
    assert (found.sent.events, found.sent.refused) == (recent.height, 0)
    assert found.remembered
    assert found.first_start > 0
    assert found.second_start > 0
    told = found.as_dict()
    assert sum(told["actions"].values()) == recent.height
    # Labels come seven days late: those of the first week are known, the others are not.
    assert 0 < told["labels"] < recent.height
    assert 0 < told["caught"] <= told["frauds"] <= told["labels"]
    service.key("decide")
    return path


@pytest.fixture
def copy(served: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(served, tmp_path / "home"))


def look(data: Path) -> tuple[Readiness, dict[str, Any]]:
    settings = load_serve_settings({"data": data})
    found = readiness(settings, now=to_micros(utc_now()), reporter=Silent())
    return found, {gate.name: gate for gate in found.gates}


def failed(data: Path) -> set[str]:
    return {gate.name for gate in look(data)[0].gates if not gate.passed}


def test_a_directory_that_served_is_ready_but_for_its_batches(served: Path) -> None:
    """History came in batches, whose events count with the time of the whole batch."""
    found, gates = look(served)
    assert {gate.name for gate in found.gates if not gate.passed} <= {
        "latency_p99_ms", "alerts_per_day", "precision", "fallback_share",
    }  # fmt: skip
    assert gates["decisions_that_differ"].value == 0
    assert gates["restart_seconds"].hint.startswith("0 entries since")
    assert found.statistics is not None
    assert found.statistics.labelled > 0
    assert gates["precision"].value is not None
    assert found.head is not None
    assert found.head["position"] == gates["ledger_entries"].value


def test_a_changed_byte_a_broken_model_and_an_open_key_file_are_found(copy: Path) -> None:
    before = failed(copy)
    (copy / "keys.json").chmod(0o644)
    model = next((copy / "registry").rglob("model.ubj"))
    model.write_bytes(model.read_bytes()[:-1])
    assert failed(copy) - before >= {"keys_file_mode", "champion"}
    # Another value, and what can no longer be read as a record.
    for end in (b"\x01", b"\xc1"):
        with sqlite3.connect(copy / "ledger.sqlite") as ledger:
            (body,) = ledger.execute("SELECT body FROM entries WHERE position = 40").fetchone()
            changed = (body[:-1] + end,)
            ledger.execute("UPDATE entries SET body = ? WHERE position = 40", changed)
        ledger.close()
        found, gates = look(copy)
        assert gates["ledger_intact"].value == "entry 40 is not what was written"
        assert gates["decisions_that_differ"].value is None
        assert not gates["decisions_that_differ"].passed
        assert found.statistics is None


def test_a_directory_without_ledger_keys_and_champion_is_not_ready(tmp_path: Path) -> None:
    found, gates = look(tmp_path)
    assert not found.ready
    assert {name for name, gate in gates.items() if gate.passed} == {"free_disk_gb"}
    assert set(gates) == {"champion", "decide_keys", "free_disk_gb", "ledger"}
    assert list(tmp_path.iterdir()) == []


def test_the_readiness_command_writes_a_page(
    served: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    assert main(["readiness", "--data", str(served), "--out", str(page), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ready"] == all(gate["passed"] for gate in told["gates"])
    assert set(told["gates"][0]) == {"name", "value", "wanted", "passed", "hint"}
    assert told["report"] == str(page)
    text = page.read_text(encoding="utf-8")
    assert told["head"]["digest"] in text
    assert main(["readiness", "--data", str(served), "--out", str(page)]) == 0
    said = capsys.readouterr().out
    assert "decisions that differ" in said
    assert main(["readiness", "--data", str(tmp_path / "nowhere")]) == 2


@pytest.fixture(scope="module")
def running(served: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """A service over a copy, which tests may write to."""
    path = Path(shutil.copytree(served, tmp_path_factory.mktemp("running") / "home"))
    with ServiceProcess(path) as service:
        yield service
        assert service.stop() == 0


def test_readiness_looks_on_while_a_service_writes(running: ServiceProcess) -> None:
    before = cpu_seconds(running.pid)
    _, gates = look(running.data)
    assert gates["decisions_that_differ"].value == 0
    assert gates["ledger_intact"].passed
    if before is not None:
        assert cpu_seconds(running.pid) >= before  # type: ignore[operator]


def test_history_is_sent_no_faster_than_its_speed(
    running: ServiceProcess, history: EventBatch
) -> None:
    """A first quarter of an hour of history at 900 seconds a second takes its second."""
    events = history.events
    start = int(events["ingest_time"].item(0))
    first = events.filter(events["ingest_time"] <= start + 6 * 3_600_000_000)
    part = EventBatch(first, history.labels.head(0))
    length = (int(first["ingest_time"].item(-1)) - start) / 1e6
    key = running.key("decide", "label")
    with Client(running.url, key=key) as client:
        begun = stopwatch()
        sent = send_history(client, part, HANDBOOK, reporter=Silent(), speed=length)
        assert stopwatch() - begun >= 1.0
    assert sent.events == first.height
    assert sent.labels == 0


def test_locust_users_get_what_they_ask_for(running: ServiceProcess, tmp_path: Path) -> None:
    """Locust changes how Python waits, so it runs in a process of its own."""
    rows = tmp_path / "events.jsonl"
    rows.write_text('{"event_id": 1, "customer": 7, "terminal": 8, "amount": 12.5}\n')
    for more in ([], ["--events", str(rows)]):
        done = subprocess.run(
            [
                sys.executable, "-m", "locust", "-f", str(ROOT / "benchmarks" / "locustfile.py"),
                "--host", running.url, "--key", running.key("decide", "read"), "--headless",
                "--users", "10", "--spawn-rate", "10", "--run-time", "4s", "--only-summary",
                "--json", *more,
            ],
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        told = {each["name"]: each for each in json.loads(done.stdout)}
        assert told["/v1/decisions"]["num_requests"] > 10
        assert {"/v1/decisions:batch", "/v1/decisions?limit=50"} <= set(told)
        assert [each["name"] for each in told.values() if each["num_failures"]] == []


def test_the_bench_measures_and_leaves_the_directory_alone(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file()}
    page = tmp_path / "bench.html"
    arguments = ["bench", "--data", str(home), "--seconds", "0.4", "--rate", "50",
                 "--connections", "4", "--alerts-per-day", "5", "--out", str(page)]  # fmt: skip
    assert main([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    after = {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file()}
    assert after == before
    assert [path.name for path in home.iterdir() if path.name.startswith(".bench")] == []
    assert {
        "command", "service", "alone", "saturated", "open_loop", "batch", "quality", "gates",
        "passed", "report",
    } <= set(told)  # fmt: skip
    assert told["service"]["model_version"] == "1"
    assert (told["open_loop"]["requests"], told["batch"]["decisions"]) == (20, 1_000)
    assert told["alone"]["decisions"] > 0
    assert told["saturated"]["per_second"] > 0
    refused = next(gate for gate in told["gates"] if gate["name"] == "refused")
    assert refused == {
        "name": "refused", "value": 0, "wanted": "<= 0", "passed": True,
        "hint": "events that got no decision",
    }  # fmt: skip
    assert told["quality"]["alerts_per_day"] == 5
    assert told["passed"] == all(gate["passed"] for gate in told["gates"])
    assert "Bench of the decision service" in page.read_text(encoding="utf-8")


def test_without_a_champion_rules_answer_and_the_gate_of_the_model_fails(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = home / "payments.parquet"
    data = tmp_path / "empty"
    data.mkdir()
    arguments = ["bench", "--data", str(data), "--events", str(events), "--seconds", "0.3",
                 "--rate", "50", "--connections", "4"]  # fmt: skip
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "no champion: rules answer" in said
    assert "No precision and recall: there is no champion." in said
    assert "FAIL  answered by model >= 0.9: 0 (rules answered: " in said
    assert (data / "reports" / "bench.html").is_file()
