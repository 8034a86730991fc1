"""Plots of a backtest's page: courses over time, calibration, costs, delays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from lagmark.backtest.wording import figure_text, shown
from lagmark.reports import (
    Row,
    Series,
    Table,
    Text,
    calibration_chart,
    horizontal_bar_chart,
    line_chart,
    percent,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.backtest.study import Study
    from lagmark.reports import Plot
    from lagmark.reports.page import Block
    from lagmark.reports.plot import Tone

__all__ = ["calibration", "caught", "costs", "delay", "precision"]

_WEEK = 7
_TONES: tuple[Tone, ...] = ("muted", "events", "fraud", "honest")
_EPOCH = date(1970, 1, 1).toordinal()


def _days(study: Study) -> list[float]:
    return [float(date.fromisoformat(day).toordinal() - _EPOCH) for day in study.evaluated["dates"]]


def _daily(study: Study, name: str, column: str) -> NDArray[np.float64]:
    return np.asarray(study.policies[name]["daily"][column], dtype=np.float64)


def _side_by_side(plots: Sequence[Plot]) -> list[Block]:
    return [Row(plots[n : n + 2]) for n in range(0, len(plots), 2)]


def _rolling(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over the last seven days, fewer at the beginning."""
    total = np.cumsum(np.concatenate([np.zeros(1), values]))
    ends = np.arange(1, values.shape[0] + 1)
    return total[ends] - total[np.maximum(ends - _WEEK, 0)]


def _against_first(
    study: Study, title: str, values: dict[str, list[float]], what: str, *, share: bool
) -> list[Block]:
    """One plot per policy with the first one beside it; one for all while tones last."""
    days = _days(study)
    write = [(lambda v: f"{v:.0%}") if share else (lambda v: f"{v:.2g}")]
    names = list(values)
    if len(names) <= len(_TONES):
        lines = [
            Series(name, values[name], tone) for name, tone in zip(names, _TONES, strict=False)
        ]
        return [line_chart(title, days, lines, dates=True, write=write, description=what)]
    first = names[0]
    return _side_by_side(
        [
            line_chart(
                f"{title}: {name}",
                days,
                [Series(first, values[first], "muted"), Series(name, values[name], "events")],
                dates=True,
                write=write,
                description=what,
                wide=False,
            )
            for name in names[1:]
        ]
    )


def caught(study: Study) -> list[Block]:
    """Share of the fraud value so far that was caught, day by day."""
    values = {}
    for name in study.policies:
        total = np.cumsum(_daily(study, name, "fraud_value"))
        part = np.cumsum(_daily(study, name, "caught_value"))
        values[shown(study, name)] = np.divide(
            part, total, out=np.zeros_like(part), where=total > 0
        ).tolist()
    what = "Of all fraud value since the first day, mean over the seeds."
    return _against_first(study, "Share of value caught so far", values, what, share=True)


def precision(study: Study) -> list[Block]:
    """Card precision of the last seven days."""
    k = study.evaluated["k"]
    length = _rolling(np.ones(study.evaluated["days"]))
    values = {
        shown(study, name): (_rolling(_daily(study, name, "card_hits")) / (k * length)).tolist()
        for name in study.policies
    }
    what = f"Compromised among the {k} most suspicious of each day, last seven days."
    return _against_first(study, f"Card precision@{k}", values, what, share=True)


def calibration(study: Study) -> list[Block]:
    """Predicted over actual frauds over time, and by probability."""
    values = {}
    for name in study.policies:
        actual = _rolling(_daily(study, name, "frauds"))
        predicted = _rolling(_daily(study, name, "predicted"))
        ratio = np.full(actual.shape[0], np.nan)
        np.divide(predicted, actual, out=ratio, where=actual > 0)
        values[shown(study, name)] = ratio.tolist()
    what = "Frauds predicted over frauds that were, last seven days; 1 is right."
    blocks = _against_first(study, "Predicted / actual", values, what, share=False)
    charts = []
    for name, one in study.policies.items():
        bins = [each for each in one["reliability"] if each["count"]]
        at = [each["predicted"] / each["count"] for each in bins]
        observed = [each["frauds"] / each["count"] for each in bins]
        charts.append(
            calibration_chart(
                f"Calibration: {shown(study, name)}",
                [Series(shown(study, name), observed, "events", at)],
                description="Share of frauds against the mean probability, in bins.",
            )
        )
    return [*blocks, *_side_by_side(charts)]


def costs(study: Study) -> list[Block]:
    """Net cost against the number of alerts a day."""
    names = list(study.policies)
    charts: list[Plot] = []
    for name in names:
        points = study.policies[name]["cost_curve"]
        charts.append(
            line_chart(
                f"Net cost by alerts a day: {shown(study, name)}",
                [float(point["alerts"]) for point in points],
                [
                    Series("net cost", [_number(point["cost"]["value"]) for point in points]),
                    *(
                        Series("", [_number(point["cost"][end]) for point in points], "muted")
                        for end in ("low", "high")
                        if points[0]["cost"][end] is not None
                    ),
                ],
                xlabel="alerts a day",
                description="Fraud that passes, reviews and refused customers; with interval.",
                data=Table(
                    ("alerts a day", "net cost"),
                    [
                        (str(point["alerts"]), figure_text(point["cost"]["value"], "money"))
                        for point in points
                    ],
                    f"Net cost: {shown(study, name)}",
                ),
                wide=False,
            )
        )
    bars = horizontal_bar_chart(
        "Net cost at the policy's own budget",
        [shown(study, name) for name in names],
        [_number(study.policies[name]["figures"]["net_cost"]["value"], 0.0) for name in names],
        description="Over all evaluated days, mean over the seeds.",
        write=lambda value: f"{value:,.0f}",
        label_name="policy",
        wide=True,
    )
    return [bars, *_side_by_side(charts)]


def _number(value: float | None, absent: float = float("nan")) -> float:
    return absent if value is None else float(value)


def delay(study: Study) -> list[Block]:
    """Share of frauds of which customer or bank have spoken, by age."""
    known = study.label_delay["known"]
    ages = list(range(len(known)))
    half = next((age for age in ages if known[age] >= 0.5), None)
    told = f"Half of all frauds by day {half}." if half is not None else "Never half of all frauds."
    ages_told = [age for age in (1, 3, 7, 14, 30, 60, 90, 120) if age < len(known)]
    return [
        Text(
            "Counted in the truth, from payments as they would be if nothing were refused. No "
            "policy sees this curve; each has to learn it from what comes."
        ),
        line_chart(
            "Frauds of which customer or bank have spoken",
            [float(age) for age in ages],
            [Series("share of all frauds", known, "fraud")],
            xlabel="age in days",
            write=[lambda value: f"{value:.0%}"],
            description=told,
            data=Table(
                ("age in days", "share"), [(str(age), percent(known[age], 1)) for age in ages_told]
            ),
        ),
    ]
