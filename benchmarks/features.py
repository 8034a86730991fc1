"""Backfill: the twelve features beside the peers, and sixty features."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.agree import compare, tied_customers
from benchmarks.child import Child
from benchmarks.contenders import CONTENDERS
from benchmarks.data import read_table
from benchmarks.machine import bandwidth, floor_bytes
from benchmarks.results import Section, Target, middle, spread

__all__ = ["sixty", "twelve"]

RIVALS = ("polars_rolling", "polars_over", "polars_by", "duckdb_range")
"""The fastest of these is the measure."""


def twelve(folder: Path, *, repeats: int, share: float) -> Section:
    """The handbook's twelve window features by every contender."""
    import numpy as np

    table = read_table(folder)
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    differing: list[str] = []
    with ExitStack() as stack:
        children = {
            name: stack.enter_context(Child("twelve", folder, name=name, share=share))
            for name in CONTENDERS
        }
        ours, tied = None, tied_customers(table)
        for name, child in children.items():
            columns = np.load(child.ask("check")["path"], mmap_mode="r")
            ours = columns if ours is None else ours
            agreement = compare(ours, columns, tied)
            if not agreement.agree:
                differing.append(f"{name}: {agreement}")
        if differing:
            raise SystemExit("contenders disagree with Lagmark, nothing timed: " + str(differing))
        for _ in range(repeats):
            for name, child in children.items():
                seconds[name].append(child.ask("run")["seconds"])
    return _section(seconds, table.height, int(tied.sum()), repeats, share)


def _section(
    seconds: dict[str, list[float]], rows: int, tied: int, repeats: int, share: float
) -> Section:
    middles = {name: median(values) for name, values in seconds.items()}
    ours = middles["lagmark"]
    # Ratios of neighbours in time: a noisy minute slows both sides of one.
    ratios: dict[str, float] = {
        name: median(theirs / own for theirs, own in zip(values, seconds["lagmark"], strict=True))
        for name, values in seconds.items()
    }
    section = Section(
        f"Twelve window features on {rows:,} rows (CPU seconds, one thread, median of {repeats})",
        ("contender", "seconds", "range", "ns/row", "x Lagmark"),
    )
    for name, title in CONTENDERS.items():
        section.rows.append(
            (
                title,
                f"{middles[name]:.3f}",
                spread(seconds[name]),
                f"{middles[name] / rows * 1e9:,.0f}",
                f"{ratios[name]:.2f}",
            )
        )
    speed = bandwidth()
    floor = floor_bytes(rows) / speed
    section.notes += [
        (
            "all contenders agree with Lagmark: counts exactly, means and rates to 1e-9"
            f" (less customers' values of {tied} rows tied in the same instant)"
        ),
        "x Lagmark is the median over repeats of the ratio within a repeat",
        (
            f"memory floor: {floor_bytes(rows) / 1e6:,.0f} MB to read and write at a measured"
            f" {speed / 1e9:.1f} GB/s = {floor:.3f} s; Lagmark takes {ours / floor:.1f} times that"
        ),
    ]
    if share < 1:
        section.notes.append(
            f"the handbook's pandas ran on {share:.0%} of the customers and of the terminals"
            " (whole ones, chosen at random); its time is scaled by rows"
        )
    fastest = min(RIVALS, key=lambda name: ratios[name])
    section.targets += [
        Target(
            f"at least 2x the fastest of Polars and DuckDB ({CONTENDERS[fastest]})",
            f"{ratios[fastest]:.2f}x",
            ratios[fastest] >= 2,
        ),
        Target(
            "at least 40x the handbook's pandas",
            f"{ratios['handbook_pandas']:.1f}x",
            ratios["handbook_pandas"] >= 40,
        ),
    ]
    section.raw = {
        "benchmark": "features",
        "rows": rows,
        "seconds": seconds,
        "ratios": ratios,
        "floor_seconds": floor,
        "floor_multiple": ours / floor,
        "handbook_share": share,
    }
    return section


def sixty(folder: Path, *, repeats: int) -> Section:
    """Speed and memory of a backfill of sixty features."""
    answers: list[dict[str, Any]] = []
    with Child("sixty", folder) as child:
        events, features = child.ready["events"], child.ready["features"]
        child.ask("warm")
        answers = [child.ask("run") for _ in range(repeats)]
    wall, cpu, peak = (middle(answers, name) for name in ("wall", "cpu", "peak"))
    rate = events / wall * 60
    section = Section(
        f"Backfill of {features} features on {events:,} rows (one thread, median of {repeats})",
        ("", "value"),
        rows=[
            ("wall seconds", f"{wall:.2f}"),
            ("CPU seconds", f"{cpu:.2f}"),
            ("events per minute (wall)", f"{rate:,.0f}"),
            ("feature values per CPU second", f"{events * features / cpu:,.0f}"),
            ("peak resident memory, GB", f"{peak / 1e9:.2f}"),
        ],
        targets=[
            Target("at least 1,000,000 events a minute", f"{rate:,.0f}", rate >= 1e6),
            Target("less than 4 GB", f"{peak / 1e9:.2f} GB", peak < 4e9),
        ],
    )
    section.raw = {"benchmark": "sixty", "events": events, "features": features, "runs": answers}
    return section
