"""Figures that say how well frauds are found, one per file."""

from __future__ import annotations

from lagmark.learning.metrics.average_precision import average_precision
from lagmark.learning.metrics.bootstrap import Estimate
from lagmark.learning.metrics.calibration import (
    ReliabilityBin,
    brier_score,
    calibration_ratio,
    reliability,
)
from lagmark.learning.metrics.card_precision import card_precision_at_k
from lagmark.learning.metrics.evaluate import Budget, Metrics, evaluate
from lagmark.learning.metrics.expected_cost import expected_cost
from lagmark.learning.metrics.roc_auc import roc_auc

__all__ = [
    "Budget",
    "Estimate",
    "Metrics",
    "ReliabilityBin",
    "average_precision",
    "brier_score",
    "calibration_ratio",
    "card_precision_at_k",
    "evaluate",
    "expected_cost",
    "reliability",
    "roc_auc",
]
