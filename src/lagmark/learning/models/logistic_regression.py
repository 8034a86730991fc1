"""Logistic regression by scikit-learn, kept as plain numbers."""

from __future__ import annotations

import warnings
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
    sigmoid,
    unreadable,
    write_header,
)
from lagmark.learning.models.imputer import impute, medians

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["LogisticRegression"]

_DEFAULTS: dict[str, Any] = {"C": 1.0, "class_weight": None, "max_iter": 1000, "tol": 1e-4}
_STATE = ("medians", "mean", "scale", "coefficients")


class LogisticRegression:
    """Logistic regression on standardised features, with ridge penalty.

    Absent values are replaced by the training median of their feature, before scaling.

    Parameters
    ----------
    params
        ``C`` (inverse penalty), ``class_weight`` (``None``, ``"balanced"`` or weights of the
        classes ``{"0": ..., "1": ...}``), ``max_iter`` and ``tol``, as in scikit-learn.
    """

    kind: ClassVar[str] = "logistic_regression"
    unit: ClassVar[str] = "log-odds"

    def __init__(self, params: Mapping[str, Any] | None = None) -> None:
        self.params = merged(self.kind, _DEFAULTS, params)
        self.names: tuple[str, ...] = ()
        self._medians = self._mean = self._scale = self._coefficients = np.empty(0)
        self._intercept = 0.0

    def fit(
        self,
        X: NDArray[np.float64],
        y: NDArray[np.int8],
        *,
        names: Sequence[str],
        weights: NDArray[np.float64] | None = None,
        seed: int = 0,
        n_jobs: int = 1,  # noqa: ARG002 - part of the interface
    ) -> Self:
        """See :meth:`Model.fit`; the fit is deterministic and single-threaded."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression as Solver
        from sklearn.preprocessing import StandardScaler

        check_training(X, y, names, weights)
        self._medians = medians(X)
        filled = impute(X, self._medians)
        scaler = StandardScaler().fit(filled)
        self._mean, self._scale = scaler.mean_, scaler.scale_
        given = self.params["class_weight"]
        balance = {int(k): v for k, v in given.items()} if isinstance(given, dict) else given
        solver = Solver(**{**self.params, "class_weight": balance}, random_state=seed)
        try:
            with warnings.catch_warnings():
                # Stopping at max_iter is what the caller asked for; it still ranks.
                warnings.simplefilter("ignore", ConvergenceWarning)
                solver.fit(self._standardised(X), y, sample_weight=weights)
        except (ValueError, TypeError) as error:
            raise ConfigError(
                f"logistic regression refuses its parameters: {error}", where="model"
            ) from error
        self._coefficients = solver.coef_[0]
        self._intercept = float(solver.intercept_[0])
        self.names = tuple(names)
        return self

    def predict_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """See :meth:`Model.predict_proba`."""
        return sigmoid(self.contributions(X).sum(axis=1))

    def contributions(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """See :meth:`Model.contributions`; features taken as independent (linear SHAP).

        A feature contributes its coefficient times its distance from the training mean.
        """
        check_values(X, self.names)
        base = np.full((X.shape[0], 1), self._intercept)
        return np.hstack([self._standardised(X) * self._coefficients, base])

    def _standardised(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((impute(X, self._medians) - self._mean) / self._scale)

    def save(self, directory: Path) -> None:
        """See :meth:`Model.save`."""
        if not self.names:
            raise not_fitted()
        state = {name: getattr(self, f"_{name}").tolist() for name in _STATE}
        write_header(
            directory, self.kind, self.params, self.names, intercept=self._intercept, **state
        )

    @classmethod
    def load(cls, directory: Path) -> Self:
        """See :meth:`Model.load`."""
        header = read_header(directory, cls.kind)
        model = cls(header["params"])
        try:
            for name in _STATE:
                values = np.asarray(header[name], dtype=np.float64)
                check_width(values.size, header)
                setattr(model, f"_{name}", values)
            model._intercept = float(header["intercept"])
        except (KeyError, TypeError, ValueError) as error:
            raise unreadable(directory / "model.json", error) from error
        model.names = tuple(header["names"])
        return model
