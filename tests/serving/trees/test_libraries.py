"""Kernels on model files against the libraries that wrote them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
import xgboost

from lagmark.errors import StateError
from lagmark.serving.trees import Forest, read_lightgbm, read_xgboost
from lagmark.serving.trees.ubjson import loads

from .plain import random_rows
from .test_kernels import scorer

FEATURES = 12


def data(seed: int = 0, n: int = 1500) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Examples, labels, and other rows to ask about."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, FEATURES))
    X[:, 4:8] = np.round(X[:, 4:8], 1)
    X[:, 9] = np.exp(3 * X[:, 9])
    y = X[:, 0] + X[:, 1] * X[:, 4] + np.sin(3 * X[:, 5]) + rng.normal(size=n) > 0.5
    X[rng.random(X.shape) < 0.1] = np.nan
    return X, y.astype(np.int8), np.concatenate([X[:60], random_rows(rng, 60, FEATURES)])


def same(found: np.ndarray, wanted: np.ndarray) -> bool:
    return bool(np.abs(found - wanted).max() <= 1e-5 * max(1.0, np.abs(wanted).max()))


XGBOOST: dict[str, dict[str, Any]] = {
    **{f"depth {d}": {"max_depth": d} for d in range(1, 11)},
    "leaf-wise": {"grow_policy": "lossguide", "max_leaves": 20, "max_depth": 0},
    "exact, pruned": {"tree_method": "exact", "max_depth": 5, "gamma": 2.0},
    "rare": {"base_score": 0.02, "max_depth": 3},
    "constant": {"max_depth": 3, "min_child_weight": 1e9},
    "parallel": {"num_parallel_tree": 3, "subsample": 0.5, "max_depth": 4},
    "wide": {"max_depth": 6, "colsample_bynode": 0.2, "reg_lambda": 0.0},
}


@pytest.mark.parametrize("name", list(XGBOOST))
def test_xgboost(name: str, tmp_path: Path) -> None:
    X, y, rows = data()
    matrix = xgboost.DMatrix(X, label=y)
    params = {"objective": "binary:logistic", "base_score": 0.5, "eta": 0.2, "nthread": 1}
    booster = xgboost.train(params | XGBOOST[name], matrix, 37)
    path = tmp_path / "model.ubj"
    booster.save_model(path)
    one = scorer(read_xgboost(path))
    if name == "constant":
        assert not one.contributions(rows)[:, :-1].any()
    assert same(one.contributions(rows), booster.predict(xgboost.DMatrix(rows), pred_contribs=True))
    # The margin is the same bit for bit; libraries of mathematics may round its exponential apart.
    probability = booster.inplace_predict(rows).astype(np.float64)
    assert margins(read_xgboost(path), rows).tolist() == (
        booster.inplace_predict(rows, predict_type="margin").tolist()
    )
    assert np.abs(one.probabilities(rows) / probability - 1).max() < 3e-7


LIGHTGBM: dict[str, dict[str, Any]] = {
    **{f"depth {d}": {"max_depth": d, "num_leaves": 2**d} for d in range(1, 11)},
    "defaults": {},
    "zero as missing": {"zero_as_missing": True},
    "no missing": {"use_missing": False},
    "constant": {"min_data_in_leaf": 10_000},
    "leaves": {"num_leaves": 120, "min_data_in_leaf": 2},
}


@pytest.mark.parametrize("name", list(LIGHTGBM))
def test_lightgbm(name: str, tmp_path: Path) -> None:
    X, y, rows = data()
    params = {"objective": "binary", "verbosity": -1, "num_threads": 1, "learning_rate": 0.2}
    booster = lightgbm.train(params | LIGHTGBM[name], lightgbm.Dataset(X, label=y), 23)
    path = tmp_path / "model.txt"
    booster.save_model(path)
    one = scorer(read_lightgbm(path))
    assert same(one.contributions(rows), booster.predict(rows, pred_contrib=True))
    assert margins(read_lightgbm(path), rows).tolist() == (
        booster.predict(rows, raw_score=True).tolist()
    )
    assert np.abs(one.probabilities(rows) / booster.predict(rows) - 1).max() < 1e-15 * 4


def margins(forest: Forest, rows: np.ndarray) -> np.ndarray:
    from lagmark.serving.trees import predict
    from lagmark.serving.trees.codes import codes_of, encode

    codes, column, rank = codes_of(forest)
    walk = predict.walk_of(forest, column, rank)
    shape = (1 + rows.shape[0], codes.columns.shape[0] + FEATURES + 1)
    found, *coded = every = np.zeros(shape, dtype=np.int64)
    out = np.empty(rows.shape[0])
    assert all(encode(codes, x, found, row) for x, row in zip(rows, coded, strict=True))
    predict.margins(walk, every[1:], out)
    return out


def test_what_the_kernels_cannot_say_is_refused(tmp_path: Path) -> None:
    X, y, _ = data(n=300)
    path = tmp_path / "model.ubj"
    for params in (
        {"objective": "reg:squarederror"},
        {"objective": "binary:logistic", "rate_drop": 0.9, "one_drop": 1},
        {"objective": "binary:logistic", "booster": "gblinear", "verbosity": 0},
    ):
        xgboost.train(params, xgboost.DMatrix(X, label=y), 3).save_model(path)
        with pytest.raises(StateError, match="cannot be read"):
            read_xgboost(path)
    kinds = ["c", *["float"] * (FEATURES - 1)]
    X[:, 0] = np.arange(300) % 5
    y = np.isin(X[:, 0], (1, 3)).astype(np.int8)
    matrix = xgboost.DMatrix(X, label=y, feature_types=kinds, enable_categorical=True)
    xgboost.train({"objective": "binary:logistic"}, matrix, 3).save_model(path)
    with pytest.raises(StateError, match="categorical"):
        read_xgboost(path)
    text = tmp_path / "model.txt"
    for objective, column in (("regression", "auto"), ("binary", [0])):
        train = lightgbm.Dataset(X, label=y, categorical_feature=column)
        params = {"objective": objective, "verbosity": -1, "cat_smooth": 1, "min_data_per_group": 1}
        lightgbm.train(params, train, 3).save_model(text)
        with pytest.raises(StateError, match="cannot be read"):
            read_lightgbm(text)


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm"])
def test_a_damaged_file_is_refused(kind: str, tmp_path: Path) -> None:
    X, y, rows = data(n=200)
    path = tmp_path / "model"
    if kind == "xgboost":
        params: dict[str, Any] = {"objective": "binary:logistic", "max_depth": 2}
        booster: Any = xgboost.train(params, xgboost.DMatrix(X, label=y), 2)
        path.write_bytes(bytes(booster.save_raw("ubj")))
        read: Any = read_xgboost
    else:
        params = {"objective": "binary", "verbosity": -1, "num_leaves": 4}
        booster = lightgbm.train(params, lightgbm.Dataset(X, label=y), 2)
        booster.save_model(path)
        read = read_lightgbm
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    end = len(whole) if kind == "xgboost" else whole.index(b"end of trees")
    for cut in rng.integers(0, end, 60):
        path.write_bytes(whole[:cut])
        with pytest.raises(StateError):
            read(path)
    refused = 0
    for place in rng.integers(0, len(whole), 150):
        path.write_bytes(whole[:place] + bytes([rng.integers(0, 256)]) + whole[place + 1 :])
        try:
            forest = read(path)
        except StateError:
            refused += 1
        else:
            # What is read is trees that can be followed, whatever they say.
            if forest.features == FEATURES:
                scorer(forest).contributions(rows)
    assert refused > 10
    with pytest.raises(StateError):
        read(tmp_path / "nothing")


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"{i\x01a", b"[$d#i\x05\0", b"[#L\x7f" + b"\xff" * 7, b"[" * 100, b"Z Z", b"?",
     b"[$S#i\x01", b"{U\xffa", b"S"],
)  # fmt: skip
def test_what_is_no_ubjson_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"UBJSON|off|after|deep|marker|length"):
        loads(text)


def test_ubjson() -> None:
    assert loads(b"[TFZi\xfeU\xfeSi\x02hi{}[]]") == [True, False, None, -2, 254, "hi", {}, []]
    assert loads(b"[$d#i\x02\x3f\x80\0\0\xc0\0\0\0").tolist() == [1.0, -2.0]
    assert loads(b"[#i\x02I\x01\x00l\0\0\0\x07]"[:-1]) == [256, 7]
