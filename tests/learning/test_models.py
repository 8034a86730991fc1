from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lagmark.errors import ConfigError, DataError, StateError
from lagmark.learning.models import KINDS, PUBLISHED, Model, create_model, model_type
from lagmark.learning.models.imputer import medians

NAMES = ("amount", "count [7d]", "risk < 1", "hour")
SMALL = {
    "xgboost": {"n_estimators": 20},
    "lightgbm": {"n_estimators": 20},
    "random_forest": {"n_estimators": 10},
    "logistic_regression": {},
}


def training_data(n: int = 800) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(n, 4))
    y = (X[:, 0] + X[:, 1] * X[:, 2] + rng.normal(size=n) > 1.5).astype(np.int8)
    X[rng.random((n, 4)) < 0.05] = np.nan
    return X, y


@pytest.fixture(scope="module", params=list(KINDS))
def fitted(request: pytest.FixtureRequest) -> Model:
    X, y = training_data()
    return create_model(request.param, SMALL[request.param]).fit(X, y, names=NAMES)


def test_every_kind_is_covered() -> None:
    assert set(SMALL) == set(KINDS)
    assert {preset.kind for preset in PUBLISHED.values()} <= set(KINDS)
    for preset in PUBLISHED.values():
        create_model(preset.kind, preset.params)


def test_frauds_score_higher(fitted: Model) -> None:
    X, y = training_data()
    probability = fitted.predict_proba(X)
    assert probability.dtype == np.float64
    assert probability.shape == y.shape
    assert ((probability >= 0) & (probability <= 1)).all()
    assert probability[y == 1].mean() > 2 * probability[y == 0].mean()


def test_contributions_add_up_to_the_prediction(fitted: Model) -> None:
    X, _ = training_data()
    parts = fitted.contributions(X[:40])
    assert parts.shape == (40, 5)
    total = parts.sum(axis=1)
    expected = fitted.predict_proba(X[:40])
    if fitted.unit == "log-odds":
        total = 1 / (1 + np.exp(-total))
    assert total == pytest.approx(expected, abs=1e-6)


def test_a_stored_model_predicts_the_same_bits(fitted: Model, tmp_path: Path) -> None:
    X, _ = training_data()
    fitted.save(tmp_path)
    loaded = model_type(fitted.kind).load(tmp_path)
    assert (loaded.names, loaded.params) == (NAMES, fitted.params)
    assert loaded.predict_proba(X).tobytes() == fitted.predict_proba(X).tobytes()
    assert loaded.contributions(X[:5]).tobytes() == fitted.contributions(X[:5]).tobytes()
    # A pickle begins with the protocol opcode; nothing stored may.
    assert all(file.read_bytes()[:1] != b"\x80" for file in tmp_path.iterdir())


def test_the_same_seed_gives_the_same_model(fitted: Model) -> None:
    X, y = training_data()
    again = create_model(fitted.kind, fitted.params).fit(X, y, names=NAMES)
    assert again.predict_proba(X).tobytes() == fitted.predict_proba(X).tobytes()


def test_weights_count(fitted: Model) -> None:
    X, y = training_data()
    weights = np.where(y == 1, 20.0, 1.0)
    heavy = create_model(fitted.kind, fitted.params).fit(X, y, names=NAMES, weights=weights)
    assert heavy.predict_proba(X).mean() > fitted.predict_proba(X).mean()


