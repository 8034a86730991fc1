"""The command runs, goes on after a kill with equal bytes, and refuses what it cannot use."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lagmark.apps.cli import main
from lagmark.simulator import simulate_handbook

POLICIES = """
defaults:
  warm_up: 10
  cadence: 4
  budget: {analysts: 1, cases: 5}
  model: {kind: xgboost, params: {n_estimators: 12, max_depth: 3, max_bin: 64}}
policies:
  - {name: naive, maturity: naive}
  - {name: refusing, maturity: naive, action: block, block_above: 0.3, control: 0.2}
"""


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    path = tmp_path / "policies.yaml"
    path.write_text(POLICIES, encoding="utf-8")
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any, str]]:
    def call(*arguments: object) -> tuple[int, Any, str]:
        capsys.readouterr()
        status = main([str(each) for each in ("backtest", *arguments)])
        out, err = capsys.readouterr()
        return status, json.loads(out) if out.startswith("{") else out, err

    return call


def world(policies: Path, out: Path, seeds: int = 1) -> list[object]:
    return [
        *("--scenario", "card_short_delay", "--events", 2_000, "--days", 22),
        *("--policies", policies, "--seeds", seeds, "--out", out, "--jobs", 2),
    ]


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_json_decisions_and_report(
    run: Callable[..., tuple[int, Any, str]], policies: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    status, found, err = run(*world(policies, out), "--json")
    assert (status, err) == (0, "")
    assert list(found) == [
        *("source", "seeds", "evaluated", "costs", "interval", "confidence", "policies", "paired"),
        *("label_delay", "fingerprint", "result", "report"),
    ]
    assert found["seeds"] == [0]
    naive = found["policies"]["naive"]
    assert {"caught_value", "net_cost", "card_precision", "calibration", "analyst_hours"} <= set(
        naive["figures"]
    )
    assert [each["day"] for each in naive["retrainings"]] == [10, 14, 18]
    assert Path(found["report"]).read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    log = pl.read_parquet(out / "units" / "refusing" / "seed-0" / "decisions.parquet")
    assert log.columns == [
        *("event_id", "event_time", "decided_at", "probability", "alerted", "reviewed"),
        *("control", "propensity", "blocked"),
    ]
    assert (log["decided_at"] >= log["event_time"]).all()
    before = contents(out)
    assert run(*world(policies, out))[0] == 0
    assert contents(out) == before
    status, _, err = run(*world(policies, out, seeds=2))
    assert status == 5
    assert "seeds differ" in err


@pytest.mark.slow
def test_after_a_kill_it_goes_on_and_ends_in_equal_bytes(
    run: Callable[..., tuple[int, Any, str]], policies: Path, tmp_path: Path
) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    arguments = [str(each) for each in world(policies, killed, seeds=2)]
    process = subprocess.Popen(
        [sys.executable, "-m", "lagmark.apps.cli", "backtest", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    finished: list[Path] = []
    until = time.monotonic() + 240
    while not finished and time.monotonic() < until:
        finished = list(killed.glob("units/*/*/result.json"))
        assert process.poll() is None or finished
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    # Its children end with it: nothing is written any more.
    time.sleep(2)
    kept = contents(killed)
    time.sleep(2)
    assert contents(killed) == kept
    assert not (killed / "result.json").exists()
    first = finished[0]
    stamp = first.stat().st_mtime_ns
    assert run(*world(policies, killed, seeds=2))[0] == 0
    assert first.stat().st_mtime_ns == stamp
    assert run(*world(policies, whole, seeds=2))[0] == 0
    assert contents(killed) == contents(whole)


@pytest.mark.slow
def test_a_data_set_through_the_same_command(
    run: Callable[..., tuple[int, Any, str]], policies: Path, tmp_path: Path
) -> None:
    path = tmp_path / "payments.parquet"
    simulate_handbook(customers=50, terminals=80, days=26, seed=3).write_parquet(path)
    status, found, _ = run(
        *("--domain", "handbook", "--events", path, "--policies", policies),
        *("--feature-set", "published", "--out", tmp_path / "out", "--jobs", 1, "--json"),
    )
    assert status == 0
    assert found["source"]["kind"] == "events"
    assert found["interval"].startswith("bootstrap")
    # Every fraud of the set is known after its published delay of a week.
    known = found["label_delay"]["known"]
    assert (known[6], known[7]) == (0.0, 1.0)
    # Its report speaks of labels, not of customers and banks.
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "label of the data set" in page
    assert "Customers and banks speak" not in page


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "neither a scenario nor a domain"),
        (["--scenario", "card_stable", "--domain", "card"], "both a scenario and a domain"),
        (["--scenario", "card_stabel"], "did you mean 'card_stable'"),
        (["--scenario", "card_stable", "--events", "many"], "is no number of events"),
        (["--scenario", "card_stable", "--policies", "nope"], "there is no policy file 'nope'"),
        (["--scenario", "card_stable", "--seeds", "0"], "--seeds"),
        (["--scenario", "card_stable", "--jobs", "0"], "--jobs"),
        (["--scenario", "card_stable", "--days", "20"], "warm-up of 60 days"),
        (["--scenario", "card_stable", "-f", "nope"], "no feature set 'nope'"),
        (["--domain", "handbook"], "no events are given"),
        (["--domain", "handbook", "--events", "none.csv"], "there is no such file"),
        (["--domain", "handbok", "--events", "README.md"], "did you mean 'handbook'"),
        (["--domain", "handbook", "--events", "README.md", "--days", "9"], "--days"),
    ],
)
def test_refusals(
    run: Callable[..., tuple[int, Any, str]],
    tmp_path: Path,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    told: str,
) -> None:
    monkeypatch.chdir(root)
    status, _, err = run(*arguments, "--out", tmp_path / "out")
    assert status == 2
    assert told in err
    assert not (tmp_path / "out").exists()
