"""Isolation forest: how few random cuts set an event apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from lagmark.errors import ConfigError
from lagmark.learning.models.arrays import ARRAYS, read_arrays, save_arrays
from lagmark.learning.models.files import (
    check_training,
    check_values,
    merged,
    read_header,
    sigmoid,
    unreadable,
)
from lagmark.learning.models.imputer import impute, medians
from lagmark.learning.models.platt import platt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["IsolationForest"]

_DEFAULTS: dict[str, Any] = {"n_estimators": 100, "max_samples": "auto", "max_features": 1.0}
_STATE = ("left", "right", "feature", "threshold", "depth", "samples", "starts", "medians")
_CHUNK = 20_000
"""Rows walked through all trees at once."""


class IsolationForest:
    """Isolation forest (Liu, Ting and Zhou 2008) whose mean depth is read as log-odds of fraud.

    The trees see no label. A logistic map with two parameters, fitted on the labels, turns the
    mean depth of an event into log-odds; absent values are replaced by training medians.

    Parameters
    ----------
    params
        ``n_estimators``, ``max_samples`` and ``max_features``, as in scikit-learn.
    """

    kind: ClassVar[str] = "isolation_forest"
    unit: ClassVar[str] = "log-odds"

    def __init__(self, params: Mapping[str, Any] | None = None) -> None:
        self.params = merged(self.kind, _DEFAULTS, params)
        self.names: tuple[str, ...] = ()
        self._trees: dict[str, NDArray[Any]] = {}
        self._slope = self._intercept = 0.0
        self._explainer: Any = None

    def fit(
        self,
        X: NDArray[np.float64],
        y: NDArray[np.int8],
        *,
        names: Sequence[str],
        weights: NDArray[np.float64] | None = None,
        seed: int = 0,
        n_jobs: int = 1,
    ) -> Self:
        """See :meth:`Model.fit`."""
        from sklearn.ensemble import IsolationForest as Forest

        check_training(X, y, names, weights)
        middle = medians(X)
        forest = Forest(**self.params, random_state=seed, n_jobs=n_jobs)
        try:
            forest.fit(impute(X, middle), sample_weight=weights)
        except (ValueError, TypeError) as error:
            raise ConfigError(
                f"isolation forest refuses its parameters: {error}", where="model"
            ) from error
        self._trees, self._explainer = _flattened(forest, middle), None
        self.names = tuple(names)
        depth = self._depth(X)
        # Scaled by its own spread, so that the solver sees numbers of size one.
        spread = float(depth.std()) or 1.0
        slope, intercept = platt(-(depth - depth.mean()) / spread, y, weights)
        self._slope = slope / spread
        self._intercept = intercept + self._slope * float(depth.mean())
        return self

    def predict_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """See :meth:`Model.predict_proba`."""
        check_values(X, self.names)
        return sigmoid(self._intercept - self._slope * self._depth(X))

    def contributions(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """See :meth:`Model.contributions`; path-dependent TreeSHAP of the mean depth."""
        check_values(X, self.names)
        if self._explainer is None:
            self._explainer = _explainer(self._trees)
        filled = impute(X, self._trees["medians"])
        values = np.asarray(self._explainer.shap_values(filled, check_additivity=False))
        base = float(np.asarray(self._explainer.expected_value).reshape(-1)[0])
        last = np.full((X.shape[0], 1), self._intercept - self._slope * base)
        return np.hstack([-self._slope * values.reshape(X.shape), last])

    def _depth(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean over the trees of the depth at which each row would stand alone, shape (n,)."""
        t = self._trees
        count = t["starts"].shape[0]
        # scikit-learn compares in single precision, and so must whoever walks its trees.
        values = impute(X, t["medians"]).astype(np.float32)
        total = np.empty(X.shape[0])
        for a in range(0, X.shape[0], _CHUNK):
            part = values[a : a + _CHUNK]
            node = np.repeat(t["starts"][None, :], part.shape[0], axis=0)
            row = np.arange(part.shape[0])[:, None]
            while True:
                inner = t["left"][node] >= 0
                if not inner.any():
                    break
                goes = part[row, t["feature"][node]] <= t["threshold"][node]
                node = np.where(inner, np.where(goes, t["left"][node], t["right"][node]), node)
            total[a : a + _CHUNK] = t["depth"][node].sum(axis=1) / count
        return total

    def save(self, directory: Path) -> None:
        """See :meth:`Model.save`."""
        save_arrays(directory, self, self._trees, slope=self._slope, intercept=self._intercept)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """See :meth:`Model.load`; trees that point outside themselves are refused."""
        header = read_header(directory, cls.kind)
        model = cls(header["params"])
        trees = read_arrays(directory, _STATE)
        try:
            _check(trees, len(header["names"]))
            model._slope, model._intercept = float(header["slope"]), float(header["intercept"])
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise unreadable(directory / ARRAYS, error) from error
        model._trees, model.names = trees, tuple(header["names"])
        return model


