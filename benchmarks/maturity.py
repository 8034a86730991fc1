"""``python -m benchmarks maturity``: what each policy does to the level and the ranking."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from tests.learning.worlds import World, world

from benchmarks import machine
from benchmarks.results import Section, Target, as_json, as_text, heading
from lagmark.learning import KnownHistory, create_policy
from lagmark.learning.maturity.shares import estimated
from lagmark.learning.metrics import average_precision, calibration_ratio
from lagmark.schema.time import DAY

__all__ = ["main"]

MEDIANS = (2.0, 12.0, 30.0)
"""Median delays of the labels that no analyst gives, days."""
AS_OF, TRAIN, DAYS, ALERTS = 150, 60, 180, 10
MODEL = {"n_estimators": 60, "learning_rate": 0.06, "num_leaves": 8, "min_child_samples": 50}
POLICIES: dict[str, tuple[str, dict[str, Any]]] = {
    "naive": ("naive", {}),
    "fixed_delay": ("fixed_delay", {"delay": "30d"}),
    "fixed_delay, pooled": ("fixed_delay", {"delay": "30d", "pool": True}),
    "maturity_weighted": ("maturity_weighted", {}),
    "positive_unlabelled": ("positive_unlabelled", {}),
    "feedback_delayed": ("feedback_delayed", {"delay": "30d"}),
}


def main(argv: list[str]) -> int:
    """Run, print, and say whether all targets are met (exit status 0) or not (1)."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks maturity", description=__doc__)
    parser.add_argument("--seeds", type=int, default=8, help="worlds of each delay (default 8)")
    parser.add_argument("--first-seed", type=int, default=200, help="seed of the first world")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--out", type=Path, help="also write the JSON document to a file")
    arguments = parser.parse_args(argv)
    if arguments.seeds < 1 or arguments.first_seed < 0:
        parser.error("--seeds must be at least 1 and --first-seed at least 0")
    facts = machine.facts()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    sections = [_section(median, seeds) for median in MEDIANS]
    document = as_json(facts, sections)
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if arguments.json:
        print(json.dumps(document, indent=2))
    else:
        print(heading(facts), *map(as_text, sections), sep="\n")
    return 0 if document["met"] else 1


def _section(median: float, seeds: range) -> Section:
    found: dict[str, list[tuple[float, float, float]]] = {label: [] for label in POLICIES}
    for seed in seeds:
        lived = world(seed, days=DAYS, per_day=500, median=median)
        history = lived.history(AS_OF * DAY, start=(AS_OF - TRAIN) * DAY)
        ever = lived.history(AS_OF * DAY)
        for label, (name, params) in POLICIES.items():
            found[label].append(_figures(lived, history, ever, name, params))
    section = Section(
        f"Labels with a median delay of {median:g} days",
        ("policy", "predicted/actual", "sd", "PR-AUC", "sd", f"precision@{ALERTS} a day", "sd"),
    )
    for label, rows in found.items():
        mean, spread = np.mean(rows, axis=0), np.std(rows, axis=0)
        cells = [f"{v:.3f}" for pair in zip(mean, spread, strict=True) for v in pair]
        section.rows.append((label, *cells))
        section.raw[label] = [list(map(float, row)) for row in rows]
    level = float(np.mean([row[0] for row in found["maturity_weighted"]]))
    section.targets.append(
        Target("maturity_weighted: predicted / actual within .90 to 1.10", f"{level:.3f}",
               0.9 <= level <= 1.1)
    )  # fmt: skip
    section.notes.append(f"{len(seeds)} worlds; trained on {TRAIN} days, measured on "
                         f"{DAYS - AS_OF} by the truth")  # fmt: skip
    return section


def _figures(
    lived: World, history: KnownHistory, ever: KnownHistory, name: str, params: dict[str, Any]
) -> tuple[float, float, float]:
    if name in ("maturity_weighted", "positive_unlabelled"):
        params = {**params, "curve": estimated(ever)}
    model = create_policy(name, params).fit(history, "lightgbm", MODEL)
    later = lived.event_time >= AS_OF * DAY
    y, p = lived.fraud[later].astype(np.int8), model.probability(lived.X[later])
    day = lived.event_time[later] // DAY
    hits = [y[day == d][np.argsort(-p[day == d], kind="stable")[:ALERTS]].mean()
            for d in np.unique(day)]  # fmt: skip
    ratio, area = calibration_ratio(y, p), average_precision(y, p)
    assert ratio is not None
    assert area is not None
    return ratio, area, float(np.mean(hits))
