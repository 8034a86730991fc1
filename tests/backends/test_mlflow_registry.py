from __future__ import annotations

import os
import subprocess
import sys
import warnings
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from lagmark.backends.mlflow_registry import MlflowRegistry
from lagmark.errors import RegistryError, StateError
from lagmark.learning.bundle import TrainedModel
from lagmark.learning.calibration import Calibration
from lagmark.learning.models import create_model
from lagmark.ports.model_registry import Alias, Ruling, RunReport

NAMES = ("amount", "count 7d")
REPORT = RunReport(
    domain="shop",
    name="first",
    feature_set="default",
    names=NAMES,
    contract_hash="c0",
    fingerprint="f0",
    as_of="2018-08-08T00:00:00+00:00",
    params={"kind": "xgboost", "model": {"depth": 2}},
    metrics={"pr_auc": 0.5, "roc_auc": 0.8, "card_precision_at_k": None, "odd": float("nan")},
)


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    y = (X[:, 0] + rng.normal(size=300) > 1).astype(np.int8)
    fitted = create_model("xgboost", {"n_estimators": 5}).fit(X, y, names=NAMES)
    return TrainedModel(fitted, Calibration(), "c0", 0, "f0", 0, 0, 1, 300, int(y.sum()))


@pytest.fixture(scope="module")
def bundle(model: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "model"
    model.save(path)
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> MlflowRegistry:
    """One database for all tests, which keep apart by their domains; making one takes seconds."""
    now = datetime(2018, 8, 22, tzinfo=UTC)
    return MlflowRegistry(tmp_path_factory.mktemp("registry"), clock=lambda: now)


def test_a_run_keeps_what_was_reported(home: MlflowRegistry, bundle: Path) -> None:
    run = home.log_run(replace(REPORT, tags={"fold": "2018-08-08"}), bundle)
    assert run.params == {"kind": "xgboost", "model": '{"depth": 2}'}
    assert run.metrics == {"pr_auc": 0.5, "roc_auc": 0.8}
    assert run.tags["lagmark.contract_hash"] == "c0"
    assert run.tags["lagmark.fingerprint"] == "f0"
    assert run.tags["lagmark.as_of"] == REPORT.as_of
    assert run.tags["fold"] == "2018-08-08"
    assert run.version is None
    assert home.runs("shop") == [run]


def test_runs_are_listed_best_first(home: MlflowRegistry, bundle: Path) -> None:
    for name, value in (("low", 0.1), ("none", None), ("high", 0.9)):
        report = replace(REPORT, domain="sorted", name=name, metrics={"pr_auc": value})
        home.log_run(report, bundle)
    assert [run.name for run in home.runs("sorted")] == ["high", "low", "none"]
    assert [run.name for run in home.runs("sorted", limit=1)] == ["high"]
    assert home.runs("unheard-of") == []


def test_promotion_and_rollback(home: MlflowRegistry, bundle: Path) -> None:
    report = replace(REPORT, domain="lifecycle")
    first, second = (home.log_run(report, bundle) for _ in "ab")
    assert home.version_of("lifecycle", Alias.CHAMPION) is None
    with pytest.raises(RegistryError, match="no model is champion"):
        home.bundle("lifecycle")
    one = home.promote("lifecycle", first.run_id, reason="the first")
    assert (one.version, one.run_id, one.aliases) == (1, first.run_id, ("champion",))
    assert one.tags["lagmark.promoted.2018-08-22T00:00:00_00:00"] == "the first"
    assert home.promote("lifecycle", 1, reason="again") == one
    with pytest.raises(RegistryError, match="no previous champion"):
        home.rollback("lifecycle", reason="hasty")

    two = home.register(second.run_id)
    assert home.register(second.run_id) == two
    assert home.set_alias("lifecycle", Alias.CHALLENGER, 2).aliases == ("challenger",)
    assert home.promote("lifecycle", 2, reason="better").aliases == ("challenger", "champion")
    previous = home.version_of("lifecycle", Alias.PREVIOUS)
    assert previous is not None
    assert previous.version == 1

    back = home.rollback("lifecycle", reason="alert rate doubled")
    assert (back.version, back.aliases) == (1, ("champion",))
    left = home.version_of("lifecycle", Alias.PREVIOUS)
    assert left is not None
    assert left.version == 2
    assert left.tags["lagmark.rolled_back.2018-08-22T00:00:00_00:00"] == "alert rate doubled"
    assert [v.version for v in home.versions("lifecycle")] == [2, 1]
    assert {run.version for run in home.runs("lifecycle")} == {1, 2}


def test_rulings_are_kept_with_their_reasons(home: MlflowRegistry, bundle: Path) -> None:
    start = datetime(2018, 8, 22, 1, 2, 3, 4, tzinfo=UTC)
    days = iter(start + timedelta(days=n) for n in range(9))
    registry = MlflowRegistry(Path(home.tracking_uri.split(":")[1]).parent, clock=days.__next__)
    report = replace(REPORT, domain="ruled")
    first, second = (registry.log_run(report, bundle).run_id for _ in "ab")
    assert registry.rulings(first) == []
    registry.promote("ruled", first, reason="the first")
    said = "refused on 5,000 events: better: by 0.01 (-0.02 to 0.04); fast: 30 ms"
    told = registry.refuse(second, reason=said)
    assert told == Ruling("2018-08-23T01:02:03.000004+00:00", "refused", said)
    assert registry.rulings(second) == [told]
    assert registry.run(second).version is None, "a refusal makes no version"
    champion = registry.version_of("ruled", Alias.CHAMPION)
    assert champion is not None
    assert champion.run_id == first

    registry.refuse(second, reason="not yet")
    registry.challenge("ruled", second, reason="compare")
    registry.promote("ruled", second, reason="by hand")
    registry.rollback("ruled", reason="a mistake")
    assert [(one.what, one.reason) for one in registry.rulings(second)] == [
        ("refused", said), ("refused", "not yet"), ("challenges", "compare"),
        ("promoted", "by hand"), ("rolled_back", "a mistake"),
    ]  # fmt: skip
    assert [one.what for one in registry.rulings(first)] == ["promoted"]
    with pytest.raises(RegistryError, match="no reason"):
        registry.refuse(second, reason=" ")
    with pytest.raises(RegistryError, match="no run nothing"):
        registry.refuse("nothing", reason="x")


def test_what_does_not_exist_is_named(home: MlflowRegistry, bundle: Path) -> None:
    run = home.log_run(replace(REPORT, domain="here"), bundle)
    with pytest.raises(RegistryError, match="no run nothing"):
        home.promote("here", "nothing", reason="x")
    with pytest.raises(RegistryError, match="no version 7"):
        home.promote("here", 7, reason="x")
    with pytest.raises(RegistryError, match="no version 7"):
        home.set_alias("here", Alias.CHALLENGER, 7)
    with pytest.raises(RegistryError, match="belongs to domain 'here'"):
        home.promote("elsewhere", run.run_id, reason="x")
    with pytest.raises(RegistryError, match="no reason"):
        home.promote("here", run.run_id, reason="  ")
    with pytest.raises(RegistryError, match="cannot name a model"):
        home.log_run(replace(REPORT, domain="a' or 1=1"), bundle)
    assert home.versions("elsewhere") == []


def test_a_run_without_a_readable_bundle_fails_and_is_not_listed(
    home: MlflowRegistry, tmp_path: Path
) -> None:
    with pytest.raises(StateError, match="no readable model bundle"):
        home.log_run(replace(REPORT, domain="broken"), tmp_path)
    assert home.runs("broken") == []


def test_the_champion_loads_as_bundle_and_by_mlflow_itself(
    home: MlflowRegistry, bundle: Path, model: TrainedModel
) -> None:
    import mlflow
    import pandas as pd

    run = home.log_run(replace(REPORT, domain="served"), bundle)
    home.promote("served", run.run_id, reason="only one")
    X = np.array([[0.5, 1.0], [np.nan, -2.0]])
    expected = model.probability(X).tolist()
    path = home.bundle("served")
    assert TrainedModel.load(path, contract_hash="c0").probability(X).tolist() == expected

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(home.tracking_uri)
    try:
        with warnings.catch_warnings():
            # MLflow's own import of its serving module warns.
            warnings.simplefilter("ignore")
            loaded = mlflow.pyfunc.load_model("models:/served@champion")
            frame = pd.DataFrame({"extra": [0, 0], "count 7d": X[:, 1], "amount": X[:, 0]})
            assert loaded.predict(frame).tolist() == expected
        assert loaded.metadata.signature.inputs.input_names() == list(NAMES)
        assert loaded.metadata.flavors["lagmark"]["contract_hash"] == "c0"
    finally:
        mlflow.set_tracking_uri(before)
    files = [f for f in path.parent.rglob("*") if f.is_file()]
    assert all(f.read_bytes()[:1] != b"\x80" and f.suffix != ".pkl" for f in files)

    path.rename(path.with_name("moved"))
    with pytest.raises(StateError, match="files of the model are gone"):
        home.bundle("served")


PROGRAM = """
import logging, sys
from pathlib import Path
from lagmark.backends.mlflow_registry import MlflowRegistry
registry = MlflowRegistry(Path(sys.argv[1]))
assert registry.runs("shop") == []
"""


@pytest.mark.slow
def test_two_processes_start_at_once_on_a_fresh_directory_without_a_word(tmp_path: Path) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", PROGRAM, str(tmp_path / "new")],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        for _ in "ab"
    ]
    for process in started:
        output, _ = process.communicate(timeout=120)
        assert (process.returncode, output) == (0, "")
    left = {file.name for file in (tmp_path / "new").iterdir()}
    assert left == {".lock", "mlflow.db"}


