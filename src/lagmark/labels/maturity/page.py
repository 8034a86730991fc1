"""Maturity curves as tables and as a page with plots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.reports import (
    Note,
    Page,
    Row,
    Section,
    Series,
    Table,
    Text,
    Tile,
    count,
    duration,
    instant,
    line_chart,
    number,
    percent,
)
from lagmark.schema.time import DAY, HOUR

if TYPE_CHECKING:
    from lagmark.labels.maturity.curve import Curve, Delay
    from lagmark.labels.maturity.drift import DelayDrift
    from lagmark.labels.maturity.study import Maturity, MaturityGroup
    from lagmark.reports import Plot

__all__ = ["drift_lines", "known_table", "maturity_page", "summary_table"]

AGES = (HOUR, 6 * HOUR, DAY, 3 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 60 * DAY, 90 * DAY)
"""Ages of the tables."""
_POINTS = 160
_BESIDE = 5
_ABSENT = "not estimable"


def summary_table(study: Maturity) -> Table:
    """One row per group: frauds, median delay, horizon."""
    rows = [
        (
            group.name,
            group.events,
            group.frauds,
            _delay(group.known.median) if group.known.estimable else group.known.reason,
            duration(group.known.horizon) if group.known.estimable else None,
        )
        for group in study.groups
    ]
    headers = (_heading(study), "events", "frauds known", "median delay", "horizon")
    return Table(headers, rows, "Delay of the first fraud label")


def known_table(study: Maturity) -> Table:
    """Share of the frauds whose label has come by age: few groups beside each other, many below."""
    ages = _ages(study)
    title = "Share of the fraud labels within the horizon known, by age of event"
    if len(study.groups) <= _BESIDE:
        lines = [
            (duration(age), *(_share(group.known, age) for group in study.groups)) for age in ages
        ]
        return Table(("age", *(group.name for group in study.groups)), lines, title)
    rows = [(group.name, *(_share(group.known, age) for age in ages)) for group in study.groups]
    headers = (_heading(study), *(duration(age) for age in ages))
    return Table(
        headers, rows, "Share of the fraud labels within the horizon known, by age of event"
    )


def drift_lines(study: Maturity) -> list[str]:
    """What the comparisons of recent and earlier delays say, one sentence or two each."""
    parts = [f"{g.name}: {_drift(g.drift)}" for g in study.groups if g.drift is not None]
    return [_drift(study.drift), *parts]


def _drift(drift: DelayDrift) -> str:
    if not drift.estimable:
        return "Too few labels to compare recent delays with earlier ones."
    factor, low, high = drift.stretch
    told = f"are {_factor(factor)} times as long as before ({_factor(low)} to {_factor(high)})"
    if np.isnan(factor):
        ratio, low, high = drift.ratio
        told = f"have {_factor(ratio)} times the reverse-time hazard of those before"
        told += f" ({_factor(low)} to {_factor(high)})"
    verdict = "an alarm" if drift.alarm else "no alarm"
    text = f"Delays of events since {instant(drift.split)[:10]} {told}; "
    text += f"p = {drift.p_value:.2g} against a limit of {drift.limit:.2g}: {verdict}."
    if drift.first_flagged is not None:
        text += f" First flagged on {instant(drift.first_flagged)[:10]}."
    return text


def maturity_page(study: Maturity, title: str) -> Page:
    """Page of maturity curves.

    Parameters
    ----------
    study
        What :func:`lagmark.labels.maturity.study_maturity` found.
    title
        The history, for the heading.
    """
    everything = study.groups[0]
    median = everything.known.median
    known = [group for group in study.groups if group.known.estimable]
    paid = [group for group in study.groups if group.payments.estimable]
    plots = [_known_plot(group, wide=len(known) == 1) for group in known]
    rates = [_payments_plot(group, wide=len(paid) == 1) for group in paid]
    missing = [
        Note(f"{group.name}: not estimable, {group.known.reason}.")
        for group in study.groups
        if not group.known.estimable
    ]
    return Page(
        title=f"Label maturity: {title}",
        lead=f"How late fraud labels come, from what was known at {instant(study.as_of)}.",
        tiles=[
            Tile("Events", count(everything.events)),
            Tile("Frauds known", count(everything.frauds), "latest word is fraud", "fraud"),
            Tile("Median delay", duration(median.age), _between(median)),
            Tile("Horizon", duration(everything.known.horizon or None), "oldest age estimated"),
        ],
        sections=[
            Section(
                "Share of fraud labels known",
                [
                    *missing,
                    *_pairs(plots),
                    known_table(study),
                    summary_table(study),
                ],
            ),
            Section("Share of payments with a fraud label", _pairs(rates)),
            Section("Drift of delays", [*_drift_blocks(study)]),
        ],
        footer="Shares known: reverse-time hazard, which allows for labels still to come, among "
        "labels within the horizon; whether more come later cannot be known yet. Shares of "
        "payments: Kaplan-Meier, young payments censored. Intervals are pointwise, "
        f"{percent(everything.known.confidence, 0)}. Nothing later than the instant was used.",
    )


def _drift_blocks(study: Maturity) -> list[Note | Text]:
    found = [study.drift, *(group.drift for group in study.groups if group.drift is not None)]
    return [
        Note(text) if drift.alarm else Text(text)
        for drift, text in zip(found, drift_lines(study), strict=True)
    ]


def _known_plot(group: MaturityGroup, *, wide: bool) -> Plot:
    curve = group.known
    return _plot(
        f"Labels known: {group.name}",
        curve,
        f"Half of the labels come by {_delay(curve.median)}, from {count(curve.cases)} frauds.",
        wide,
    )


def _payments_plot(group: MaturityGroup, *, wide: bool) -> Plot:
    curve = group.payments
    final = float(curve.share[-1])
    low, high = (float(ends[-1]) for ends in (curve.low, curve.high))
    return _plot(
        f"Payments with a fraud label: {group.name}",
        curve,
        f"{percent(final, 3)} by an age of {duration(curve.horizon)} ({percent(low, 3)} to "
        f"{percent(high, 3)}), of {count(curve.cases)} payments.",
        wide,
    )


def _plot(title: str, curve: Curve, description: str, wide: bool) -> Plot:
    ages = np.linspace(0, curve.horizon, _POINTS).astype(np.int64)
    low, high = curve.interval(ages)
    share = np.asarray(curve.at(ages))
    lines = (
        Series("share", share.tolist()),
        Series("lower", low.tolist(), "muted"),
        Series("upper", high.tolist(), "muted"),
    )
    shown = [age for age in AGES if age <= curve.horizon]
    rows = [(duration(age), _share(curve, age)) for age in shown]
    return line_chart(
        title,
        (ages / DAY).tolist(),
        lines,
        description=description,
        write=(lambda value: f"{value * 100:.3g} %",),
        xlabel="age, days",
        data=Table(("age", "share"), rows, title) if rows else None,
        wide=wide,
    )


def _pairs(plots: list[Plot]) -> list[Plot | Row]:
    if len(plots) == 1:
        return [*plots]
    return [Row(plots[n : n + 2]) for n in range(0, len(plots), 2)]


def _factor(value: float) -> str:
    return "?" if np.isnan(value) else number(value)


def _heading(study: Maturity) -> str:
    return study.by or "events"


def _ages(study: Maturity) -> list[int]:
    longest = max((group.known.horizon for group in study.groups), default=0)
    return [age for age in AGES if age <= longest] or [AGES[0]]


def _share(curve: Curve, age: int) -> str:
    """Share with its interval, as percentages."""
    share = curve.at(age)
    if np.isnan(share) or age > curve.horizon:
        return _ABSENT
    low, high = (float(end) for end in curve.interval(age))
    digits = 1 if curve.relative else 3
    return f"{share * 100:.{digits}f} % [{low * 100:.{digits}f}, {high * 100:.{digits}f}]"


def _delay(delay: Delay) -> str:
    text = duration(delay.age)
    return f"{text} ({_between(delay)})" if delay.age is not None else text


def _between(delay: Delay) -> str:
    if delay.low is None or delay.high is None:
        return ""
    return f"{duration(delay.low)} to {duration(delay.high)}"
