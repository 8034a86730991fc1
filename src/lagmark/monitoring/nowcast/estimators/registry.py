"""The estimators there are, in the order of results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lagmark.monitoring.nowcast.estimators.chain_ladder import ChainLadder
from lagmark.monitoring.nowcast.estimators.combined import Combined
from lagmark.monitoring.nowcast.estimators.confidence import Confidence
from lagmark.monitoring.nowcast.estimators.control_group import ControlGroup
from lagmark.monitoring.nowcast.estimators.naive import Naive

if TYPE_CHECKING:
    from lagmark.monitoring.nowcast.estimate import Estimator

__all__ = ["ESTIMATORS"]

ESTIMATORS: tuple[Estimator, ...] = (
    Naive(),
    ChainLadder(),
    Confidence(),
    ControlGroup(),
    Combined(),
)
"""One object each; a new estimator is one file and one line here."""
