"""How late labels are: maturity curves and the drift of delays."""

from __future__ import annotations

from lagmark.labels.maturity.curve import Curve, Delay
from lagmark.labels.maturity.drift import DelayDrift, delay_drift
from lagmark.labels.maturity.first_fraud import first_fraud
from lagmark.labels.maturity.kaplan_meier import kaplan_meier
from lagmark.labels.maturity.reverse_hazard import reverse_hazard
from lagmark.labels.maturity.study import Maturity, MaturityGroup, study_maturity

__all__ = [
    "Curve",
    "Delay",
    "DelayDrift",
    "Maturity",
    "MaturityGroup",
    "delay_drift",
    "first_fraud",
    "kaplan_meier",
    "reverse_hazard",
    "study_maturity",
]
