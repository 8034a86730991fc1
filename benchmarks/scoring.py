"""``python -m benchmarks scoring``: rows scored and explained, beside the libraries."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.results import Section, Target, as_json, as_text, heading, spread
from lagmark.learning import Calibration, TrainedModel
from lagmark.learning.models.xgboost import XGBoost
from lagmark.wiring.scorers import open_scorer

__all__ = ["main"]

FEATURES, TREES, DEPTH, EXAMPLES, ROWS = 60, 300, 6, 20_000, 1_000
REASONS = 3


@dataclass(frozen=True)
class Contender:
    """One way to ask; ``calls`` is how often one row is asked for in a repeat."""

    title: str
    ask: Callable[[np.ndarray], object]
    calls: int
    batch: bool = True


def main(argv: list[str]) -> int:
    """Run, print, and say whether all targets are met (exit status 0) or not (1)."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks scoring", description=__doc__)
    parser.add_argument("--repeats", type=int, default=7, help="interleaved repeats (default 7)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--out", type=Path, help="also write the JSON document to a file")
    arguments = parser.parse_args(argv)
    if arguments.repeats < 1:
        parser.error("--repeats must be at least 1")
    facts = machine.facts()
    with tempfile.TemporaryDirectory(prefix="lagmark-bench-") as folder:
        sections = _measured(Path(folder) / "bundle", arguments.repeats)
    document = as_json(facts, sections)
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if arguments.json:
        print(json.dumps(document, indent=2))
    else:
        print(heading(facts), *map(as_text, sections), sep="\n")
    return 0 if document["met"] else 1


def _data(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    # A third of the features are coarse, a sixth skewed; a twentieth of the values is absent.
    X = rng.normal(size=(EXAMPLES, FEATURES))
    X[:, ::3] = np.round(X[:, ::3], 1)
    X[:, 10:20] = 100 * X[:, 10:20] ** 2
    z = X[:, :10] @ rng.normal(size=10) + X[:, 1] * X[:, 2] + np.sin(3 * X[:, 3]) + X[:, 12] / 50
    y = rng.random(EXAMPLES) < 1 / (1 + np.exp(1 - z))
    X[rng.random(X.shape) < 0.05] = np.nan
    return X, y.astype(np.int8)


def _measured(path: Path, repeats: int) -> list[Section]:
    X, y = _data(np.random.default_rng(0))
    params = {"n_estimators": TREES, "max_depth": DEPTH}
    names = [f"f{i}" for i in range(FEATURES)]
    model = XGBoost(params).fit(X, y, names=names)
    calibration = Calibration.fit(model.predict_proba(X), y)
    TrainedModel(model, calibration, "c", 0, "", 0, 0, 1, EXAMPLES, int(y.sum())).save(path)
    booster: Any = model.booster
    contenders, scorer = _contenders(path, booster)
    rows = np.ascontiguousarray(X[:ROWS])
    return [
        _agreement(scorer, booster, rows, calibration),
        _section("One row", contenders, [rows[i : i + 1] for i in range(ROWS)], repeats),
        _section(f"{ROWS:,} rows at once", [c for c in contenders if c.batch], [rows], repeats),
    ]


def _contenders(path: Path, booster: Any) -> tuple[list[Contender], Any]:
    import shap
    import xgboost

    scorer = open_scorer(path, version="1")
    explainer = shap.TreeExplainer(booster)
    asked = [
        Contender("Lagmark, calibrated probability", scorer.probabilities, 2_000),
        Contender("XGBoost inplace_predict", booster.inplace_predict, 300),
        Contender("Lagmark, SHAP values", scorer.contributions, 1_000),
        Contender(
            f"Lagmark, top {REASONS} of them", lambda X: scorer.top_contributions(X, REASONS), 1_000
        ),
        Contender(
            "XGBoost pred_contribs",
            lambda X: booster.predict(xgboost.DMatrix(X, nthread=1), pred_contribs=True),
            100,
        ),
        Contender("shap.TreeExplainer", explainer.shap_values, 20),
    ]
    return asked, scorer


def _section(
    title: str, contenders: list[Contender], asked: list[np.ndarray], repeats: int
) -> Section:
    """CPU time by contender; the repeats are interleaved, so that all meet the same weather."""
    alone = asked[0].shape[0] == 1
    times: dict[str, list[float]] = {c.title: [] for c in contenders}
    for c in contenders:
        c.ask(asked[0])
    for _ in range(repeats):
        for c in contenders:
            calls = c.calls if alone else 1
            start = time.process_time()
            for i in range(calls):
                c.ask(asked[i % len(asked)])
            spent = time.process_time() - start
            times[c.title].append(1e6 * spent / (calls * asked[0].shape[0]))
    section = Section(
        f"{title}: CPU us per row, one thread ({TREES} trees, depth {DEPTH}, {FEATURES} features)",
        ("", "us", "range", "rows/s"),
    )
    for name, found in times.items():
        us = median(found)
        section.rows.append((name, f"{us:,.1f}", spread(found), f"{1e6 / us:,.0f}"))
    shap, theirs = times["Lagmark, SHAP values"], times["XGBoost pred_contribs"]
    ratio = median(b / a for a, b in zip(shap, theirs, strict=True))
    section.notes.append(f"SHAP values against pred_contribs, both one thread: {ratio:.0f}x")
    if alone:
        section.targets += [
            Target("SHAP values of a row in 100 us", f"{median(shap):.1f} us", median(shap) <= 100),
            Target("aim: in 70 us", f"{median(shap):.1f} us", median(shap) <= 70),
        ]
    section.raw = {"benchmark": "scoring", "microseconds": times}
    return section


def _agreement(scorer: Any, booster: Any, rows: np.ndarray, calibration: Calibration) -> Section:
    import xgboost

    wanted = booster.predict(xgboost.DMatrix(rows, nthread=1), pred_contribs=True)
    shap = float(np.abs(scorer.contributions(rows) - wanted).max())
    theirs = calibration.apply(booster.inplace_predict(rows).astype(np.float64))
    apart = float(np.abs(scorer.probabilities(rows) - theirs).max())
    alone = np.concatenate([scorer.contributions(rows[i : i + 1]) for i in range(ROWS)])
    return Section(
        f"Agreement with XGBoost on {ROWS:,} rows",
        ("greatest difference", ""),
        rows=[("probability", f"{apart:.1e}"), ("SHAP values", f"{shap:.1e}")],
        targets=[
            Target("probabilities within 1e-6", f"{apart:.1e}", apart <= 1e-6),
            Target("SHAP values within 1e-5", f"{shap:.1e}", shap <= 1e-5),
            Target(
                "a row has the same bits alone and among others",
                "yes"
                if (same := alone.tobytes() == scorer.contributions(rows).tobytes())
                else "no",
                same,
            ),
        ],
        raw={"benchmark": "agreement", "probability": apart, "shap": shap},
    )
