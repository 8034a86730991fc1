"""Weighted ensemble of models of any kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from lagmark.errors import ConfigError, StateError
from lagmark.learning.models.files import (
    check_training,
    check_values,
    log_odds,
    merged,
    not_fitted,
    read_header,
    sigmoid,
    unreadable,
    write_header,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from lagmark.learning.models.interface import Model

__all__ = ["Ensemble"]

_DEFAULTS: dict[str, Any] = {
    "parts": [
        {"kind": "xgboost", "params": {}, "weight": 0.5},
        {"kind": "lightgbm", "params": {}, "weight": 0.3},
        {"kind": "isolation_forest", "params": {}, "weight": 0.2},
    ]
}


class Ensemble:
    """Weighted mean of the log-odds of several models (a logarithmic opinion pool).

    SHAP values are linear in what they explain, so those of the ensemble are the weighted sum of
    its parts' wherever these are exact in log-odds. A part that explains its probability (the
    random forest) has its values stretched to its log-odds: they still add up, but they are
    shares and no SHAP values; :attr:`exact` tells.

    Parameters
    ----------
    params
        ``parts``: a list of ``{"kind": ..., "params": {...}, "weight": ...}``. Weights are
        scaled to add up to 1.
    """

    kind: ClassVar[str] = "ensemble"
    unit: ClassVar[str] = "log-odds"

    def __init__(self, params: Mapping[str, Any] | None = None) -> None:
        self.params = merged(self.kind, _DEFAULTS, params)
        self.names: tuple[str, ...] = ()
        self._weights = _checked(self.params["parts"])
        self._parts: tuple[Model, ...] = ()

    @classmethod
    def of(cls, parts: Sequence[tuple[Model, float]]) -> Self:
        """Ensemble of models that are fitted already, with their weights.

        Raises
        ------
        ConfigError
            If there is none, a weight is not positive, or they read different features.
        """
        listed = [
            {"kind": model.kind, "params": model.params, "weight": weight}
            for model, weight in parts
        ]
        made = cls({"parts": listed})
        if len({model.names for model, _ in parts}) != 1:
            raise ConfigError("parts of an ensemble read different features", where="model")
        made._parts, made.names = tuple(model for model, _ in parts), parts[0][0].names
        return made

    @property
    def parts(self) -> tuple[Model, ...]:
        """Fitted models in the order of the parameters; empty until fitted."""
        return self._parts

    @property
    def exact(self) -> bool:
        """Whether the contributions are exact SHAP values."""
        return all(
            part.unit == "log-odds" and part.kind != "autoencoder" and getattr(part, "exact", True)
            for part in self._parts
        )

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
        """See :meth:`Model.fit`; every part sees the same examples."""
        from lagmark.learning.models.registry import create_model

        check_training(X, y, names, weights)
        self._parts = tuple(
            create_model(part["kind"], part.get("params")).fit(
                X, y, names=names, weights=weights, seed=seed, n_jobs=n_jobs
            )
            for part in self.params["parts"]
        )
        self.names = tuple(names)
        return self

    def predict_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """See :meth:`Model.predict_proba`."""
        check_values(X, self.names)
        z = np.zeros(X.shape[0])
        for weight, part in zip(self._weights, self._parts, strict=True):
            z += weight * log_odds(part.predict_proba(X))
        return sigmoid(z)

    def contributions(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """See :meth:`Model.contributions`; exact where :attr:`exact` says so."""
        check_values(X, self.names)
        total = np.zeros((X.shape[0], X.shape[1] + 1))
        for weight, part in zip(self._weights, self._parts, strict=True):
            values = part.contributions(X)
            total += weight * (values if part.unit == "log-odds" else _stretched(values))
        return total

    def save(self, directory: Path) -> None:
        """See :meth:`Model.save`."""
        if not self.names:
            raise not_fitted()
        for k, part in enumerate(self._parts):
            (directory / f"part-{k}").mkdir()
            part.save(directory / f"part-{k}")
        write_header(directory, self.kind, self.params, self.names)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """See :meth:`Model.load`."""
        from lagmark.learning.models.registry import model_type

        header = read_header(directory, cls.kind)
        try:
            model = cls(header["params"])
            parts = tuple(
                model_type(part["kind"]).load(directory / f"part-{k}")
                for k, part in enumerate(model.params["parts"])
            )
        except ConfigError as error:
            raise unreadable(directory / "model.json", error) from error
        names = tuple(header["names"])
        if any(part.names != names for part in parts):
            raise StateError("parts read other features than the whole", where=str(directory))
        model._parts, model.names = parts, names
        return model


def _checked(parts: Any) -> tuple[float, ...]:
    from lagmark.learning.models.registry import create_model

    if not isinstance(parts, list) or not parts:
        raise ConfigError("an ensemble needs a list of parts", where="model")
    weights = []
    for part in parts:
        known = {"kind", "params", "weight"}
        if not isinstance(part, dict) or "kind" not in part or set(part) - known:
            raise ConfigError(
                f"{part!r} is no part of an ensemble",
                where="model",
                hint='write {"kind": ..., "params": {...}, "weight": ...}',
            )
        create_model(part["kind"], part.get("params"))
        weight = part.get("weight", 1.0)
        if not isinstance(weight, int | float) or not 0 < weight < float("inf"):
            raise ConfigError(f"a weight of {weight!r}", where="model", hint="give a positive one")
        weights.append(float(weight))
    return tuple(weight / sum(weights) for weight in weights)


def _stretched(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Parts of a probability as parts of its log-odds, in the same proportions."""
    base, p = values[:, -1], values.sum(axis=1)
    z0, z = log_odds(base), log_odds(p)
    apart = np.abs(p - base) > 1e-12
    slope = np.where(
        apart,
        (z - z0) / np.where(apart, p - base, 1.0),
        1.0 / np.maximum(base * (1.0 - base), 1e-9),
    )
    return np.hstack([values[:, :-1] * slope[:, None], z0[:, None]])
