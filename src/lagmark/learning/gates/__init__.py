"""What a model must pass before it may decide, judged on mature labels."""

from __future__ import annotations

from lagmark.learning.gates.judge import Limits, judge
from lagmark.learning.gates.report import Gate, GateReport
from lagmark.learning.gates.speed import one_row_p99

__all__ = ["Gate", "GateReport", "Limits", "judge", "one_row_p99"]
