"""What is watched once decisions are made: reports as of an instant."""

from __future__ import annotations

from lagmark.monitoring.findings import Findings

__all__ = ["Findings"]
