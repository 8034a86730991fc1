"""Gradient-boosted trees by XGBoost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from lagmark.errors import ConfigError
from lagmark.learning.models.files import (
    check_training,
    check_values,
    check_width,
    merged,
    not_fitted,
    read_header,
    unreadable,
    write_header,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import xgboost
    from numpy.typing import NDArray

__all__ = ["FILE", "XGBoost"]

_DEFAULTS: dict[str, Any] = {
    "n_estimators": 300,
    "learning_rate": 0.05,
    "max_depth": 6,
    "tree_method": "hist",
    "max_bin": 4096,
    "base_score": 0.5,
}
_MORE = (
    "colsample_bylevel",
    "colsample_bynode",
    "colsample_bytree",
    "gamma",
    "grow_policy",
    "max_delta_step",
    "max_leaves",
    "min_child_weight",
    "monotone_constraints",
    "reg_alpha",
    "reg_lambda",
    "scale_pos_weight",
    "subsample",
)
FILE = "model.ubj"
"""Name of the file of the trees."""


class XGBoost:
    """XGBoost with logistic loss; absent values take the learnt direction of each split.

    Parameters
    ----------
    params
        XGBoost's own names over the defaults (300 trees, rate 0.05, depth 6, 4,096 bins).
        ``base_score`` is fixed at 0.5: estimated from the data it costs ranking when
        frauds are rare.
    """

    kind: ClassVar[str] = "xgboost"
    unit: ClassVar[str] = "log-odds"

    def __init__(self, params: Mapping[str, Any] | None = None) -> None:
        self.params = merged(self.kind, _DEFAULTS, params, _MORE)
        self.names: tuple[str, ...] = ()
        self._booster: xgboost.Booster | None = None

    @property
    def booster(self) -> xgboost.Booster | None:
        """XGBoost's own object, ``None`` until fitted."""
        return self._booster

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
        import xgboost

        check_training(X, y, names, weights)
        params = {k: v for k, v in self.params.items() if k != "n_estimators"}
        if params["tree_method"] != "hist":
            params.pop("max_bin")
        params |= {
            "objective": "binary:logistic",
            "seed": seed,
            "nthread": n_jobs,
            "verbosity": 0,
        }
        try:
            matrix = xgboost.DMatrix(X, label=y, weight=weights, nthread=n_jobs)
            booster = xgboost.train(params, matrix, int(self.params["n_estimators"]))
        except (xgboost.core.XGBoostError, ValueError) as error:
            raise ConfigError(
                f"XGBoost refuses its parameters: {_first_line(error)}", where="model"
            ) from error
        # One row at a time is the serving case, and two threads cost more there than they save.
        booster.set_param({"nthread": 1})
        self._booster, self.names = booster, tuple(names)
        return self

    def predict_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """See :meth:`Model.predict_proba`."""
        check_values(X, self.names)
        return np.asarray(self._fitted().inplace_predict(X), dtype=np.float64)

    def contributions(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """See :meth:`Model.contributions`."""
        import xgboost

        check_values(X, self.names)
        matrix = xgboost.DMatrix(X, nthread=1)
        return np.asarray(self._fitted().predict(matrix, pred_contribs=True), dtype=np.float64)

    def _fitted(self) -> xgboost.Booster:
        if self._booster is None:
            raise not_fitted()
        return self._booster

    def save(self, directory: Path) -> None:
        """See :meth:`Model.save`."""
        self._fitted().save_model(directory / FILE)
        write_header(directory, self.kind, self.params, self.names)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """See :meth:`Model.load`."""
        import xgboost

        header = read_header(directory, cls.kind)
        model = cls(header["params"])
        booster = xgboost.Booster({"nthread": 1})
        try:
            booster.load_model(directory / FILE)
            check_width(booster.num_features(), header)
        except (xgboost.core.XGBoostError, ValueError, OSError) as error:
            raise unreadable(directory / FILE, error) from error
        model._booster, model.names = booster, tuple(header["names"])
        return model


def _first_line(error: Exception) -> str:
    # The C++ side puts a time stamp, a source line and a stack trace around the sentence.
    lines = str(error).strip().splitlines() or [""]
    return lines[0].split(": ", 1)[-1]