def test_wrong_input_is_refused(fitted: Model) -> None:
    X, y = training_data()
    bad = X.copy()
    bad[3, 2] = np.inf
    with pytest.raises(DataError, match="feature risk < 1: infinite"):
        fitted.predict_proba(bad)
    with pytest.raises(DataError, match=r"expected \(n, 4\)"):
        fitted.contributions(X[:, :3])
    fresh = create_model(fitted.kind)
    with pytest.raises(StateError, match="not fitted"):
        fresh.predict_proba(X)
    with pytest.raises(StateError, match="not fitted"):
        fresh.save(Path())
    with pytest.raises(DataError, match="both classes"):
        fresh.fit(X, np.zeros_like(y), names=NAMES)
    with pytest.raises(DataError, match="repeat"):
        fresh.fit(X, y, names=("a", "a", "b", "c"))
    with pytest.raises(DataError, match="length"):
        fresh.fit(X, y[1:], names=NAMES)
    with pytest.raises(ConfigError, match="no parameter 'depth'"):
        create_model(fitted.kind, {"depth": 3})


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("xgboost", {"max_depth": "deep"}),
        ("lightgbm", {"num_leaves": -5}),
        ("random_forest", {"n_estimators": -1}),
        ("logistic_regression", {"C": -1.0}),
    ],
)
def test_bad_parameters_are_a_settings_error(kind: str, params: dict[str, object]) -> None:
    X, y = training_data()
    with pytest.raises(ConfigError, match="refuses its parameters"):
        create_model(kind, params).fit(X, y, names=NAMES)


def test_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="xgboost, lightgbm"):
        create_model("oracle")


def test_damaged_files_are_refused(fitted: Model, tmp_path: Path) -> None:
    kind = model_type(fitted.kind)
    with pytest.raises(StateError, match=r"model\.json"):
        kind.load(tmp_path)
    fitted.save(tmp_path)
    header = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(header | {"names": ["a", "b"]}))
    with pytest.raises(StateError):
        kind.load(tmp_path)
    (tmp_path / "model.json").write_text(json.dumps(header | {"kind": "oracle"}))
    with pytest.raises(StateError, match="of kind 'oracle'"):
        kind.load(tmp_path)
    (tmp_path / "model.json").write_text(json.dumps(header))
    for file in tmp_path.iterdir():
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(StateError):
            kind.load(tmp_path)
        file.write_bytes(whole)
    kind.load(tmp_path)


def test_a_forest_file_may_hold_nothing_but_a_sound_forest(tmp_path: Path) -> None:
    import skops.io
    from sklearn.linear_model import Perceptron
    from sklearn.preprocessing import FunctionTransformer

    X, y = training_data()
    model = create_model("random_forest", {"n_estimators": 2}).fit(X, y, names=NAMES)
    model.save(tmp_path)
    path = tmp_path / "model.skops"
    skops.io.dump(Perceptron(), path)
    with pytest.raises(StateError, match="holds a Perceptron"):
        type(model).load(tmp_path)
    skops.io.dump(FunctionTransformer(func=training_data), path)
    with pytest.raises(StateError, match=r"untrusted types: .*training_data"):
        type(model).load(tmp_path)
    forest = model._forest
    forest.estimators_[1].tree_.children_left[0] = 10**6
    skops.io.dump(forest, path)
    with pytest.raises(StateError, match="points outside itself"):
        type(model).load(tmp_path)


def test_class_weights_balance_logistic_regression(tmp_path: Path) -> None:
    X, y = training_data()
    plain = create_model("logistic_regression").fit(X, y, names=NAMES)
    for given in ("balanced", {"0": 1.0, "1": 9.0}):
        model = create_model("logistic_regression", {"class_weight": given})
        model.fit(X, y, names=NAMES)
        assert model.predict_proba(X).mean() > plain.predict_proba(X).mean()


def test_absent_values_become_the_training_median() -> None:
    X = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan], [9.0, np.nan]])
    assert medians(X).tolist() == [3.0, 0.0]


def test_published_xgboost_is_the_library_with_its_old_defaults() -> None:
    import xgboost

    X, y = training_data()
    preset = PUBLISHED["xgboost"]
    ours = create_model(preset.kind, preset.params).fit(X, y, names=NAMES)
    theirs = xgboost.XGBClassifier(
        random_state=0, n_jobs=1, base_score=0.5, tree_method="exact"
    ).fit(X, y)
    assert ours.predict_proba(X) == pytest.approx(theirs.predict_proba(X)[:, 1], abs=1e-7)
