"""Generated data whose truth is known."""

from __future__ import annotations

from lagmark.simulator.handbook import HandbookScenario, simulate_handbook
from lagmark.simulator.loading import load_scenario, scenario_names, scenarios
from lagmark.simulator.scenario import Scenario
from lagmark.simulator.world import Day, World

__all__ = [
    "Day",
    "HandbookScenario",
    "Scenario",
    "World",
    "load_scenario",
    "scenario_names",
    "scenarios",
    "simulate_handbook",
]
