from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lagmark.errors import DataError, StateError
from lagmark.learning import Dataset, TrainedModel, top_reasons, train
from lagmark.learning import bundle as bundle_module
from lagmark.learning.training import later_predictions
from lagmark.schema.time import DAY

from .payments import learnable

SMALL = {"n_estimators": 20, "max_depth": 3, "max_bin": 64}


def dataset() -> Dataset:
    batch, vectors = learnable(np.random.default_rng(8))
    return Dataset.build(
        batch, vectors, as_of=20 * DAY, start=0, end=18 * DAY, delay=2 * DAY, contract_hash="c0"
    )


@pytest.fixture(scope="module")
def trained() -> TrainedModel:
    return train(dataset(), "xgboost", SMALL)


def test_training_is_repeatable_and_remembers_where_it_came_from(trained: TrainedModel) -> None:
    data = dataset()
    again = train(data, "xgboost", SMALL)
    assert again.probability(data.X).tobytes() == trained.probability(data.X).tobytes()
    assert trained.fingerprint == data.fingerprint
    assert (trained.as_of, trained.contract_hash) == (20 * DAY, "c0")
    assert (trained.train_events, trained.train_frauds) == (len(data), data.frauds)
    assert trained.calibration.method == "logistic"
    assert train(data, "xgboost", SMALL, calibrate=False).calibration.method == "identity"


def test_calibration_predictions_come_from_earlier_examples_only() -> None:
    data = dataset()
    index, probability = later_predictions(data, "logistic_regression")
    assert len(set(index)) == index.shape[0]
    later = np.zeros(len(data), dtype=bool)
    later[index] = True
    assert data.event_time[~later].max() < data.event_time[later].min()
    # Turning the labels of the last third round changes no prediction.
    last = index[data.event_time[index] >= np.quantile(data.event_time, 2 / 3)]
    y = data.y.copy()
    y[last] = 1 - y[last]
    again, same = later_predictions(replace(data, y=y), "logistic_regression")
    assert again.tolist() == index.tolist()
    assert same.tobytes() == probability.tobytes()


def test_too_little_data_is_refused_or_left_uncalibrated() -> None:
    data = dataset()
    with pytest.raises(DataError, match="cannot be learnt from"):
        train(data.take(data.y == 0), "xgboost", SMALL)
    few = data.take(
        np.flatnonzero(data.y == 1)[-5:].tolist() + np.flatnonzero(data.y == 0).tolist()
    )
    assert train(few, "xgboost", SMALL).calibration.method == "identity"


def test_a_bundle_survives_its_directory(trained: TrainedModel, tmp_path: Path) -> None:
    data = dataset()
    trained.save(tmp_path / "a" / "model")
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["model"]
    loaded = TrainedModel.load(tmp_path / "a" / "model", contract_hash="c0")
    assert loaded.facts() == trained.facts()
    assert loaded.calibration == trained.calibration
    assert loaded.probability(data.X).tobytes() == trained.probability(data.X).tobytes()
    assert loaded.score(data.X).tolist() == trained.score(data.X).tolist()
    with pytest.raises(StateError, match="something already"):
        trained.save(tmp_path / "a" / "model")


def test_every_altered_file_is_named(trained: TrainedModel, tmp_path: Path) -> None:
    home = tmp_path / "model"
    trained.save(home)
    for file in [f for f in home.rglob("*") if f.is_file() and f.name != "manifest.json"]:
        whole = file.read_bytes()
        file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(StateError, match=f"{file.name} differs from the manifest"):
            TrainedModel.load(home)
        file.unlink()
        with pytest.raises(StateError, match=f"{file.name} is missing"):
            TrainedModel.load(home)
        file.write_bytes(whole)
    (home / "extra.bin").write_bytes(b"")
    with pytest.raises(StateError, match=r"extra\.bin differs"):
        TrainedModel.load(home)
    (home / "extra.bin").unlink()
    with pytest.raises(StateError, match="reads features c0, these are other"):
        TrainedModel.load(home, contract_hash="other")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "format 99"),
        ({"names": ["a"]}, "names differ"),
        ({"kind": "oracle"}, "no model kind 'oracle'"),
    ],
)
def test_foreign_manifests_are_refused(
    trained: TrainedModel, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    trained.save(tmp_path / "m")
    manifest = tmp_path / "m" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | change))
    with pytest.raises(StateError, match=message):
        TrainedModel.load(tmp_path / "m")
    manifest.write_text("{}")
    with pytest.raises(StateError, match="lacks as_of"):
        TrainedModel.load(tmp_path / "m")
    manifest.write_text("half a fi")
    with pytest.raises(StateError, match="no readable model bundle"):
        TrainedModel.load(tmp_path / "m")


def test_a_failed_save_leaves_nothing(
    trained: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Path) -> dict[str, str]:
        raise OSError("disk full")

    monkeypatch.setattr(bundle_module, "_digests", full)
    with pytest.raises(OSError, match="disk full"):
        trained.save(tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_reasons_are_the_largest_contributions_with_their_values(trained: TrainedModel) -> None:
    X = dataset().X[:50]
    parts = trained.model.contributions(X)
    for i, row in enumerate(trained.reasons(X, k=2)):
        ranked = sorted(range(4), key=lambda j: -parts[i, j])[:2]
        expected = [trained.names[j] for j in ranked if parts[i, j] > 0]
        assert [reason.name for reason in row] == expected
        for reason in row:
            value = X[i, trained.names.index(reason.name)]
            assert reason.value == (None if np.isnan(value) else value)
    with pytest.raises(DataError, match="do not fit"):
        top_reasons(["a"], X, parts)
