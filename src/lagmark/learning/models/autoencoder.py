"""Autoencoder: how badly a network that knows genuine events reproduces this one."""

from __future__ import annotations

import warnings
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

__all__ = ["Autoencoder"]

_DEFAULTS: dict[str, Any] = {
    "hidden": 16,
    "bottleneck": 4,
    "epochs": 20,
    "learning_rate": 1e-3,
    "batch_size": 256,
    "alpha": 1e-4,
    "max_rows": 50_000,
    "quantile": 0.99,
}
_CLIP = 10.0
"""Standardised values further out are cut there: one wild value must not outshout the rest."""


class Autoencoder:
    """Small network that squeezes genuine events through a bottleneck and restores them.

    It learns from events labelled genuine. An event whose mean squared error on standardised
    features exceeds the 99th percentile of theirs is anomalous (:meth:`anomalous`); a logistic
    map of two parameters, fitted on the labels, reads the error as log-odds of fraud. Absent
    values are replaced by training medians.

    Parameters
    ----------
    params
        ``hidden`` and ``bottleneck`` (units of the three inner layers: hidden, bottleneck,
        hidden), ``epochs``, ``learning_rate``, ``batch_size``, ``alpha`` (ridge penalty),
        ``max_rows`` (a random part is learnt from beyond), ``quantile`` of the threshold.
    """

    kind: ClassVar[str] = "autoencoder"
    unit: ClassVar[str] = "log-odds"

    def __init__(self, params: Mapping[str, Any] | None = None) -> None:
        self.params = merged(self.kind, _DEFAULTS, params)
        self.names: tuple[str, ...] = ()
        self._net: dict[str, NDArray[np.float64]] = {}
        self._slope = self._intercept = 0.0
        self.threshold = float("nan")
        """Error above which an event is anomalous; NaN until fitted."""

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
        """See :meth:`Model.fit`; weights count as shares of the rows that are learnt from."""
        check_training(X, y, names, weights)
        middle = medians(X)
        filled = impute(X, middle)
        spread = filled.std(axis=0)
        self._net = {
            "medians": middle, "mean": filled.mean(axis=0), "scale": np.where(spread > 0, spread, 1)
        }  # fmt: skip
        inputs = self._standardised(X)
        self._learn(inputs[_drawn(y, weights, int(self.params["max_rows"]), seed)], seed)
        self.names = tuple(names)
        error = self._squared(X).mean(axis=1)
        self.threshold = float(np.quantile(error[y == 0], float(self.params["quantile"])))
        # A feature set that is reproduced exactly leaves nothing to compare with.
        self.threshold = max(self.threshold, 1e-12)
        self._slope, self._intercept = platt(error / self.threshold, y, weights)
        return self

    def _learn(self, inputs: NDArray[np.float64], seed: int) -> None:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPRegressor

        hidden = self.params["hidden"]
        try:
            net = MLPRegressor(
                hidden_layer_sizes=(hidden, self.params["bottleneck"], hidden),
                activation="tanh",
                max_iter=self.params["epochs"],
                learning_rate_init=self.params["learning_rate"],
                batch_size=min(self.params["batch_size"], inputs.shape[0]),
                alpha=self.params["alpha"],
                random_state=seed,
            )
            with warnings.catch_warnings():
                # Stopping after the epochs asked for is what the caller asked for.
                warnings.simplefilter("ignore", ConvergenceWarning)
                net.fit(inputs, inputs if inputs.shape[1] > 1 else inputs.ravel())
        except (ValueError, TypeError) as error:
            raise ConfigError(
                f"autoencoder refuses its parameters: {error}", where="model"
            ) from error
        for k, (w, b) in enumerate(zip(net.coefs_, net.intercepts_, strict=True)):
            self._net |= {f"w{k}": np.asarray(w, float), f"b{k}": np.asarray(b, float)}

    def error(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean squared error of each reproduced row, on standardised features, shape (n,)."""
        check_values(X, self.names)
        return self._squared(X).mean(axis=1)

    def anomalous(self, X: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether the error exceeds the threshold, shape (n,)."""
        return self.error(X) > self.threshold

    def predict_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """See :meth:`Model.predict_proba`."""
        return sigmoid(self._slope * self.error(X) / self.threshold + self._intercept)

    def contributions(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Part of each feature's own error in the log-odds, shape (n, F + 1).

        The parts add up to the prediction, but they are not SHAP values of the inputs: a feature
        may be reproduced badly because another one is odd.
        """
        check_values(X, self.names)
        usual = np.full((X.shape[0], 1), self._intercept)
        return np.hstack([self._slope / self.threshold * self._squared(X) / X.shape[1], usual])

    def _standardised(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        net = self._net
        return np.clip((impute(X, net["medians"]) - net["mean"]) / net["scale"], -_CLIP, _CLIP)

    def _squared(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        inputs = self._standardised(X)
        layer = inputs
        for k in range(4):
            layer = layer @ self._net[f"w{k}"] + self._net[f"b{k}"]
            if k < 3:
                layer = np.tanh(layer)
        return np.asarray((inputs - layer) ** 2)

    def save(self, directory: Path) -> None:
        """See :meth:`Model.save`."""
        state = {"slope": self._slope, "intercept": self._intercept, "threshold": self.threshold}
        save_arrays(directory, self, self._net, **state)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """See :meth:`Model.load`."""
        header = read_header(directory, cls.kind)
        model = cls(header["params"])
        weights = [f"{part}{k}" for k in range(4) for part in "wb"]
        net = read_arrays(directory, ["medians", "mean", "scale", *weights])
        try:
            width = len(header["names"])
            layers = [width, *(net[f"b{k}"].shape[0] for k in range(4))]
            if layers[-1] != width or any(
                net[f"w{k}"].shape != (layers[k], layers[k + 1]) for k in range(4)
            ):
                raise ValueError("layers do not fit")  # noqa: TRY301 - one way out
            if any(net[name].shape != (width,) for name in ("medians", "mean", "scale")):
                raise ValueError("scales do not fit the features")  # noqa: TRY301 - likewise
            model._slope, model._intercept = float(header["slope"]), float(header["intercept"])
            model.threshold = float(header["threshold"])
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise unreadable(directory / ARRAYS, error) from error
        model._net, model.names = net, tuple(header["names"])
        return model


def _drawn(
    y: NDArray[np.int8], weights: NDArray[np.float64] | None, most: int, seed: int
) -> NDArray[np.int64]:
    """Genuine rows to learn from: all, or a random part of them."""
    genuine = np.flatnonzero(y == 0)
    rng = np.random.default_rng(seed)
    if weights is None or bool((weights[genuine] == weights[genuine][0]).all()):
        if genuine.shape[0] <= most:
            return genuine
        return np.sort(rng.choice(genuine, most, replace=False))
    share = weights[genuine] / weights[genuine].sum()
    return np.sort(rng.choice(genuine, min(most, genuine.shape[0]), p=share))
