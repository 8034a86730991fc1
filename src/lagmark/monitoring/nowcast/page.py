"""A nowcast as a page with plots."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from lagmark.reports import (
    Note,
    Page,
    Plot,
    Row,
    Section,
    Series,
    Shade,
    Table,
    Text,
    Tile,
    count,
    horizontal_bar_chart,
    instant,
    line_chart,
    number,
    percent,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lagmark.monitoring.nowcast.result import Cohort, CurvePoint, Nowcast, Performance
    from lagmark.reports.page import Block

__all__ = ["NAMES", "nowcast_page"]

NAMES = {
    "naive": "known so far",
    "chain_ladder": "chain ladder",
    "confidence": "confidence-based",
    "control_group": "control group",
    "combined": "combined",
}
"""Estimators as people read them."""


_BANDS = {
    "alerted": "alerted, against scores",
    "rest": "without alert, against scores",
    "all": "all, against scores",
    "usual": "all, against the usual rate",
}


def nowcast_page(found: Nowcast) -> Page:
    """Page of a nowcast.

    Parameters
    ----------
    found
        What :func:`lagmark.monitoring.nowcast.nowcast` said.
    """
    alarm = found.alarm
    causes = "; ".join(alarm.causes)
    verdict: Block = (
        Note(f"Alarm: {causes}. {_doubts(found)}")
        if alarm.rings
        else Text(
            f"No alarm: all differences are within what chance explains. {_doubts(found)}".strip()
        )
    )
    return Page(
        title="Nowcast of fraud",
        lead=f"Frauds of the latest cohorts before their labels are in, as known at "
        f"{instant(found.as_of)}; intervals hold the final figure in {percent(found.coverage, 0)} "
        "of cases.",
        tiles=_tiles(found),
        sections=[
            Section("Do the witnesses agree", [verdict, _witnesses(found)]),
            Section("Fraud rate by cohort", _rates(found)),
            Section("Maturity of labels", _maturity(found)),
            Section("The live model", _model(found)),
        ],
        footer="Only events that had arrived and labels that were known by the instant above are "
        "used. Days are in UTC.",
    )


def _doubts(found: Nowcast) -> str:
    told = []
    if found.alarm.doubts_scores:
        told.append(f"Scores are not used: {found.alarm.doubts_scores}.")
    if found.alarm.doubts_maturity:
        told.append(f"Maturity is doubted: {found.alarm.doubts_maturity}.")
    return " ".join(told)


def _tiles(found: Nowcast) -> list[Tile]:
    tiles = []
    for span in found.spans:
        one = span.estimates["combined"]
        known = f"{count(span.known_frauds)} known, maturity {percent(span.maturity, 0)}"
        told = percent(one.rate) if one.estimable else "not estimable"
        tiles.append(
            Tile(f"Fraud rate, {span.from_age} to {span.to_age} days old", told, known, "fraud")
        )
    return tiles


def _witnesses(found: Nowcast) -> Table:
    rows = [
        (
            f"{_BANDS[one.band]}, last {one.days} days",
            one.known,
            number(one.due, 1),
            number(one.z, 1),
        )
        for one in found.alarm.disagreements
    ]
    drift = found.alarm.drift
    rows.append(("delays, recent against earlier", drift.labels, "–", number(drift.z, 1)))
    return Table(("comparison", "known", "due", "z"), rows, "Labels against scores, and delays")


def _rates(found: Nowcast) -> list[Block]:
    days = [_ordinal(one) for one in found.cohorts]
    young = [_ordinal(one) for one in found.cohorts if not one.mature]
    # The legend has the place of the shade's own text.
    shade = Shade(young[0] - 0.5, young[-1] + 0.5, "") if young else None
    plots = {name: _rate_plot(found.cohorts, days, name, shade) for name in NAMES}
    return [
        Text(
            "Days whose labels are still coming in are shaded."
            if young
            else "The labels of all days shown are in."
        ),
        replace(plots["combined"], data=_cohort_table(found.cohorts)),
        Row([plots["chain_ladder"], plots["confidence"]]),
        Row([plots["control_group"], _value_plot(found.cohorts, days, shade)]),
    ]


def _cohort_table(cohorts: Sequence[Cohort]) -> Table:
    headers = ("day", "events", "known", "maturity", "frauds, combined", "interval", "rate")
    rows = []
    for cohort in cohorts:
        one = cohort.estimates["combined"]
        interval = f"{number(one.low, 0)} to {number(one.high, 0)}"
        rows.append(
            (
                cohort.day,
                cohort.events,
                cohort.known_frauds,
                percent(cohort.maturity, 0),
                number(one.count, 1),
                interval if one.estimable else "not estimable",
                percent(one.rate),
            )
        )
    marked = frozenset(place for place, one in enumerate(cohorts) if not one.mature)
    return Table(headers, rows, "Cohorts; immature ones are marked", marked=marked)


def _rate_plot(
    cohorts: Sequence[Cohort], days: Sequence[float], name: str, shade: Shade | None
) -> Plot:
    estimates = [one.estimates[name] for one in cohorts]
    good = [one.estimable for one in estimates]
    doubtful = len(good) - sum(good)
    # A doubtful figure is shown, apart and without an interval that nobody should rely on.
    series = [
        Series("estimate", _where(good, [one.rate for one in estimates]), "events"),
        Series("interval", _where(good, [one.rate_low for one in estimates]), "muted"),
        Series("", _where(good, [one.rate_high for one in estimates]), "muted"),
    ]
    if doubtful:
        rates = [one.rate for one in estimates]
        series.append(Series("not estimable", _where([not one for one in good], rates), "honest"))
    known = [one.known_frauds / one.events for one in cohorts]
    series.append(Series("known so far", known, "fraud"))
    told = f"{doubtful} of {len(good)} cohorts are not estimable." if doubtful else ""
    return line_chart(
        f"Fraud rate, {NAMES[name]}",
        days,
        series,
        dates=True,
        shade=shade,
        write=[lambda value: f"{value * 100:.2g} %"],
        description=f"Estimate with its interval, and what is known so far. {told}".strip(),
        wide=name == "combined",
    )


def _value_plot(cohorts: Sequence[Cohort], days: Sequence[float], shade: Shade | None) -> Plot:
    estimates = [one.estimates["combined"] for one in cohorts]
    good = [one.estimable for one in estimates]
    return line_chart(
        "Fraud value, combined",
        days,
        [
            Series("estimate", _where(good, [one.value for one in estimates]), "events"),
            Series("interval", _where(good, [one.value_low for one in estimates]), "muted"),
            Series("", _where(good, [one.value_high for one in estimates]), "muted"),
            Series("known so far", [one.known_value for one in cohorts], "fraud"),
        ],
        dates=True,
        shade=shade,
        description="Amount of frauds by cohort day, and what is known so far.",
        wide=False,
    )


def _where(shown: Sequence[bool], values: Sequence[float]) -> list[float]:
    return [value if each else math.nan for value, each in zip(values, shown, strict=True)]


def _maturity(found: Nowcast) -> list[Block]:
    names = list(dict.fromkeys(one.stratum for one in found.maturity))
    blocks: list[Block] = [
        Text(
            "Share of the frauds that labels will name in the end which is known by an age, "
            "developed on the labels that arrived last."
        )
    ]
    plots = []
    for name in names:
        points = [one for one in found.maturity if one.stratum == name]
        plots.append(
            line_chart(
                f"Share known by age: {name}",
                [one.age for one in points],
                [
                    Series("share", [one.share for one in points], "events"),
                    Series("interval", [one.low for one in points], "muted"),
                    Series("", [one.high for one in points], "muted"),
                ],
                write=[lambda value: f"{value:.0%}"],
                xlabel="age in days",
                description=f"Half is known after about {_half(points)} days.",
                wide=False,
            )
        )
    blocks += [Row(plots[start : start + 2]) for start in range(0, len(plots), 2)]
    return blocks


def _half(points: Sequence[CurvePoint]) -> str:
    past = [one.age for one in points if one.share >= 0.5]
    return f"{past[0]:g}" if past else f"more than {points[-1].age:g}"


def _model(found: Nowcast) -> list[Block]:
    if not found.performance:
        return [Text("No live model decided these events.")]
    blocks: list[Block] = [_performance_table(part) for part in found.performance]
    chosen = next((one for one in found.performance if one.from_age == 7), found.performance[0])
    names = [name for name in NAMES if chosen.recall[name].value == chosen.recall[name].value]
    for metric in ("recall", "precision"):
        figures = getattr(chosen, metric)
        shown = [name for name in names if figures[name].value == figures[name].value]
        if shown:
            blocks.insert(
                0,
                horizontal_bar_chart(
                    f"{metric.capitalize()} of alerts, cohorts {chosen.from_age} to "
                    f"{chosen.to_age} days old",
                    [NAMES[name] for name in shown],
                    [figures[name].value for name in shown],
                    write=lambda value: f"{value:.1%}",
                    description="By each estimator; known so far flatters or slanders the model.",
                    label_name="estimator",
                    wide=True,
                ),
            )
    return blocks


def _performance_table(part: Performance) -> Table:
    rows = []
    for name, text in NAMES.items():
        cells = [text]
        for metric in ("precision", "recall", "pr_auc"):
            one = getattr(part, metric)[name]
            interval = f" ({number(one.low, 3)} to {number(one.high, 3)})" if one.estimable else ""
            cells.append(number(one.value, 3) + (interval or ", not estimable"))
        rows.append(cells)
    return Table(
        ("estimator", "precision", "recall", "PR-AUC"),
        rows,
        f"Cohorts {part.from_age} to {part.to_age} days old: {count(part.alerts)} alerts among "
        f"{count(part.events)} events",
    )


def _ordinal(cohort: Cohort) -> int:
    return date.fromisoformat(cohort.day).toordinal() - date(1970, 1, 1).toordinal()
