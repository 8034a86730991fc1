"""The online engine: in batches beside River, and one event at a time."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.child import Child
from benchmarks.results import Section, Target, spread

__all__ = ["online"]

PREFILL = 300_000
"""Events before the first that is timed: a month, so that the longest of the nine is full."""
OURS = 100_000
"""Events that Lagmark takes in each repeat."""
THEIRS = 10_000
"""Events that River takes in each repeat."""
SINGLES = 120_000
WARM = 20_000


def online(folder: Path, *, rows: int, repeats: int) -> list[Section]:
    """Batches of 1,000 against River, then single events."""
    prefill = min(PREFILL, rows // 2)
    ours = min(OURS, (rows - prefill) // repeats)
    theirs = min(THEIRS, ours)
    speeds: dict[str, list[float]] = {"sixty": [], "nine": [], "river": []}
    with (
        Child("engine", folder, features="sixty", prefill=prefill) as sixty,
        Child("engine", folder, features="nine", prefill=prefill) as nine,
        Child("river_rolling", folder, prefill=prefill) as river,
    ):
        for _ in range(repeats):
            for name, child, events in (
                ("sixty", sixty, ours),
                ("nine", nine, ours),
                ("river", river, theirs),
            ):
                answer = child.ask("batches", events=events)
                speeds[name].append(answer["events"] / answer["seconds"])
    with Child("engine", folder, features="sixty", prefill=max(1, (rows - SINGLES) // 2)) as child:
        single = child.ask("singles", warm=min(WARM, rows // 8), events=min(SINGLES, rows // 2))
    return [_batches(speeds, repeats, prefill), _single(single)]


def _batches(speeds: dict[str, list[float]], repeats: int, prefill: int) -> Section:
    section = Section(
        f"Online, update and read in batches of 1,000 (one core, CPU time, median of {repeats})",
        ("", "events/s", "range", "feature values/s"),
    )
    for name, title, features in (
        ("sixty", "Lagmark, 60 features", 60),
        ("nine", "Lagmark, the same 9 as River", 9),
        ("river", "River TimeRolling, 9 features", 9),
    ):
        speed = median(speeds[name])
        section.rows.append(
            (title, f"{speed:,.0f}", spread(speeds[name]), f"{speed * features:,.0f}")
        )

    def ratio(name: str) -> float:
        return float(median(a / b for a, b in zip(speeds[name], speeds["river"], strict=True)))

    speed = median(speeds["sixty"])
    section.notes += [
        (
            f"events/s, 60 features against River's nine: {ratio('sixty'):.1f}x;"
            f" feature values/s: {ratio('sixty') * 60 / 9:.1f}x"
        ),
        f"both begin with {prefill:,} events that are not timed, so that windows are full",
        "River has no delay, no labels and no late events to look after; the sixty have",
    ]
    section.targets += [
        Target("at least 50,000 events/s with 60 features", f"{speed:,.0f}", speed >= 50_000),
        Target("aim: 200,000 events/s with 60 features", f"{speed:,.0f}", speed >= 200_000),
        Target(
            "at least 30x River, the same nine features",
            f"{ratio('nine'):.1f}x",
            ratio("nine") >= 30,
        ),
        Target(
            "at least 30x River, feature values/s of the sixty",
            f"{ratio('sixty') * 60 / 9:.1f}x",
            ratio("sixty") * 60 / 9 >= 30,
        ),
    ]
    section.raw = {"benchmark": "online", "events_per_second": speeds}
    return section


def _single(answer: dict[str, Any]) -> Section:
    return Section(
        f"Online, one event from Python, 60 features ({answer['events']:,} events, wall time)",
        ("", "us"),
        rows=[(name, f"{answer[name]:.1f}") for name in ("p50", "p99", "p999", "max", "mean")],
        targets=[
            Target("p50 at most 25 us", f"{answer['p50']:.1f} us", answer["p50"] <= 25),
            Target("p99 at most 100 us", f"{answer['p99']:.1f} us", answer["p99"] <= 100),
        ],
        raw={"benchmark": "single", **answer},
    )
