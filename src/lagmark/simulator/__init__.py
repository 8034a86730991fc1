"""Generated data whose truth is known."""

from __future__ import annotations

from lagmark.simulator.handbook import HandbookScenario, simulate_handbook

__all__ = ["HandbookScenario", "simulate_handbook"]