def _flattened(forest: Any, middle: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
    """All trees in one set of arrays, children by place in them."""
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in _STATE[:6]}
    starts, begin = [], 0
    for estimator, columns in zip(forest.estimators_, forest.estimators_features_, strict=True):
        tree = estimator.tree_
        leaf = tree.children_left == -1
        starts.append(begin)
        for side in ("left", "right"):
            children = getattr(tree, f"children_{side}").astype(np.int64)
            parts[side].append(np.where(leaf, -1, children + begin))
        parts["feature"].append(np.where(leaf, 0, columns[np.where(leaf, 0, tree.feature)]))
        parts["threshold"].append(np.where(leaf, 0.0, tree.threshold))
        parts["depth"].append(_depths(tree, leaf))
        parts["samples"].append(tree.n_node_samples.astype(np.float64))
        begin += tree.node_count
    flat = {name: np.concatenate(lists) for name, lists in parts.items()}
    return {**flat, "starts": np.array(starts, dtype=np.int64), "medians": middle}


def _depths(tree: Any, leaf: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Depth of every leaf, plus the expected depth of a random tree over what is left in it."""
    level = np.zeros(tree.node_count)
    for node in np.flatnonzero(~leaf):
        # Children come after their parent, so one pass in order is enough.
        for child in (tree.children_left[node], tree.children_right[node]):
            level[child] = level[node] + 1
    n = tree.n_node_samples.astype(np.float64)
    m = np.maximum(n, 3.0)
    further = 2 * (np.log(m - 1) + np.euler_gamma) - 2 * (m - 1) / m
    return np.where(leaf, level + np.select([n <= 1, n == 2], [0.0, 1.0], further), 0.0)


def _check(trees: Mapping[str, NDArray[Any]], features: int) -> None:
    left, right, feature = trees["left"], trees["right"], trees["feature"]
    count, here, leaf = left.shape[0], np.arange(left.shape[0]), left == -1
    sound = (
        count > 0
        and all(trees[name].shape == (count,) for name in _STATE[:6])
        and all(trees[name].dtype.kind == "i" for name in ("left", "right", "feature", "starts"))
        and bool((right[leaf] == -1).all())
        and bool(((left > here) & (left < count))[~leaf].all())
        and bool(((right > here) & (right < count))[~leaf].all())
        and bool(((feature >= 0) & (feature < features)).all())
        and trees["starts"].size > 0
        and bool(((trees["starts"] >= 0) & (trees["starts"] < count)).all())
        and trees["medians"].shape == (features,)
    )
    if not sound:
        raise ValueError("holds trees that point outside themselves")


def _explainer(trees: Mapping[str, NDArray[Any]]) -> Any:
    import shap

    ends = [*trees["starts"][1:].tolist(), trees["left"].shape[0]]
    listed = []
    for begin, end in zip(trees["starts"].tolist(), ends, strict=True):
        part = slice(begin, end)
        left, right = (
            np.where(trees[side][part] < 0, -1, trees[side][part] - begin)
            for side in ("left", "right")
        )
        listed.append(
            {
                "children_left": left.astype(np.int32),
                "children_right": right.astype(np.int32),
                "children_default": left.astype(np.int32),
                "features": trees["feature"][part].astype(np.int32),
                "thresholds": trees["threshold"][part],
                "values": trees["depth"][part][:, None] / trees["starts"].shape[0],
                "node_sample_weight": trees["samples"][part],
            }
        )
    model = {"trees": listed, "input_dtype": np.float32, "internal_dtype": np.float64}
    return shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
