"""simulate --scenario, scenarios, stats and clear from the command line."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lagmark.apps.cli import main
from lagmark.simulator import load_scenario, scenario_names

SMALL = ("--scenario", "card_stable", "--events", 3_000, "--days", 10)


class Command:
    """Runs commands in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *arguments: object) -> int:
        self._capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        self.out, self.err = self._capsys.readouterr()
        return status

    def json_typologies(self) -> list[str]:
        return [each["typology"] for each in self.json["typologies"]]

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


def test_simulate_writes_a_history(run: Command, tmp_path: Path) -> None:
    out = tmp_path / "history"
    assert run("simulate", *SMALL, "--seed", 4, "--out", out, "--json") == 0
    told = run.json
    manifest = json.loads((out / "manifest.json").read_text())
    events = pl.read_parquet(out / "events")
    assert told["events"] == manifest["events"] == events.height
    assert told["frauds"] == manifest["frauds"] == pl.read_parquet(out / "truth")["fraud"].sum()
    assert (told["seed"], told["domain"], told["first_day"]) == (4, "card", "2025-01-06")
    assert run("simulate", *SMALL, "--seed", 4, "--out", out) == 0
    assert f"{told['events']:,} events" in run.out
    assert f"next: lagmark stats {out}" in run.out


def test_options_reach_the_scenario(run: Command, tmp_path: Path) -> None:
    out = tmp_path / "history"
    options = ("--users", 60, "--days", 6, "--start", "2024-02-26", "--change-day", 2)
    assert run("simulate", "-s", "card_rate_jump", *options, "-o", out, "--json") == 0
    assert (run.json["users"], run.json["change_days"]) == (60, [2])
    assert (run.json["first_day"], run.json["last_day"]) == ("2024-02-26", "2024-03-02")


def test_a_scenario_of_ones_own(run: Command, tmp_path: Path) -> None:
    assert run("scenarios", "bank_link_stable") == 0
    mine = tmp_path / "mine.yaml"
    mine.write_text(run.out.replace("name: bank_link_stable", "name: mine"))
    out = tmp_path / "history"
    assert run("simulate", "-s", mine, "--events", 3_000, "--days", 8, "-o", out, "--json") == 0
    assert (run.json["scenario"], run.json["domain"]) == ("mine", "bank_link")


def test_scenarios(run: Command) -> None:
    assert run("scenarios") == 0
    assert [name for name in scenario_names() if name not in run.out] == []
    assert run("scenarios", "--json") == 0
    assert [each["name"] for each in run.json["scenarios"]] == list(scenario_names())
    assert run("scenarios", "card_new_pattern", "--json") == 0
    assert "fake_shop" in run.json["tells"]
    assert run.json["labels"] == load_scenario("card_new_pattern").labels.model_dump()
    assert run("scenarios", "nope") == 2


def test_stats_and_clear(run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, page = tmp_path / "history", tmp_path / "page.html"
    run("simulate", *SMALL, "--out", out)
    assert run("stats", out, "--html", page) == 0
    assert "frauds by typology" in run.out
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert run("stats", out, "--tells", "--json") == 0
    assert {each["typology"] for each in run.json["tells"]} >= set(run.json_typologies())
    assert run.json["events"] == pl.read_parquet(out / "events").height
    assert run("clear", out, "--json") == 2
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert run("clear", out) == 130
    assert out.is_dir()
    assert run("clear", out, "--yes") == 0
    assert not out.exists()
    assert run("clear", out, "--yes") == 3
    assert run("stats", out) == 3


def test_clear_spares_what_is_no_history(run: Command, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    assert run("clear", tmp_path, "--yes") == 3
    assert (tmp_path / "thesis.tex").exists()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["-s", "card_stabel"], "did you mean 'card_stable'"),
        (["-s", "card_stable", "--events", "0"], "events=0"),
        (["-s", "card_stable", "--days", "0"], "days=0"),
        (["-s", "card_stable", "--seed", "-1"], "--seed"),
        (["-s", "card_stable", "--start", "never"], "never"),
        (["-s", "card_stable", "--customers", "5"], "--customers belongs to the handbook"),
        (["-s", "card_stable", "--domain", "bank_link"], "of domain 'card'"),
        (["-s", "none.yaml"], "none.yaml"),
        (["--events", "5"], "--events goes with a scenario"),
        (["--users", "5"], "--users goes with a scenario"),
        (["--change-day", "5"], "--change-day goes with a scenario"),
    ],
)
def test_what_cannot_be_done(run: Command, tmp_path: Path, arguments: list[str], word: str) -> None:
    assert run("simulate", *arguments, "--out", tmp_path / "x") == 2
    assert word in run.err
    assert run.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_scenario_goes_to_a_folder(run: Command, tmp_path: Path) -> None:
    assert run("simulate", *SMALL, "--out", tmp_path / "x.parquet") == 2
    assert "to a folder" in run.err


def test_a_killed_run_is_replaced_by_the_next(run: Command, tmp_path: Path) -> None:
    out = tmp_path / "history"
    command = [sys.executable, "-m", "lagmark.apps.cli", "simulate", "-s", "card_stable"]
    killed = subprocess.Popen([*command, "--events", "3000000", "--out", str(out)])
    draft = tmp_path / ".history.unfinished"
    for _ in range(600):
        if len(list(draft.glob("events/*.parquet"))) > 3:
            break
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert draft.is_dir()
    assert not out.exists()
    assert run("stats", out) == 3
    assert run("simulate", *SMALL, "--out", out) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["history"]
