"""What the benchmark of the decision service found, as tables and targets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.results import Section, Target
from lagmark.apps.bench.outcome import answers_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lagmark.apps.bench.load import Load
    from lagmark.apps.bench.outcome import Answer

__all__ = [
    "BATCH",
    "LEVELS",
    "PEERS",
    "Turn",
    "Turns",
    "bulk_section",
    "saturated_section",
    "steady_section",
]

PEERS = ("tutorial", "tuned")
LEVELS = (1, 16, 64)
"""Requests in flight; targets of throughput are on the most."""
BATCH = 500
"""Events in a batch."""


@dataclass(frozen=True)
class Turn:
    """One turn of one server, and the CPU seconds that it took."""

    load: Load
    cpu: float

    @property
    def per_core_second(self) -> float:
        """Good answers in a second of CPU time."""
        return (len(self.load.outcomes) - self.load.failed) / self.cpu


Turns = dict[str, dict[int, list[Turn]]]
"""Turns of each server by requests in flight."""


def saturated_section(turns: Turns, answers: Sequence[Answer]) -> Section:
    """Three servers in turns.

    Parameters
    ----------
    turns
        Those that count.
    answers
        Lagmark's.
    """
    section = Section(
        "Decisions per second of one server core, by requests in flight",
        ("server", "in flight", "per second", "per CPU second", "p50 ms", "p99 ms", "max ms"),
    )
    for name, levels in turns.items():
        for connections, found in levels.items():
            section.rows.append(
                (
                    name,
                    f"{connections}",
                    f"{median(each.load.rate for each in found):,.0f}",
                    f"{median(each.per_core_second for each in found):,.0f}",
                    f"{median(each.load.milliseconds(0.5) for each in found):.2f}",
                    f"{median(each.load.milliseconds(0.99) for each in found):.1f}",
                    f"{max(each.load.milliseconds(1.0) for each in found):.1f}",
                )
            )
    saturated = {name: levels[LEVELS[-1]] for name, levels in turns.items()}
    own = saturated["lagmark"]
    core = median(each.per_core_second for each in own)
    # Within a turn all three meet the same weather.
    times = {
        peer: median(
            a.per_core_second / b.per_core_second for a, b in zip(own, saturated[peer], strict=True)
        )
        for peer in PEERS
    }
    worst = median(
        a.load.milliseconds(0.99) / b.load.milliseconds(0.99)
        for a, b in zip(own, saturated["tutorial"], strict=True)
    )
    every = [each for levels in turns.values() for found in levels.values() for each in found]
    failed = sum(each.load.failed for each in every)
    by_model = sum(each.model_version != "rules" for each in answers) / len(answers)
    apart = _apart(saturated["tutorial"][0].load, saturated["tuned"][0].load)
    section.notes.append(f"{by_model:.2%} of Lagmark's decisions were the model's")
    section.targets += [
        Target(">= 2,000 per CPU second", f"{core:,.0f}", core >= 2_000),
        Target("aim: 4,000 per CPU second", f"{core:,.0f}", core >= 4_000),
        Target("20x the tutorial stack", f"{times['tutorial']:.1f}x", times["tutorial"] >= 20),
        Target("aim: 40x the tutorial stack", f"{times['tutorial']:.1f}x", times["tutorial"] >= 40),
        Target("8x the tuned stack", f"{times['tuned']:.1f}x", times["tuned"] >= 8),
        Target("p99 at most 1/10 of the tutorial stack's", f"1/{1 / worst:.0f}", worst <= 0.1),
        Target("no request failed, of any server", f"{failed}", failed == 0),
        Target(
            "the model made at least 99 % of the decisions", f"{by_model:.2%}", by_model >= 0.99
        ),
        Target("both peers give the same scores", f"{apart:.1e} apart", apart <= 1e-6),
    ]
    section.raw = {
        "benchmark": "service_saturated",
        **{
            what: {
                name: {
                    connections: [ask(each) for each in found]
                    for connections, found in levels.items()
                }
                for name, levels in turns.items()
            }
            for what, ask in (
                ("per_second", lambda each: each.load.rate),
                ("per_core_second", lambda each: each.per_core_second),
                ("p99_ms", lambda each: each.load.milliseconds(0.99)),
            )
        },
    }
    return section


def _apart(one: Load, other: Load) -> float:
    """Greatest difference of the peers' scores on events that both were sent."""
    scores = [
        {each.index: json.loads(each.body)["score"] for each in load.outcomes if each.status == 200}
        for load in (one, other)
    ]
    common = scores[0].keys() & scores[1].keys()
    return max(abs(scores[0][i] - scores[1][i]) for i in common)


def steady_section(load: Load, rate: float) -> Section:
    """Lagmark in the open loop."""
    middle, worst = load.milliseconds(0.5), load.milliseconds(0.99)
    return Section(
        f"Lagmark at {rate:,g} requests a second, open loop, waiting for a turn included",
        ("requests", "failed", "p50 ms", "p95 ms", "p99 ms", "max ms"),
        [
            (
                f"{len(load.outcomes):,}",
                f"{load.failed:,}",
                f"{middle:.2f}",
                f"{load.milliseconds(0.95):.2f}",
                f"{worst:.2f}",
                f"{load.milliseconds(1.0):.2f}",
            )
        ],
        targets=[
            Target("p50 at most 2 ms", f"{middle:.2f} ms", middle <= 2),
            Target("p99 at most 10 ms", f"{worst:.2f} ms", worst <= 10),
        ],
        raw={"benchmark": "service_steady", "p50_ms": middle, "p99_ms": worst},
    )


def bulk_section(turns: Sequence[Turn]) -> Section:
    """Lagmark's batch endpoint.

    Parameters
    ----------
    turns
        Those that count.
    """
    found = [
        [answer for _, answer in answers_of(turn.load, together=BATCH) if answer.error is None]
        for turn in turns
    ]
    rate = median(len(each) / turn.load.seconds for each, turn in zip(found, turns, strict=True))
    core = median(len(each) / turn.cpu for each, turn in zip(found, turns, strict=True))
    batches = sum(len(turn.load.outcomes) for turn in turns)
    explained = sum(bool(answer.reasons) for each in found for answer in each)
    decided = sum(map(len, found))
    return Section(
        f"Lagmark, batches of {BATCH} events",
        ("batches", "decisions per second", "per CPU second", "explained"),
        [(f"{batches:,}", f"{rate:,.0f}", f"{core:,.0f}", f"{explained / max(decided, 1):.1%}")],
        targets=[Target(">= 20,000 decisions a second", f"{rate:,.0f}", rate >= 20_000)],
        raw={"benchmark": "service_batch", "per_second": rate, "per_core_second": core},
    )
