"""The kinds of model there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lagmark.errors import ConfigError
from lagmark.learning.models.autoencoder import Autoencoder
from lagmark.learning.models.ensemble import Ensemble
from lagmark.learning.models.isolation_forest import IsolationForest
from lagmark.learning.models.lightgbm import LightGBM
from lagmark.learning.models.logistic_regression import LogisticRegression
from lagmark.learning.models.random_forest import RandomForest
from lagmark.learning.models.sgd import SGD
from lagmark.learning.models.xgboost import XGBoost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lagmark.learning.models.interface import Model

__all__ = ["KINDS", "create_model", "model_type"]

_TYPES: tuple[type[Model], ...] = (
    XGBoost,
    LightGBM,
    RandomForest,
    LogisticRegression,
    SGD,
    IsolationForest,
    Autoencoder,
    Ensemble,
)

KINDS: dict[str, type[Model]] = {t.kind: t for t in _TYPES}
"""Model classes by kind; a new kind is one file and one entry above."""


def model_type(kind: str) -> type[Model]:
    """Class of a kind of model.

    Raises
    ------
    ConfigError
        If there is no such kind.
    """
    if kind not in KINDS:
        raise ConfigError(
            f"there is no model kind {kind!r}", hint=f"choose one of: {', '.join(KINDS)}"
        )
    return KINDS[kind]


def create_model(kind: str, params: Mapping[str, Any] | None = None) -> Model:
    """Unfitted model of a kind, with parameters over its defaults.

    Raises
    ------
    ConfigError
        If there is no such kind or parameter.

    Examples
    --------
    >>> create_model("xgboost", {"max_depth": 3}).params["max_depth"]
    3
    """
    return model_type(kind)(params)
