"""Logistic regression by stochastic gradient descent, which may go on learning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from lagmark.errors import ConfigError, DataError
from lagmark.learning.models.arrays import ARRAYS, read_arrays, save_arrays
from lagmark.learning.models.files import (
    check_training,
    check_values,
    log_odds,
    merged,
    read_header,
    sigmoid,
    unreadable,
)
from lagmark.learning.models.imputer import impute, medians

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["SGD", "Update"]

_DEFAULTS: dict[str, Any] = {
    "epochs": 10,
    "learning_rate": 0.5,
    "alpha": 1e-5,
    "batch_size": 64,
    "reference_rows": 2000,
    "alert_quantile": 0.99,
    "most_level_change": 1.5,
    "most_alert_change": 2.0,
}
_STATE = ("medians", "mean", "scale", "coefficients", "squares", "reference")


@dataclass(frozen=True, slots=True)
class Update:
    """What became of further examples.

    Parameters
    ----------
    accepted
        Whether the model learnt from them.
    level
        Mean probability of the reference events afterwards, over what it was when first fitted.
    alerts
        Share of them over the alert threshold afterwards, over what it was.
    text
        The verdict for people.
    """

    accepted: bool
    level: float
    alerts: float
    text: str


class SGD:
    """Logistic regression fitted in small steps (AdaGrad), on standardised features.

    Absent values are replaced by the training median of their feature. Rows of the first fit are
    kept as a reference, by which :meth:`updated` judges what further examples do to the level of
    the probabilities: a batch of nothing but frauds leaves the ranking fine and makes every
    probability many times too high, which no ranking figure shows.

    Parameters
    ----------
    params
        ``epochs``, ``learning_rate``, ``alpha`` (ridge penalty), ``batch_size``;
        ``reference_rows`` kept, ``alert_quantile`` of their scores that counts as an alert, and
        the factors ``most_level_change`` and ``most_alert_change`` by which an update may move
        mean probability and alerts.
    """

    kind: ClassVar[str] = "sgd"
    unit: ClassVar[str] = "log-odds"

    def __init__(self, params: Mapping[str, Any] | None = None) -> None:
        self.params = merged(self.kind, _DEFAULTS, params)
        self.names: tuple[str, ...] = ()
        self._arrays: dict[str, NDArray[np.float64]] = {}
        self._level = self._alert_at = self._alerts = float("nan")

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
        check_training(X, y, names, weights)
        _check(self.params)
        rng = np.random.default_rng(seed)
        middle = medians(X)
        filled = impute(X, middle)
        spread = filled.std(axis=0)
        width = X.shape[1] + 1
        start = np.zeros(width)
        start[-1] = log_odds(np.array([np.average(y, weights=weights)]))[0]
        keep = min(int(self.params["reference_rows"]), X.shape[0])
        self._arrays = {
            "medians": middle,
            "mean": filled.mean(axis=0),
            "scale": np.where(spread > 0, spread, 1.0),
            "coefficients": start,
            "squares": np.full(width, 1e-8),
            "reference": filled[np.sort(rng.choice(X.shape[0], keep, replace=False))],
        }
        self.names = tuple(names)
        _descend(self._arrays, self.params, X, y, weights, int(self.params["epochs"]), rng)
        p = self.predict_proba(self._arrays["reference"])
        self._level = float(p.mean())
        self._alert_at = float(np.quantile(p, float(self.params["alert_quantile"])))
        self._alerts = float((p >= self._alert_at).mean())
        return self

    def updated(
        self,
        X: NDArray[np.float64],
        y: NDArray[np.int8],
        *,
        weights: NDArray[np.float64] | None = None,
        seed: int = 0,
    ) -> tuple[Self, Update]:
        """The model after one pass over further examples, unless they bend its level.

        Parameters
        ----------
        X, y, weights
            Examples as for :meth:`fit`; one class alone will do.
        seed
            Seed of their order.

        Returns
        -------
        model : SGD
            A new model, or this one if the examples were refused.
        update : Update
            What they did to the reference events.
        """
        check_values(X, self.names)
        if y.shape != (X.shape[0],) or (weights is not None and weights.shape != y.shape):
            raise DataError("values, labels and weights differ in length", where="update")
        arrays = {name: values.copy() for name, values in self._arrays.items()}
        _descend(arrays, self.params, X, y, weights, 1, np.random.default_rng(seed))
        guard = (self._level, self._alert_at, self._alerts)
        after = self._made(self.params, self.names, arrays, guard)
        p = after.predict_proba(self._arrays["reference"])
        level, alerts = float(p.mean()) / self._level, float((p >= self._alert_at).mean())
        rate = alerts / self._alerts
        level_most = float(self.params["most_level_change"])
        alerts_most = float(self.params["most_alert_change"])
        fine = 1 / level_most <= level <= level_most and 1 / alerts_most <= rate <= alerts_most
        said = (
            f"mean probability x{level:.2f} (most x{level_most:g}), "
            f"alerts x{rate:.2f} (most x{alerts_most:g})"
        )
        update = Update(fine, level, rate, f"{'learnt' if fine else 'refused'}: {said}")
        return (after if fine else self), update

    @classmethod
    def _made(
        cls,
        params: Mapping[str, Any],
        names: tuple[str, ...],
        arrays: dict[str, NDArray[np.float64]],
        guard: tuple[float, float, float],
    ) -> Self:
        model = cls(params)
        model.names, model._arrays = names, arrays
        model._level, model._alert_at, model._alerts = guard
        return model

    def predict_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """See :meth:`Model.predict_proba`."""
        return sigmoid(self.contributions(X).sum(axis=1))

    def contributions(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """See :meth:`Model.contributions`; features taken as independent (linear SHAP)."""
        check_values(X, self.names)
        beta = self._arrays["coefficients"]
        base = np.full((X.shape[0], 1), beta[-1])
        return np.hstack([_standardised(self._arrays, X) * beta[:-1], base])

    def save(self, directory: Path) -> None:
        """See :meth:`Model.save`."""
        guard = {"level": self._level, "alert_at": self._alert_at, "alerts": self._alerts}
        save_arrays(directory, self, self._arrays, **guard)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """See :meth:`Model.load`."""
        header = read_header(directory, cls.kind)
        arrays = read_arrays(directory, _STATE)
        width = len(header["names"])
        shapes = {"coefficients": (width + 1,), "squares": (width + 1,)}
        try:
            for name in _STATE[:5]:
                if arrays[name].shape != shapes.get(name, (width,)):
                    raise ValueError(f"{name} does not fit the features")  # noqa: TRY301 - one way out
            if arrays["reference"].shape[1:] != (width,):
                raise ValueError("the reference does not fit")  # noqa: TRY301 - likewise
            guard = (float(header["level"]), float(header["alert_at"]), float(header["alerts"]))
        except (KeyError, TypeError, ValueError) as error:
            raise unreadable(directory / ARRAYS, error) from error
        return cls._made(header["params"], tuple(header["names"]), arrays, guard)


def _standardised(
    arrays: Mapping[str, NDArray[np.float64]], X: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.asarray((impute(X, arrays["medians"]) - arrays["mean"]) / arrays["scale"])


def _descend(
    arrays: dict[str, NDArray[np.float64]],
    params: Mapping[str, Any],
    X: NDArray[np.float64],
    y: NDArray[np.int8],
    weights: NDArray[np.float64] | None,
    epochs: int,
    rng: np.random.Generator,
) -> None:
    """Steps of AdaGrad over shuffled batches; changes the coefficients in place.

    They end as their mean over the last pass (Polyak and Juditsky 1992): where a single step
    ends is too much a matter of the last few events for the level to be trusted.
    """
    inputs = np.hstack([_standardised(arrays, X), np.ones((X.shape[0], 1))])
    w = np.ones(y.shape[0]) if weights is None else weights / weights.mean()
    beta, squares = arrays["coefficients"], arrays["squares"]
    rate, batch = float(params["learning_rate"]), int(params["batch_size"])
    ridge = np.full(beta.shape, float(params["alpha"]))
    ridge[-1] = 0.0
    for epoch in range(epochs):
        total, steps = np.zeros_like(beta), 0
        order = rng.permutation(y.shape[0])
        for a in range(0, y.shape[0], batch):
            i = order[a : a + batch]
            z = inputs[i]
            gradient = z.T @ (w[i] * (sigmoid(z @ beta) - y[i])) / i.shape[0] + ridge * beta
            squares += gradient**2
            beta -= rate * gradient / np.sqrt(squares)
            total, steps = total + beta, steps + 1
        if epoch == epochs - 1 and steps:
            beta[:] = total / steps


def _check(params: Mapping[str, Any]) -> None:
    for name, value in params.items():
        if not isinstance(value, int | float) or isinstance(value, bool) or not value > 0:
            raise ConfigError(
                f"SGD refuses its parameters: {name} is {value!r}",
                where="model",
                hint="give a positive number",
            )
