"""Tables and targets of the nowcast benchmark."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from benchmarks.nowcast_worlds import AFTER
from benchmarks.results import Section, Target

__all__ = ["ASKED", "CONTROL", "ESTIMATORS", "LOOKS", "TOLD", "WORLDS", "Record", "report"]

WORLDS = {
    "stable": "card_stable",
    "rate x2.3": "card_rate_jump",
    "new pattern": "card_new_pattern",
    "delays x1.8": "card_slow_labels",
}
ASKED = (21, 28, 35)
"""Days after the shift at which figures are held against the truth."""
LOOKS = (7, 14, *ASKED, 38, 42, 45)
"""Days after the shift at which alarms are looked at."""
ESTIMATORS = ("naive", "chain_ladder", "confidence", "control_group", "combined")
TOLD = "true delays"
"""Known frauds over the share truly known at their age: what no estimator from labels can beat."""
CONTROL = 0.1

Record = dict[str, Any]


def report(records: list[Record], tuned: tuple[int, ...]) -> list[Section]:
    """Sections of all that was recorded.

    Parameters
    ----------
    records
        As the benchmark made them.
    tuned
        Seeds that settings were chosen on, which are named beside those reported.
    """
    shown = tuple(kind for kind in WORLDS if any(one["kind"] == kind for one in records))
    kinds = tuple(kind + way for kind in shown for way in ("", ", reviewed"))
    sections = [
        _figures(records, kinds, "final", "what labels will say in the end"),
        _figures(records, kinds, "fraud", "what was done, frauds that no label reaches included"),
        _coverage(records, kinds),
        _alarms(records, shown),
    ]
    selective = [record for record in records if record["kind"] == "blocked"]
    if selective:
        sections.append(_blocked(selective))
    seeds = {one["seed"] for one in records}
    volumes = ", ".join(str(size) for size in sorted({one["per_day"] for one in records}))
    sections[0].notes += [
        f"{volumes} payments a day; seeds reported: {_runs(seeds)}",
        f"seeds that settings were chosen on, at 4000 payments a day: {_runs(set(tuned))}"
        + ("; SOME OF THEM ARE SHOWN HERE" if seeds & set(tuned) else ""),
    ]
    return sections


def _figures(records: list[Record], kinds: tuple[str, ...], truth: str, text: str) -> Section:
    section = Section(
        f"Cohorts 7-14 days old against {text}: error of fraud rate (MAPE) and recall (MAE)",
        ("world", "figure", *ESTIMATORS, TOLD),
    )
    columns = (*ESTIMATORS, TOLD)
    raw: dict[str, Any] = {}
    for kind in kinds:
        for what, label in (("span", "rate, week"), ("day", "rate, day")):
            errors = [
                _mean(
                    abs(one["count"] / max(one[truth], 1) - 1)
                    for one in _pick(records, kind, what, name)
                )
                for name in columns
            ]
            raw[f"{kind}, {label}"] = dict(zip(columns, errors, strict=True))
            section.rows.append((kind, label, *_cells(errors, ".1%")))
        for metric in ("recall", "precision"):
            errors = [
                _mean(
                    abs(one[metric] - one[f"{metric}_{truth}"])
                    for one in _pick(records, kind, "span", name)
                    if metric in one
                )
                for name in columns
            ]
            raw[f"{kind}, {metric}"] = dict(zip(columns, errors, strict=True))
            section.rows.append((kind, metric, *_cells(errors, ".3f")))
    section.raw = {"benchmark": f"nowcast_error_{truth}", "errors": raw}
    bars = (
        ("stable, rate, week", "combined", 0.12, True),
        ("rate x2.3, rate, week", "combined", 0.15, True),
        ("stable, reviewed, recall", "combined", 0.03, False),
        ("new pattern, reviewed, recall", "combined", 0.05, False),
    )
    section.targets = [
        _below(figure, raw[figure][name], bar, share=share)
        for figure, name, bar, share in bars
        if figure in raw
    ]
    if "rate x2.3, rate, week" in raw:
        naive = raw["rate x2.3, rate, week"]["naive"]
        section.targets.append(_above("rate x2.3: naive rate", naive, 0.5))
    return section


def _coverage(records: list[Record], kinds: tuple[str, ...]) -> Section:
    section = Section(
        "Coverage of 90 % intervals, days and weeks 7-14 days old that are estimable "
        "(share of cells that are)",
        ("world", "truth", *ESTIMATORS),
    )
    raw: dict[str, Any] = {}
    for truth in ("fraud", "final"):
        for kind in (*kinds, "all"):
            cells = []
            for name in ESTIMATORS:
                all_cells = [
                    one
                    for each in (kinds if kind == "all" else (kind,))
                    for what in ("span", "day")
                    for one in _pick(records, each, what, name)
                ]
                good = [one for one in all_cells if one["estimable"]]
                covered = _mean(one["low"] <= one[truth] <= one["high"] for one in good)
                raw[f"{truth}, {kind}, {name}"] = covered
                cells.append(
                    f"{covered:.0%} ({len(good) / len(all_cells):.0%})" if good else "(0%)"
                )
            section.rows.append((kind, truth, *cells))
    section.raw = {"benchmark": "nowcast_coverage", "coverage": raw}
    for name in ("chain_ladder", "confidence", "combined"):
        if len(kinds) < 2 * len(WORLDS):
            # The bar is on all worlds together.
            continue
        value = raw[f"final, all, {name}"]
        section.targets.append(
            Target(f"{name}: 85-95 % over all worlds", f"{value:.0%}", 0.85 <= value <= 0.95)
        )
    return section


def _alarms(records: list[Record], shown: tuple[str, ...]) -> Section:
    section = Section(
        f"Alarms, looked at {len(LOOKS)} times in the {AFTER - 1} days after the shift",
        ("world", "worlds", "rang by 21 d", "rang by 45 d", "delays called slower", "first, days"),
    )
    raw: dict[str, Any] = {}
    for kind in shown:
        looks = [one for one in records if one["kind"] == kind and one["what"] == "alarm"]
        seeds = sorted({one["seed"] for one in looks})
        first: dict[int, int] = {}
        slower: dict[int, int] = {}
        for one in looks:
            if one["rings"]:
                first.setdefault(one["seed"], one["days"])
            if one["delays"] == "slower":
                slower.setdefault(one["seed"], one["days"])
        early = sum(days <= 21 for days in first.values())
        raw[kind] = {"first_alarm": first, "first_slower": slower, "worlds": len(seeds)}
        section.rows.append(
            (
                kind,
                str(len(seeds)),
                str(early),
                str(len(first)),
                str(len(slower)),
                ", ".join(str(first.get(seed, "-")) for seed in seeds),
            )
        )
    section.raw = {"benchmark": "nowcast_alarms", "alarms": raw}
    shifted = [kind for kind in shown if kind != "stable"]
    if shifted:
        rang = sum(len(raw[kind]["first_alarm"]) for kind in shifted)
        total = sum(raw[kind]["worlds"] for kind in shifted)
        section.targets.append(_above("alarm in shifted worlds", rang / total, 0.9))
    if "stable" in raw:
        calm = raw["stable"]
        false = len(calm["first_alarm"]) / calm["worlds"]
        section.targets.append(_below("alarm in stable worlds", false, 0.05))
    if "delays x1.8" in raw:
        slow = raw["delays x1.8"]
        named = len(slow["first_slower"]) / slow["worlds"]
        section.targets.append(_above("delay drift named within 45 d", named, 0.9))
    return section


def _blocked(records: list[Record]) -> Section:
    section = Section(
        f"Alerts blocked but for a control group of {CONTROL:.0%}: estimate over final truth, and "
        "how often the interval covers it",
        ("cohorts", "chain_ladder", "control_group", "confidence", "combined"),
    )
    raw: dict[str, Any] = {}
    for what in ("7-14", "14-28", "28-56"):
        cells = []
        for name in section.header[1:]:
            found = [one for one in records if one["what"] == what and one["estimator"] == name]
            ratio = sum(one["count"] for one in found) / sum(one["final"] for one in found)
            covered = _mean(one["low"] <= one["final"] <= one["high"] for one in found)
            raw[f"{what}, {name}"] = {"ratio": ratio, "covered": covered}
            cells.append(f"{ratio:.2f} ({covered:.0%})")
        section.rows.append((what, *cells))
    section.raw = {"benchmark": "nowcast_selective", "selective": raw}
    best = raw["28-56, control_group"]
    plain = raw["28-56, chain_ladder"]
    section.targets = [
        Target(
            "control group within 10 % of the truth",
            f"{best['ratio']:.2f}",
            abs(best["ratio"] - 1) <= 0.1,
        ),
        _above("its intervals cover", best["covered"], 0.85),
        _below("plain intervals cover", plain["covered"], 0.5),
    ]
    return section


def _cells(errors: list[float], form: str) -> list[str]:
    return ["" if math.isnan(error) else format(error, form) for error in errors]


def _runs(numbers: set[int]) -> str:
    """Whole numbers in short: 0-11, 20."""
    starts = sorted(number for number in numbers if number - 1 not in numbers)
    ends = sorted(number for number in numbers if number + 1 not in numbers)
    pairs = zip(starts, ends, strict=True)
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in pairs)


def _pick(records: list[Record], kind: str, what: str, name: str) -> list[Record]:
    wanted = {"kind": kind, "what": what, "estimator": name}
    return [one for one in records if wanted.items() <= one.items()]


def _mean(values: Iterable[float]) -> float:
    listed = [float(value) for value in values]
    return sum(listed) / len(listed) if listed else math.nan


def _below(text: str, value: float, bar: float, *, share: bool = True) -> Target:
    told = (f"{value:.1%}", f"{bar:.0%}") if share else (f"{value:.3f}", f"{bar:.2f}")
    return Target(f"{text}, at most {told[1]}", told[0], value <= bar)


def _above(text: str, value: float, bar: float) -> Target:
    return Target(f"{text}, at least {bar:.0%}", f"{value:.1%}", value >= bar)
