"""Random forest by scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from lagmark.errors import ConfigError, StateError
from lagmark.learning.models.files import (
    check_training,
    check_values,
    merged,
    not_fitted,
    read_header,
    unreadable,
    write_header,
)
from lagmark.learning.models.imputer import impute, medians

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from sklearn.ensemble import RandomForestClassifier

__all__ = ["RandomForest"]

_DEFAULTS: dict[str, Any] = {"n_estimators": 100, "max_depth": None, "max_features": "sqrt"}
_MORE = (
    "class_weight",
    "criterion",
    "max_leaf_nodes",
    "max_samples",
    "min_impurity_decrease",
    "min_samples_leaf",
    "min_samples_split",
)
_FILE = "model.skops"
_TRUSTED = ("sklearn.tree._tree.Tree",)
"""The only type a model file may hold beyond those skops itself vouches for."""


class RandomForest:
    """Random forest; absent values are replaced by the training median of their feature.

    Parameters
    ----------
    params
        scikit-learn's own names over its own defaults (100 full-grown trees).
    """

    kind: ClassVar[str] = "random_forest"
    unit: ClassVar[str] = "probability"

    def __init__(self, params: Mapping[str, Any] | None = None) -> None:
        self.params = merged(self.kind, _DEFAULTS, params, _MORE)
        self.names: tuple[str, ...] = ()
        self._medians: NDArray[np.float64] = np.empty(0)
        self._forest: RandomForestClassifier | None = None
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
        from sklearn.ensemble import RandomForestClassifier

        check_training(X, y, names, weights)
        self._medians = medians(X)
        forest = RandomForestClassifier(**self.params, random_state=seed, n_jobs=n_jobs)
        try:
            forest.fit(impute(X, self._medians), y, sample_weight=weights)
        except (ValueError, TypeError) as error:
            raise ConfigError(
                f"random forest refuses its parameters: {error}", where="model"
            ) from error
        forest.n_jobs = 1
        self._forest, self._explainer = forest, None
        self.names = tuple(names)
        return self

    def predict_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """See :meth:`Model.predict_proba`."""
        check_values(X, self.names)
        if X.shape[0] == 0:
            return np.empty(0)
        return np.asarray(self._fitted().predict_proba(impute(X, self._medians))[:, 1])

    def contributions(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """See :meth:`Model.contributions`; path-dependent TreeSHAP of the probability."""
        check_values(X, self.names)
        if self._explainer is None:
            import shap

            self._explainer = shap.TreeExplainer(self._fitted())
        values = self._explainer.shap_values(impute(X, self._medians), check_additivity=False)
        base = np.full((X.shape[0], 1), float(self._explainer.expected_value[1]))
        return np.hstack([np.asarray(values)[:, :, 1], base])

    def _fitted(self) -> RandomForestClassifier:
        if self._forest is None:
            raise not_fitted()
        return self._forest

    def save(self, directory: Path) -> None:
        """See :meth:`Model.save`."""
        import skops.io

        skops.io.dump(self._fitted(), directory / _FILE)
        write_header(directory, self.kind, self.params, self.names, medians=self._medians.tolist())

    @classmethod
    def load(cls, directory: Path) -> Self:
        """See :meth:`Model.load`; any type but a forest's own is refused before it is built."""
        import skops.io

        header = read_header(directory, cls.kind)
        model = cls(header["params"])
        path = directory / _FILE
        try:
            strange = set(skops.io.get_untrusted_types(file=path)) - set(_TRUSTED)
            forest = None if strange else skops.io.load(path, trusted=list(_TRUSTED))
            model._medians = np.asarray(header["medians"], dtype=np.float64)
        # A damaged archive fails inside the reader in many ways.
        except Exception as error:
            raise unreadable(path, error) from error
        flaw = (
            f"holds untrusted types: {', '.join(sorted(strange))}"
            if strange
            else _flaw(forest, len(header["names"]))
        )
        if flaw or model._medians.shape != (len(header["names"]),):
            raise StateError(
                f"model file {flaw or 'has no median for each feature'}",
                where=str(path),
                hint="do not use this file; train again",
            )
        model._forest, model.names = forest, tuple(header["names"])
        return model


def _flaw(forest: Any, features: int) -> str:
    # Prediction follows these numbers without bounds checks, so a forged file could read any
    # memory: every child must lie behind its parent and every feature must exist.
    from sklearn.ensemble import RandomForestClassifier

    if type(forest) is not RandomForestClassifier:
        return f"holds a {type(forest).__name__}"
    if forest.n_features_in_ != features or len(forest.classes_) != 2:
        return "has another number of features or classes"
    for estimator in forest.estimators_:
        tree = estimator.tree_
        count, here = tree.node_count, np.arange(tree.node_count)
        left, right, split = tree.children_left, tree.children_right, tree.feature
        leaf = left == -1
        sound = (
            count > 0
            and left.shape == right.shape == split.shape == (count,)
            and bool((right[leaf] == -1).all())
            and bool(((left > here) & (left < count))[~leaf].all())
            and bool(((right > here) & (right < count))[~leaf].all())
            and bool(((split >= 0) & (split < features))[~leaf].all())
            and tree.value.shape == (count, 1, 2)
            and tree.n_features == features
        )
        if not sound:
            return "has a tree that points outside itself"
    return ""
