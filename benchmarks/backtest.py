"""``python -m benchmarks.backtest``: how long a backtest takes, and what its parts cost."""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
from pathlib import Path

from lagmark.apps.jobs.backtest_data import WorldSource
from lagmark.backtest import Plan, PolicyFile, ResultStore, finish_units, load_policies, summarise
from lagmark.clock import stopwatch
from lagmark.simulator import load_scenario

__all__ = ["main"]

NAMES = ("naive", "fixed_delay", "maturity_weighted", "feedback_delayed")
LIMIT = 15 * 60
"""Seconds that the full size may take on two free cores."""


def main(argv: list[str] | None = None) -> int:
    """Run, print, and say whether the limit is kept (exit status 0) or not (1)."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backtest", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--scenario", default="card_long_delay")
    arguments = parser.parse_args(argv)
    world = load_scenario(arguments.scenario, events=arguments.events, days=arguments.days)
    chosen = [one for one in load_policies().policies if one.name in NAMES]
    plan = Plan(WorldSource(world), PolicyFile(policies=tuple(chosen)), (0,))
    began, used = stopwatch(), _processor_seconds()
    with tempfile.TemporaryDirectory() as folder:
        store = ResultStore(Path(folder) / "out", plan.inputs())
        finish_units(plan, store, jobs=arguments.jobs, tell=lambda _done, _total: None)
        summarise(plan, store)
    seconds, used = stopwatch() - began, _processor_seconds() - used
    busy = max(os.getloadavg()[1] - arguments.jobs, 0.0)
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(
        json.dumps(
            {
                "events": arguments.events,
                "days": arguments.days,
                "policies": len(chosen),
                "jobs": arguments.jobs,
                "seconds": round(seconds, 1),
                "processor_seconds": round(used, 1),
                "seconds_on_free_cores": round(used / arguments.jobs, 1),
                "largest_process_gib": round(largest, 2),
                "load_of_others": round(busy, 1),
                "limit": LIMIT,
            },
            indent=2,
        )
    )
    return 0 if seconds < LIMIT else 1


def _processor_seconds() -> float:
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        found = resource.getrusage(who)
        total += found.ru_utime + found.ru_stime
    return total


if __name__ == "__main__":
    raise SystemExit(main())
