"""One suite over every way to answer: kernels and libraries, from a bundle's directory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lagmark.errors import StateError
from lagmark.learning import Calibration, TrainedModel
from lagmark.learning.bundle import MANIFEST
from lagmark.learning.models import KINDS, create_model
from lagmark.serving.scoring import TreeScorer
from lagmark.wiring.scorers import BundleScorer, open_scorer

NAMES = ("amount", "count 7d", "risk", "hour", "ratio")
PARAMS = {
    "xgboost": {"n_estimators": 30, "max_depth": 4},
    "lightgbm": {"n_estimators": 30},
    "random_forest": {"n_estimators": 5, "max_depth": 4},
    "isolation_forest": {"n_estimators": 5},
    "autoencoder": {"epochs": 3, "bottleneck": 2},
    "ensemble": {
        "parts": [
            {"kind": "xgboost", "params": {"n_estimators": 5}, "weight": 2.0},
            {"kind": "logistic_regression", "weight": 1.0},
        ]
    },
}


def rows(n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    X = rng.normal(size=(n, 5))
    y = (X[:, 0] + X[:, 1] * X[:, 2] + 0.5 * rng.normal(size=n) > 1).astype(np.int8)
    X[rng.random(X.shape) < 0.05] = np.nan
    return X, y


def bundle(kind: str, path: Path) -> TrainedModel:
    X, y = rows()
    model = create_model(kind, PARAMS.get(kind)).fit(X, y, names=NAMES)
    calibration = Calibration.fit(model.predict_proba(X), y)
    trained = TrainedModel(model, calibration, "c" * 64, 0, "f", 0, 0, 1, 400, int(y.sum()))
    trained.save(path)
    return trained


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[TrainedModel, Path]]:
    top = tmp_path_factory.mktemp("bundles")
    return {kind: (bundle(kind, top / kind), top / kind) for kind in KINDS}


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_scorer_answers_as_its_bundle(
    kind: str, bundles: dict[str, tuple[TrainedModel, Path]]
) -> None:
    trained, path = bundles[kind]
    scorer = open_scorer(path, version="12", contract_hash="c" * 64)
    assert (scorer.version, scorer.kind, scorer.names) == ("12", kind, NAMES)
    assert scorer.contract_hash == trained.contract_hash
    assert isinstance(scorer, TreeScorer) == (kind in ("xgboost", "lightgbm"))
    X = np.ascontiguousarray(rows()[0][:20])
    # XGBoost's own probabilities are float32.
    assert np.allclose(scorer.probabilities(X), trained.probability(X), rtol=1e-6, atol=1e-12)
    wanted = trained.model.contributions(X)
    assert np.abs(scorer.contributions(X) - wanted).max() <= 1e-5
    columns, parts = scorer.top_contributions(X, 3)
    for i, reasons in enumerate(trained.reasons(X)):
        found = [(NAMES[c], p) for c, p in zip(columns[i], parts[i], strict=True) if c >= 0]
        assert [name for name, _ in found] == [reason.name for reason in reasons]
        assert np.allclose([p for _, p in found], [r.contribution for r in reasons], atol=1e-5)
        assert (columns[i, len(reasons) :] == -1).all()


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_row_has_the_same_bits_in_any_company_and_after_a_restart(
    kind: str, bundles: dict[str, tuple[TrainedModel, Path]]
) -> None:
    path = bundles[kind][1]
    first, second = open_scorer(path, version="1"), open_scorer(path, version="1")
    X = np.ascontiguousarray(rows()[0][:9])
    among = (first.probabilities(X), first.contributions(X), *first.top_contributions(X, 2))
    for i in reversed(range(9)):
        row = X[i : i + 1].copy()
        alone = (
            second.probabilities(row),
            second.contributions(row),
            *second.top_contributions(row, 2),
        )
        for a, b in zip(alone, among, strict=True):
            assert a[0].tobytes() == b[i].tobytes()


@pytest.mark.parametrize("kind", list(KINDS))
def test_no_rows_have_no_answers(kind: str, bundles: dict[str, tuple[TrainedModel, Path]]) -> None:
    scorer, none = open_scorer(bundles[kind][1], version="1"), np.empty((0, 5))
    assert scorer.probabilities(none).shape == (0,)
    assert scorer.contributions(none).shape == (0, 6)
    assert [found.shape for found in scorer.top_contributions(none, 2)] == [(0, 2), (0, 2)]


def test_other_features_and_altered_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    bundle("xgboost", path)
    with pytest.raises(StateError, match="model reads features cccc"):
        open_scorer(path, version="1", contract_hash="d" * 64)
    file = path / "model" / "model.ubj"
    content = file.read_bytes()
    file.write_bytes(content[:-1])
    with pytest.raises(StateError, match="differs from the manifest"):
        open_scorer(path, version="1")
    file.unlink()
    with pytest.raises(StateError, match="is missing"):
        open_scorer(path, version="1")


def test_what_the_kernels_cannot_say_is_answered_by_the_library(tmp_path: Path) -> None:
    # Squared error is none of the kernels' objectives, and the manifest vouches for the file.
    import hashlib

    import xgboost

    path = tmp_path / "bundle"
    trained = bundle("xgboost", path)
    X, y = rows()
    other = xgboost.train({"objective": "reg:logistic"}, xgboost.DMatrix(X, label=y), 5)
    file = path / "model" / "model.ubj"
    other.save_model(file)
    manifest = json.loads((path / MANIFEST).read_text())
    manifest["files"]["model/model.ubj"] = hashlib.sha256(file.read_bytes()).hexdigest()
    (path / MANIFEST).write_text(json.dumps(manifest))
    scorer = open_scorer(path, version="1")
    assert isinstance(scorer, BundleScorer)
    wanted = trained.calibration.apply(other.inplace_predict(X[:5]).astype(np.float64))
    assert np.allclose(scorer.probabilities(X[:5]), wanted, rtol=1e-12)


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm"])
def test_trees_are_served_without_their_library(
    kind: str, bundles: dict[str, tuple[TrainedModel, Path]]
) -> None:
    # The library alone takes longer to start than the service may.
    program = (
        "import sys; from pathlib import Path; import numpy as np;"
        "from lagmark.wiring.scorers import open_scorer;"
        f"s = open_scorer(Path({str(bundles[kind][1])!r}), version='1');"
        "s.top_contributions(np.zeros((1, 5)), 3); s.probabilities(np.zeros((1, 5)));"
        "print([m for m in ('xgboost', 'lightgbm', 'sklearn', 'polars') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"