def test_a_moved_home_keeps_its_models_and_takes_new_ones(
    tmp_path: Path, bundle: Path, model: TrainedModel
) -> None:
    old, new = tmp_path / "old home", tmp_path / "deeper" / "new"
    first = MlflowRegistry(old / "registry")
    run = first.log_run(REPORT, bundle)
    first.promote("shop", run.run_id, reason="only one")
    new.parent.mkdir()
    old.rename(new)

    moved = MlflowRegistry(new / "registry")
    X = np.array([[0.5, 1.0], [np.nan, -2.0]])
    path = moved.bundle("shop")
    assert path.is_relative_to(new)
    assert TrainedModel.load(path).probability(X).tolist() == model.probability(X).tolist()
    second = moved.log_run(replace(REPORT, name="second"), bundle)
    assert moved.bundle_of(second.run_id).is_relative_to(new)
    assert moved.promote("shop", second.run_id, reason="newer").version == 2
    assert moved.rollback("shop", reason="older").run_id == run.run_id
    assert not old.exists()


def test_runs_and_domains_are_found(home: MlflowRegistry, bundle: Path) -> None:
    run = home.log_run(replace(REPORT, domain="found"), bundle)
    assert home.run(run.run_id) == run
    assert "found" in home.domains()
    assert "Default" not in home.domains()
    with pytest.raises(RegistryError, match="no run nothing"):
        home.bundle_of("nothing")


def test_rollback_restores_the_old_decisions_bit_for_bit(
    home: MlflowRegistry, tmp_path: Path, model: TrainedModel, bundle: Path
) -> None:
    rng = np.random.default_rng(4)
    X = rng.normal(size=(500, 2))
    y = (X[:, 1] > 0.5).astype(np.int8)
    other = replace(model, model=create_model("logistic_regression").fit(X, y, names=NAMES))
    other.save(tmp_path / "other")
    report = replace(REPORT, domain="restored")
    old, new = home.log_run(report, bundle), home.log_run(report, tmp_path / "other")
    home.promote("restored", old.run_id, reason="first")
    before = TrainedModel.load(home.bundle("restored"))
    home.promote("restored", new.run_id, reason="second")
    between = TrainedModel.load(home.bundle("restored")).probability(X)
    assert between.tobytes() != before.probability(X).tobytes()
    home.rollback("restored", reason="a mistake")
    after = TrainedModel.load(home.bundle("restored"))
    assert after.probability(X).tobytes() == before.probability(X).tobytes()
    assert after.reasons(X[:50]) == before.reasons(X[:50])
    assert after.facts() == before.facts()
