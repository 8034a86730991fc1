"""Fraud and model quality of the latest cohorts, before their labels are in."""

from __future__ import annotations

from lagmark.monitoring.nowcast.alarm import Alarm, Disagreement
from lagmark.monitoring.nowcast.compute import SPANS, nowcast
from lagmark.monitoring.nowcast.drift import Drift
from lagmark.monitoring.nowcast.estimators.registry import ESTIMATORS
from lagmark.monitoring.nowcast.observed import STRATA, Observed
from lagmark.monitoring.nowcast.result import (
    Cohort,
    CurvePoint,
    Estimate,
    Figure,
    Nowcast,
    Performance,
    Span,
)
from lagmark.monitoring.nowcast.settings import NowcastSettings

__all__ = [
    "ESTIMATORS",
    "SPANS",
    "STRATA",
    "Alarm",
    "Cohort",
    "CurvePoint",
    "Disagreement",
    "Drift",
    "Estimate",
    "Figure",
    "Nowcast",
    "NowcastSettings",
    "Observed",
    "Performance",
    "Span",
    "nowcast",
]
