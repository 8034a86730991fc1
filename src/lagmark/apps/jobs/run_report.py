"""The HTML report of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.reports import (
    Note,
    Page,
    Plot,
    Section,
    Series,
    Table,
    Text,
    Tile,
    calibration_chart,
    count,
    instant,
    number,
    percent,
    precision_recall_chart,
)
from lagmark.reports.page import Block, Row
from lagmark.schema.time import format_duration

if TYPE_CHECKING:
    from lagmark.apps.jobs.outcome import RunOutcome
    from lagmark.apps.jobs.trial import TrialResult

__all__ = ["shown_result", "write_run_report"]

_POINTS = 200
"""Points of a plotted curve."""


def shown_result(outcome: RunOutcome) -> TrialResult:
    """The result a report is about: the registered model's, or else the best honest one."""
    registration = outcome.registration
    if registration is not None:
        return next(r for r in outcome.results if r.run_id == registration.run_id)
    honest = [r for r in outcome.results if r.trial.feature_set not in outcome.plan.caveats]
    return max(honest or outcome.results, key=lambda r: r.metrics["pr_auc"] or 0.0)


def write_run_report(outcome: RunOutcome) -> None:
    """Write the page of a run, whole or not at all."""
    best = shown_result(outcome)
    fold = best.trial.fold
    page = Page(
        title=f"Run: {outcome.domain.name}",
        lead=f"{outcome.domain.title}. {count(outcome.validation.events)} events; models trained "
        f"on labels known at the time, tested on what came after.",
        tiles=[
            Tile("PR-AUC", number(best.metrics["pr_auc"], 3),
                 f"guessing reaches {number(best.guess, 4)}"),
            Tile("ROC-AUC", number(best.metrics["roc_auc"], 3), "0.5 is guessing"),
            Tile("Frauds caught", percent(best.metrics["recall_at_k"], 0),
                 f"with {best.metrics.budget.per_day} alerts a day", "fraud"),
            Tile("Alerts that are right", percent(best.metrics["precision_at_k"], 0),
                 f"of {best.metrics.budget.per_day} a day"),
            Tile("Parity differences", count(outcome.parity_differences),
                 "online against backfill, bit for bit"),
        ],
        sections=[
            Section("Results", _results(outcome)),
            Section(
                f"{best.trial.model.label} on '{best.trial.feature_set}'",
                [
                    Text(
                        f"Trained {instant(fold.as_of)} on payments from "
                        f"{instant(fold.train_start)} to {instant(fold.train_end)}: no label "
                        f"younger than {format_duration(fold.delay)} was used. Tested on payments "
                        f"to {instant(fold.test_end)}, with labels known "
                        f"{instant(best.metrics.as_of)}."
                    ),
                    Row(_curves(best)),
                    _figures(best),
                ],
            ),
            Section("Events", [Table(("what", "rows"), _rows(outcome), "Every row accounted for")]),
            Section("Parity", _parity(outcome)),
        ],
        footer="Intervals are 95 % bootstrap intervals, resampled by the investigated entity where "
        "there is one. Instants are UTC.",
    )  # fmt: skip
    page.write(outcome.report)


def _results(outcome: RunOutcome) -> list[Block]:
    blocks: list[Block] = [Note(f"{k}: {v}.") for k, v in outcome.plan.caveats.items()
                           if k in outcome.plan.feature_sets]  # fmt: skip
    blocks += [Text(f"{note[:1].upper()}{note[1:]}.") for note in outcome.plan.notes]
    rows = [
        (
            r.trial.fold.name,
            r.trial.model.label,
            r.trial.feature_set,
            f"{count(r.model.train_events)} / {count(r.model.train_frauds)}",
            f"{count(r.metrics.events)} / {count(r.metrics.frauds)}",
            number(r.metrics["roc_auc"], 3),
            number(r.metrics["pr_auc"], 3),
            _interval(r, "pr_auc"),
            number(r.card_precision_at_100, 3),
        )
        for r in outcome.results
    ]
    headers = ("test from", "model", "features", "train / frauds", "test / frauds", "ROC-AUC",
               "PR-AUC", "95 %", "card precision@100")  # fmt: skip
    blocks.append(Table(headers, rows, "One line per model, features and test", "lllrrrrrr"))
    means = [
        (m["model"], m["feature_set"], m["folds"], number(m["roc_auc"], 3), number(m["pr_auc"], 3),
         number(m["card_precision_at_100"], 3))
        for m in outcome.means
    ]  # fmt: skip
    heads = ("model", "features", "tests", "ROC-AUC", "PR-AUC", "card precision@100")
    blocks.append(Table(heads, means, "Means over the tests", "llrrrr"))
    return blocks


def _curves(result: TrialResult) -> list[Plot | Table]:
    y, p = result.y, result.probability
    bins = result.metrics.reliability
    plots: list[Plot | Table] = []
    if result.metrics.frauds:
        order = np.argsort(-p, kind="stable")
        hits = np.cumsum(y[order])
        spots = np.unique(np.geomspace(1, y.shape[0], _POINTS).astype(np.int64)) - 1
        recall, precision = hits[spots] / hits[-1], hits[spots] / (spots + 1)
        plots.append(
            precision_recall_chart(
                "Precision and recall",
                [Series("model", precision.tolist(), "fraud", recall.tolist())],
                base_rate=result.guess or 0.0,
                description=f"Area under the curve {number(result.metrics['pr_auc'], 3)}.",
            )
        )
    if bins:
        plots.append(
            calibration_chart(
                "Calibration",
                [Series("model", [b.actual for b in bins], "honest", [b.predicted for b in bins])],
                description="Frauds predicted over frauds found: "
                f"{number(result.metrics['calibration_ratio'], 2)}.",
            )
        )
    return plots


def _figures(result: TrialResult) -> Table:
    rows = [
        (name.replace("_", " "), number(estimate.value, 4), _interval(result, name))
        for name, estimate in result.metrics.estimates.items()
    ]
    return Table(("figure", "value", "95 % interval"), rows, "All figures")


def _interval(result: TrialResult, name: str) -> str:
    estimate = result.metrics.estimates[name]
    if estimate.low is None or estimate.high is None:
        return "–"
    return f"{number(estimate.low, 3)} to {number(estimate.high, 3)}"


def _rows(outcome: RunOutcome) -> list[tuple[str, int]]:
    found = outcome.validation
    return [
        ("rows of the source", found.rows),
        ("events", found.events),
        ("dead letters", found.dead),
        ("labels", found.labels),
        ("frauds among them", found.frauds),
    ]


def _parity(outcome: RunOutcome) -> list[Block]:
    if not outcome.parity:
        return [Text("Not checked.")]
    rows = [
        (p.feature_set, p.compared, f"{p.day}: {count(p.replayed)}", p.values, p.differences)
        for p in outcome.parity
    ]
    headers = ("features", "events recomputed", "one by one", "values compared", "differences")
    return [Table(headers, rows, "Online against backfill", "lrrrr")]
