"""Whether the length of a window costs anything."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from benchmarks.child import Child
from benchmarks.results import Section, Target

__all__ = ["KINDS", "flat"]

WINDOWS = ("1min", "1h", "1d", "30d", "365d")
KINDS = (
    "count",
    "sum",
    "mean",
    "std",
    "min",
    "max",
    "distinct",
    "ratio",
    "zscore",
    "time_since_last",
    "fraud_rate",
    "new",
)


def flat(folder: Path, *, repeats: int, timed: int, each: bool) -> list[Section]:
    """Nanoseconds per event by window, for all kinds together and for each.

    Parameters
    ----------
    folder
        Where the long year is.
    repeats
        How often each is timed.
    timed
        Last events that the online driver is timed on.
    each
        Whether each aggregation is measured too.
    """
    groups: list[str | None] = [None, *KINDS, "quantile"] if each else [None]
    back: dict[tuple[str | None, str], list[float]] = {}
    live: dict[tuple[str | None, str], list[float]] = {}
    with Child("flatness", folder, timed=timed) as child:
        for group in groups:
            for _ in range(repeats):
                for window in WINDOWS:
                    answer = child.ask("backfill", window=window, only=group)
                    back.setdefault((group, window), []).append(answer["ns"])
        for _ in range(repeats):
            for window in WINDOWS:
                answer = child.ask("online", window=window, only=None)
                live.setdefault((None, window), []).append(answer["ns"])
    events = child.ready["events"]
    return [
        _section("Backfill", f"all {events:,} events", groups, back),
        _section("Online", f"the last {timed:,} events, a full year before them", [None], live),
    ]


def _section(
    driver: str,
    what: str,
    groups: list[str | None],
    times: dict[tuple[str | None, str], list[float]],
) -> Section:
    section = Section(
        f"{driver}, CPU ns per event by window ({what})",
        ("features", *WINDOWS, "worst"),
    )
    worst = {}
    for group in groups:
        values = [median(times[group, window]) for window in WINDOWS]
        centre = median(values)
        worst[group] = max(abs(value / centre - 1) for value in values)
        name = "all twelve" if group is None else group
        section.rows.append((name, *(f"{value:,.0f}" for value in values), f"{worst[group]:.0%}"))
    if "quantile" in groups:
        section.notes.append(
            "quantile keeps all entries of its window sorted and grows with it, as documented;"
            " it is not among the twelve"
        )
    section.notes.append("worst is the greatest distance of a window from the row's median")
    section.targets.append(
        Target(
            "all twelve together within 20 % of the median",
            f"{worst[None]:.0%}",
            worst[None] <= 0.2,
        )
    )
    section.raw = {
        "benchmark": f"flat_{driver.lower()}",
        "ns_per_event": {
            group or "all": {window: times[group, window] for window in WINDOWS} for group in groups
        },
        "worst": {group or "all": value for group, value in worst.items()},
    }
    return section
