"""``lagmark run`` and the model commands as a program is run: status, stdout, stderr."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from lagmark.apps.cli import main

SETTINGS = """\
domain: handbook
feature_sets: [published]
models:
- kind: xgboost
  params: {n_estimators: 10, max_depth: 3, max_bin: 64}
folds: 1
threads: 1
resamples: 0
parity: false
"""


@pytest.fixture
def run_file(tmp_path: Path, payments: Path) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text(f"{SETTINGS}events: {payments}\nhome: {tmp_path / 'home'}\n")
    return path


def lagmark(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lagmark.apps.cli", *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def answer(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    capsys.readouterr()
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.slow
def test_run_then_the_model_commands(
    run_file: Path, tmp_path: Path, payments: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = ("--domain", "handbook", "--home", tmp_path / "home")
    ran = answer(capsys, "run", "--config", run_file)
    assert ran["registered"]["alias"] == "champion"
    trained = answer(
        capsys, "train", *home, "--events", payments, "--feature-set", "published",
        "--model", "logistic_regression", "--as-of", "2018-04-25",
    )  # fmt: skip
    listed = answer(capsys, "runs", *home)["runs"]
    assert {one["run_id"] for one in listed} == {trained["run_id"], ran["results"][0]["run_id"]}
    assert listed[0]["pr_auc"] is not None, "the best first, those without figures last"
    promoted = answer(capsys, "promote", trained["run_id"], *home, "--reason", "a test")
    assert promoted["aliases"] == ["champion"]
    measured = answer(
        capsys, "evaluate", *home, "--events", payments, "--from", "2018-04-25",
        "--to", "2018-05-01",
    )  # fmt: skip
    assert 0 < measured["pr_auc"] <= 1
    asked = ("evaluate", *home, "--events", payments, "--from", "2018-04-25", "--to", "2018-05-01")
    version = str(measured["version"])
    for model in (trained["run_id"], trained["run_id"][:9], version, "champion"):
        assert answer(capsys, *asked, "--model", model) == measured
    moved = tmp_path / "elsewhere"
    shutil.copytree(measured["bundle"], moved)
    found = answer(capsys, *asked, "--model", moved)
    assert found == {**measured, "version": None, "bundle": str(moved)}
    for model, status in (("nothing", 6), ("challenger", 6), (tmp_path, 5)):
        assert lagmark(*asked, "--model", model).returncode == status
    card = ("evaluate", "--domain", "card", "--home", tmp_path / "home", *asked[5:])
    assert "belongs to domain 'handbook'" in lagmark(*card, "--model", trained["run_id"]).stderr
    assert "no feature set of domain 'card'" in lagmark(*card, "--model", moved).stderr
    back = answer(capsys, "rollback", *home, "--reason", "a test")
    assert back["version"] == ran["registered"]["version"]


def test_what_a_person_reads(run_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--config", str(run_file), "--parity"]) == 0
    out = capsys.readouterr().out
    assert "parity_differences: 0" in out
    assert "PR-AUC" in out
    assert "champion" in out


def test_exit_statuses(tmp_path: Path, payments: Path) -> None:
    missing = lagmark("run", "--domain", "handbook", "--events", tmp_path / "no.parquet",
                      "--home", tmp_path)  # fmt: skip
    assert missing.returncode == 3
    assert missing.stderr.count("\n") == 1
    config = tmp_path / "run.yaml"
    config.write_text("sed: 1\n")
    wrong = lagmark("run", "--config", config)
    assert wrong.returncode == 2
    assert "did you mean seed" in wrong.stderr
    unknown = lagmark("promote", "nothing", "-d", "handbook", "--home", tmp_path, "--reason", "x")
    assert unknown.returncode == 6


def test_a_parity_difference_fails_the_command(
    run_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from lagmark.features import OnlineEngine

    honest = OnlineEngine.process

    def one_wrong(self: OnlineEngine, event: Any) -> Any:
        return honest(self, event) + 1.0

    monkeypatch.setattr(OnlineEngine, "process", one_wrong)
    status = main(["run", "--config", str(run_file), "--parity", "--json"])
    out, err = capsys.readouterr()
    assert status == 7
    assert json.loads(out)["parity_differences"] > 0
    assert json.loads(out)["registered"] is None
    assert "differ" in err


@pytest.mark.slow
def test_a_killed_run_leaves_nothing_half_written_and_runs_again(
    run_file: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    for delay in (0.5, 1.5, 3.0, 5.0):
        with subprocess.Popen(
            [sys.executable, "-m", "lagmark.apps.cli", "run", "--config", str(run_file)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as victim:  # fmt: skip
            time.sleep(delay)
            os.kill(victim.pid, signal.SIGKILL)
        for page in home.glob("reports/*.html"):
            assert page.read_text().rstrip().endswith("</html>")
    done = lagmark("run", "--config", run_file, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["results"]
    listed = lagmark("runs", "-d", "handbook", "--home", home, "--json")
    assert all(one["pr_auc"] is not None for one in json.loads(listed.stdout)["runs"])
