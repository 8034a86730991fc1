"""``python -m benchmarks nowcast``: estimates before the labels are in, held against the truth.

Worlds are simulated with a live model, and the nowcast is asked 21, 28 and 35 days after the day on
which some of them change. Seeds that settings were chosen on are refused unless --tuning says that
nothing is to be reported.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import machine
from benchmarks.nowcast_report import (
    ASKED,
    CONTROL,
    ESTIMATORS,
    LOOKS,
    TOLD,
    WORLDS,
    Record,
    report,
)
from benchmarks.nowcast_worlds import Lived, block, live, review
from benchmarks.results import as_json, as_text, heading
from lagmark.monitoring.nowcast import Nowcast, nowcast

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["main"]

TUNED = (*range(12), *range(100, 112))
"""Seeds, at 4,000 payments a day, that thresholds and windows were chosen on."""
SHORT = dict(zip(("stable", "rate", "new", "slow"), WORLDS, strict=True))
"""Names of the worlds on the command line."""

EXAMPLES = """examples:
  python -m benchmarks nowcast
  python -m benchmarks nowcast --payments-per-day 8000 --seeds 4
  python -m benchmarks nowcast --worlds stable --seeds 12
  python -m benchmarks nowcast --first-seed 0 --seeds 12 --tuning
"""


def main(argv: list[str]) -> int:
    """Run, print, and say whether all targets are met (exit status 0) or not (1)."""
    arguments = _arguments(argv)
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
            record
            for seed in range(first, first + arguments.seeds)
            for record in _seed(seed, arguments.worlds, arguments.payments_per_day)
        ]
    sections = report(records, TUNED)
    sections[0].raw["records"] = records
    document = as_json(facts, sections)
    text = json.dumps(document, indent=1)
    if arguments.out is not None:
        arguments.out.write_text(text + "\n")
    print(text if arguments.json else heading(facts) + "".join(map(as_text, sections)))
    return 0 if document["met"] else 1


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks nowcast",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, default=5, help="worlds of each kind (default 5)")
    parser.add_argument(
        "--first-seed",
        type=int,
        default=200,
        help="seed of the first world (default 200; 0 to 11 and 100 to 111 served for tuning)",
    )
    parser.add_argument(
        "--payments-per-day",
        type=int,
        default=4_000,
        metavar="N",
        help="volume of a world (default 4000); more of it makes recall easier and takes longer",
    )
    parser.add_argument(
        "--worlds",
        type=_worlds,
        default=tuple(WORLDS),
        metavar="NAMES",
        help="which kinds, with commas: stable, rate (x2.3), new (pattern), slow (delays x1.8); "
        "default all",
    )
    parser.add_argument(
        "--tuning", action="store_true", help="allow the seeds that settings were chosen on"
    )
    parser.add_argument(
        "--records", type=Path, nargs="+", help="read these earlier --out files instead of running"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--out", type=Path, help="also write the JSON document to a file")
    arguments = parser.parse_args(argv)
    first, seeds = arguments.first_seed, arguments.seeds
    if seeds < 1 or first < 0:
        parser.error("--seeds must be at least 1 and --first-seed at least 0")
    if arguments.payments_per_day < 500:
        parser.error("--payments-per-day must be at least 500")
    used = sorted(set(range(first, first + seeds)) & set(TUNED))
    if used and not arguments.records and not arguments.tuning:
        parser.error(
            f"seeds {used[0]} to {used[-1]} served for tuning and are not to be reported: "
            f"--first-seed {TUNED[-1] + 1} or more, or --tuning"
        )
    return arguments


def _worlds(text: str) -> tuple[str, ...]:
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in SHORT]
    if unknown:
        raise argparse.ArgumentTypeError(
            f"no world is called {unknown[0]!r}; there are {', '.join(SHORT)}"
        )
    return tuple(SHORT[name] for name in SHORT if name in names)


def _seed(seed: int, kinds: tuple[str, ...], per_day: int) -> list[Record]:
    """All worlds of a seed."""
    records: list[Record] = []
    for kind in kinds:
        lived = live(WORLDS[kind], seed, per_day)
        records += _world(kind, lived, seed)
        records += _world(f"{kind}, reviewed", review(lived), seed, looks=ASKED)
        if kind == "stable":
            records += _selective(block(lived, CONTROL, seed), seed)
    return [{**record, "per_day": per_day} for record in records]


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
        sizes = {
            "what": what,
            "age": start,
            "events": int(rows.sum()),
            "fraud": int(fraud.sum()),
            "final": int(final.sum()),
        }
        true = {
            "recall_fraud": _share(fraud & alerted, fraud),
            "recall_final": _share(final & alerted, final),
            "precision_fraud": _share(fraud & alerted, alerted),
            "precision_final": _share(final & alerted, alerted),
        }
        if what == "span":
            count, recall = lived.told(found.as_of, start, end)
            told = {"estimator": TOLD, "count": count, "recall": recall, "estimable": False}
            records.append({**sizes, **true, **told})
        for name in ESTIMATORS:
            one = estimates[name]
            record: Record = {
                **sizes,
                "estimator": name,
                "count": one.count,
                "low": one.low,
                "high": one.high,
                "estimable": one.estimable,
            }
            if what == "span":
                record |= true
                for metric in ("recall", "precision"):
                    figure = getattr(part, metric)[name]
                    record[metric] = figure.value
                    record[f"{metric}_low"], record[f"{metric}_high"] = figure.low, figure.high
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


def _share(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> float:
    return float(part.sum()) / max(float(whole.sum()), 1.0)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
