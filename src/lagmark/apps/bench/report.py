"""The HTML report of a bench."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.apps.bench.gates import gate_table
from lagmark.reports import (
    Note,
    Page,
    Plot,
    Row,
    Section,
    Series,
    Table,
    Text,
    Tile,
    count,
    line_chart,
    number,
    percent,
    quantile_chart,
)

if TYPE_CHECKING:
    from lagmark.apps.bench.load import Load
    from lagmark.apps.bench.outcome import BenchOutcome
    from lagmark.reports.page import Block
    from lagmark.reports.plot import Tone

__all__ = ["bench_page"]

_TITLES = {
    "alone": "one at a time",
    "saturated": "saturated",
    "open_loop": "open loop",
    "batch": "batches",
}
_LEVELS = tuple(np.linspace(0.0, 1.0, 201).tolist())
_STEP = 0.1
"""Seconds of a point of the open loop's line."""


def bench_page(outcome: BenchOutcome) -> Page:
    """Page of a bench.

    Parameters
    ----------
    outcome
        What it found.
    """
    service, steady = outcome.service, outcome.phases["open_loop"]
    version = service["model_version"]
    model = f"model {version} ({service['model']})" if version else "no model: rules answer"
    failed = sum(not gate.passed for gate in outcome.gates)
    return Page(
        title="Bench of the decision service",
        lead=f"Domain {service['domain']}, {model}, {service['features']} features of set "
        f"{service['feature_set']}. Every decision was on disk before it was answered.",
        tiles=[
            Tile("Gates", "all passed" if not failed else f"{failed} failed",
                 f"of {len(outcome.gates)}", "fraud" if failed else "plain"),
            Tile("Decisions per core second",
                 number(outcome.phases["saturated"].per_core_second, 0),
                 "CPU time of the service, saturated"),
            Tile("p50", f"{number(steady.p50_ms)} ms", f"at {outcome.rate:,g} a second"),
            Tile("p99", f"{number(steady.p99_ms)} ms", f"at {outcome.rate:,g} a second"),
            Tile("Frauds caught", percent(outcome.quality.recall, 0),
                 f"with {outcome.quality.alerts_per_day} alerts a day", "fraud"),
        ],
        sections=[
            Section("Gates", [*_warnings(outcome), gate_table(outcome.gates)]),
            Section("How fast", [_phases(outcome), Row(_plots(outcome))]),
            Section("How well", _quality(outcome)),
        ],
        footer=f"Events: {outcome.events['origin']}, {count(outcome.events['warm_up'])} of them "
        f"sent before anything was timed. Machine: {outcome.machine['cores']} cores, load "
        f"{number(outcome.machine['load'])} before the run. Features: contract "
        f"{service['contract'][:12]}.",
    )  # fmt: skip


def _warnings(outcome: BenchOutcome) -> list[Block]:
    notes: list[Block] = []
    if outcome.service["model_version"] is None:
        notes.append(Note("There is no champion: rules answered, and nothing was explained."))
    if not outcome.machine["one_core_each"]:
        notes.append(
            Note("Service and load generator shared their cores: the service looks slower.")
        )
    elif (outcome.machine["load"] or 0.0) > 1.0:
        notes.append(
            Note(
                "Other programs were running: times by the clock are worse than on a quiet "
                "machine, decisions per core second are hardly touched."
            )
        )
    return notes


def _phases(outcome: BenchOutcome) -> Table:
    rows = [
        (
            _TITLES[name],
            phase.decisions,
            phase.refused,
            number(phase.per_second, 0),
            number(phase.per_core_second, 0),
            number(phase.p50_ms),
            number(phase.p95_ms),
            number(phase.p99_ms),
            number(phase.max_ms),
        )
        for name, phase in outcome.phases.items()
    ]
    headers = ("", "decisions", "refused", "a second", "a core second", "p50 ms", "p95 ms",
               "p99 ms", "max ms")  # fmt: skip
    return Table(headers, rows, "Time to the last byte of the answer, by way of asking")


def _plots(outcome: BenchOutcome) -> list[Plot | Table]:
    tones: tuple[tuple[str, Tone], ...] = (
        ("alone", "honest"),
        ("open_loop", "events"),
        ("saturated", "fraud"),
    )
    series = [
        Series(_TITLES[name], [outcome.loads[name].milliseconds(level) for level in _LEVELS], tone)
        for name, tone in tones
    ]
    return [
        quantile_chart(
            "Latency",
            _LEVELS,
            series,
            description="Milliseconds within which a share of the requests was answered.",
            log=True,
            ylabel="ms",
        ),
        _over_time(outcome.loads["open_loop"], outcome.rate),
    ]


def _over_time(load: Load, rate: float) -> Plot:
    """Slowest answer of each step: one stall shows, wherever it was."""
    steps = np.array([each.index for each in load.outcomes]) / rate // _STEP
    slowest = np.zeros(int(steps.max()) + 1)
    np.maximum.at(slowest, steps.astype(np.int64), [1000 * each.seconds for each in load.outcomes])
    return line_chart(
        "Slowest answer in each tenth of a second",
        (np.arange(slowest.size) * _STEP).tolist(),
        [Series("slowest", slowest.tolist(), "events")],
        description="Open loop, by when the request was due; waiting for a turn is counted.",
        xlabel="seconds",
        wide=False,
    )


def _quality(outcome: BenchOutcome) -> list[Block]:
    quality = outcome.quality
    rows = [(name, made) for name, made in sorted(outcome.answered.items())]
    made_by = Table(("decided by", "decisions"), rows, "What made the decisions")
    if quality.reason:
        return [Note(f"No precision and recall: {quality.reason}."), made_by]
    return [
        Text(
            f"Of {count(quality.events)} labelled events of {quality.days} whole days that the "
            f"champion did not learn from, {count(quality.frauds)} are fraud. With "
            f"{quality.alerts_per_day} alerts a day, {percent(quality.precision, 1)} of the alerts "
            f"are frauds, and they catch {percent(quality.recall, 1)} of the frauds."
        ),
        made_by,
    ]
