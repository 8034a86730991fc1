"""``python -m benchmarks nowcast``: estimates before the labels are in, held against the truth."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.nowcast_worlds import AFTER, Lived, block, live, review
from benchmarks.results import Section, Target, as_json, as_text, heading
from lagmark.monitoring.nowcast import Nowcast, nowcast

__all__ = ["main"]

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
CONTROL = 0.1
KINDS = (*WORLDS, *(f"{kind}, reviewed" for kind in WORLDS))
"""Worlds as simulated, and the same where analysts look at every alert within days."""

Record = dict[str, Any]


def main(argv: list[str]) -> int:
    """Run, print, and say whether all targets are met (exit status 0) or not (1)."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks nowcast", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="worlds of each kind (default 5)")
    parser.add_argument("--first-seed", type=int, default=0, help="seed of the first world")
    parser.add_argument(
        "--records", type=Path, nargs="+", help="read these earlier --out files instead of running"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--out", type=Path, help="also write the JSON document to a file")
    arguments = parser.parse_args(argv)
    if arguments.seeds < 1 or arguments.first_seed < 0:
        parser.error("--seeds must be at least 1 and --first-seed at least 0")
    facts = machine.facts()
    if arguments.records:
        records = [
            record
            for path in arguments.records
            for record in json.loads(path.read_text())["sections"][0]["records"]
        ]
    else:
        first = arguments.first_seed
        records = [
            record for seed in range(first, first + arguments.seeds) for record in _seed(seed)
        ]
    selective = [record for record in records if record["kind"] == "blocked"]
    sections = [
        _figures(records, "final", "what labels will say in the end"),
        _figures(records, "fraud", "what was done, frauds that no label reaches included"),
        _coverage(records),
        _alarms(records),
        _blocked(selective),
    ]
    sections[0].raw["records"] = records
    document = as_json(facts, sections)
    text = json.dumps(document, indent=1)
    if arguments.out is not None:
        arguments.out.write_text(text + "\n")
    print(text if arguments.json else heading(facts) + "".join(map(as_text, sections)))
    return 0 if document["met"] else 1


def _seed(seed: int) -> list[Record]:
    """All worlds of a seed."""
    records: list[Record] = []
    for kind, scenario in WORLDS.items():
        lived = live(scenario, seed)
        records += _world(kind, lived, seed)
        records += _world(f"{kind}, reviewed", review(lived), seed, looks=ASKED)
        if kind == "stable":
            records += _selective(block(lived, CONTROL, seed), seed)
    return records


def _world(kind: str, lived: Lived, seed: int, looks: tuple[int, ...] = LOOKS) -> list[Record]:
    records = []
    for days in sorted(looks):
        observed = lived.at(days)
        found = nowcast(observed)
        alarm = found.alarm
        base = {"kind": kind, "seed": seed, "days": days}
        records.append(
            {
                **base,
                "what": "alarm",
                "rings": alarm.rings,
                "delays": alarm.delays,
                "causes": list(alarm.causes),
                "z": {f"{one.band}-{one.days}": one.z for one in alarm.disagreements},
                "drift_z": alarm.drift.z,
            }
        )
        if days in ASKED:
            records += [{**base, **record} for record in _cells(lived, found)]
    return records


def _cells(lived: Lived, found: Nowcast) -> list[Record]:
    """Cohorts 7 to 14 days old, each day and together, beside the truth."""
    records = []
    ages = [(7, 14, "span")] + [(age, age + 1, "day") for age in range(7, 14)]
    part = next(one for one in found.performance if one.from_age == 7)
    for start, end, what in ages:
        rows = lived.rows(found.as_of, start, end)
        fraud, final = lived.fraud[rows], lived.final[rows]
        alerted = lived.decisions.alerted[rows]
        if what == "span":
            estimates = next(one for one in found.spans if one.from_age == 7).estimates
        else:
            estimates = next(one.estimates for one in found.cohorts if start <= one.age < end)
        for name in ESTIMATORS:
            one = estimates[name]
            record = {
                "what": what,
                "age": start,
                "estimator": name,
                "events": int(rows.sum()),
                "fraud": int(fraud.sum()),
                "final": int(final.sum()),
                "count": one.count,
                "low": one.low,
                "high": one.high,
                "estimable": one.estimable,
            }
            if what == "span":
                caught = {"fraud": fraud & alerted, "final": final & alerted}
                for metric in ("recall", "precision"):
                    figure = getattr(part, metric)[name]
                    record[metric] = figure.value
                    record[f"{metric}_low"], record[f"{metric}_high"] = figure.low, figure.high
                record["recall_fraud"] = caught["fraud"].sum() / max(fraud.sum(), 1)
                record["recall_final"] = caught["final"].sum() / max(final.sum(), 1)
                record["precision_fraud"] = caught["fraud"].sum() / max(alerted.sum(), 1)
                record["precision_final"] = caught["final"].sum() / max(alerted.sum(), 1)
            records.append({key: _plain(value) for key, value in record.items()})
    return records


def _selective(lived: Lived, seed: int) -> list[Record]:
    records = []
    for days in ASKED:
        found = nowcast(lived.at(days))
        for span in found.spans:
            if span.from_age < 7:
                continue
            rows = lived.rows(found.as_of, span.from_age, span.to_age)
            for name in ("chain_ladder", "control_group", "confidence", "combined"):
                one = span.estimates[name]
                records.append(
                    {
                        "kind": "blocked",
                        "seed": seed,
                        "days": days,
                        "what": f"{span.from_age}-{span.to_age}",
                        "estimator": name,
                        "fraud": int(lived.fraud[rows].sum()),
                        "final": int(lived.final[rows].sum()),
                        "count": one.count,
                        "low": one.low,
                        "high": one.high,
                        "estimable": one.estimable,
                    }
                )
    return records


def _figures(records: list[Record], truth: str, text: str) -> Section:
    section = Section(
        f"Cohorts 7-14 days old against {text}: error of fraud rate (MAPE) and recall (MAE)",
        ("world", "figure", *ESTIMATORS),
    )
    raw: dict[str, Any] = {}
    for kind in KINDS:
        for what, label in (("span", "rate, week"), ("day", "rate, day")):
            errors = [
                _mean(
                    abs(one["count"] / max(one[truth], 1) - 1)
                    for one in _pick(records, kind, what, name)
                )
                for name in ESTIMATORS
            ]
            raw[f"{kind}, {label}"] = dict(zip(ESTIMATORS, errors, strict=True))
            section.rows.append((kind, label, *(f"{error:.1%}" for error in errors)))
        for metric in ("recall", "precision"):
            errors = [
                _mean(
                    abs(one[metric] - one[f"{metric}_{truth}"])
                    for one in _pick(records, kind, "span", name)
                )
                for name in ESTIMATORS
            ]
            raw[f"{kind}, {metric}"] = dict(zip(ESTIMATORS, errors, strict=True))
            section.rows.append((kind, metric, *(f"{error:.3f}" for error in errors)))
    section.raw = {"benchmark": f"nowcast_error_{truth}", "errors": raw}
    section.targets = [
        _below("stable: rate, week", raw["stable, rate, week"]["combined"], 0.12),
        _below("rate x2.3: rate, week", raw["rate x2.3, rate, week"]["combined"], 0.15),
        _above("rate x2.3: naive rate", raw["rate x2.3, rate, week"]["naive"], 0.5),
        _below(
            "stable, reviewed: recall",
            raw["stable, reviewed, recall"]["combined"],
            0.03,
            share=False,
        ),
        _below(
            "new pattern, reviewed: recall",
            raw["new pattern, reviewed, recall"]["combined"],
            0.05,
            share=False,
        ),
    ]
    return section


def _coverage(records: list[Record]) -> Section:
    section = Section(
        "Coverage of 90 % intervals, days and weeks 7-14 days old that are estimable "
        "(share of cells that are)",
        ("world", "truth", *ESTIMATORS),
    )
    raw: dict[str, Any] = {}
    for truth in ("fraud", "final"):
        for kind in (*KINDS, "all"):
            cells = []
            for name in ESTIMATORS:
                all_cells = [
                    one
                    for each in (KINDS if kind == "all" else (kind,))
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
        value = raw[f"final, all, {name}"]
        section.targets.append(
            Target(f"{name}: 85-95 % over all worlds", f"{value:.0%}", 0.85 <= value <= 0.95)
        )
    return section


def _alarms(records: list[Record]) -> Section:
    section = Section(
        f"Alarms, looked at {len(LOOKS)} times in the {AFTER - 1} days after the shift",
        ("world", "worlds", "rang by 21 d", "rang by 45 d", "delays called slower", "first, days"),
    )
    raw: dict[str, Any] = {}
    for kind in WORLDS:
        looks = [one for one in records if one["kind"] == kind and one["what"] == "alarm"]
        seeds = sorted({one["seed"] for one in looks})
        first, slower = {}, {}
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
    shifted = [kind for kind in WORLDS if kind != "stable"]
    rang = sum(len(raw[kind]["first_alarm"]) for kind in shifted)
    total = sum(raw[kind]["worlds"] for kind in shifted)
    false = len(raw["stable"]["first_alarm"]) / max(raw["stable"]["worlds"], 1)
    slow = raw["delays x1.8"]
    section.raw = {"benchmark": "nowcast_alarms", "alarms": raw}
    section.targets = [
        _above("alarm in shifted worlds", rang / total, 0.9),
        _below("alarm in stable worlds", false, 0.05),
        _above("delay drift named within 45 d", len(slow["first_slower"]) / slow["worlds"], 0.9),
    ]
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


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
