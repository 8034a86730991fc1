"""Settings of published results, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["PUBLISHED", "Preset"]


@dataclass(frozen=True, slots=True)
class Preset:
    """A kind of model with parameters.

    Parameters
    ----------
    kind
        Name in the registry of kinds.
    params
        Parameters over the kind's defaults.
    """

    kind: str
    params: Mapping[str, Any]


PUBLISHED: Mapping[str, Preset] = {
    "logistic_regression": Preset("logistic_regression", {"max_iter": 100}),
    "random_forest": Preset("random_forest", {}),
    "xgboost": Preset(
        "xgboost",
        {
            "n_estimators": 100,
            "learning_rate": 0.3,
            "max_depth": 6,
            "tree_method": "exact",
            "base_score": 0.5,
        },
    ),
}
"""The Fraud Detection Handbook's baseline models (chapter 5), all with seed 0.

The handbook took each library's defaults. XGBoost's have changed since: these are the old ones.
"""
