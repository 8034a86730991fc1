"""Findings as a page with plots."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from lagmark.monitoring.findings_text import (
    amount_table,
    entity_table,
    label_sentence,
    missing_table,
    slice_table,
)
from lagmark.reports import (
    Note,
    Page,
    Plot,
    Row,
    Section,
    Series,
    Shade,
    Text,
    Tile,
    bar_chart,
    count,
    duration,
    histogram,
    horizontal_bar_chart,
    instant,
    line_chart,
    number,
    percent,
)
from lagmark.schema.time import DAY

if TYPE_CHECKING:
    from lagmark.monitoring.findings import AmountBins, Findings, Slice
    from lagmark.reports.page import Block

__all__ = ["findings_page"]

_LONGEST = 3_660
"""Days a plot fills with zeros where nothing happened; beyond, a wrong date is likelier."""
_LISTED = 31
"""Young days listed under the plot; more are among its figures."""


def findings_page(findings: Findings) -> Page:
    """Page of an exploratory report.

    Parameters
    ----------
    findings
        What :func:`lagmark.monitoring.explore.explore` found.
    """
    return Page(
        title=f"Exploratory report: {findings.domain}",
        lead=f"{findings.title}. {count(findings.events)} events from {instant(findings.first)} to "
        f"{instant(findings.last)}, as known at {instant(findings.as_of)}.",
        tiles=_tiles(findings),
        sections=[section for section in _sections(findings) if section.blocks],
        footer="Only events seen and labels known by the instant above are counted. Days, hours "
        "and weekdays are in UTC. Fraud shares are frauds over labelled events.",
    )


def _tiles(findings: Findings) -> list[Tile]:
    fraud = next(part for part in findings.amounts if part.name == "fraud")
    daily = findings.events * DAY / max(findings.last - findings.first, DAY)
    return [
        Tile("Events", count(findings.events), f"{number(daily, 0)} a day"),
        Tile("Frauds known", count(findings.frauds), f"amount {number(fraud.total, 0)}", "fraud"),
        Tile("Fraud share", percent(findings.fraud_share), "of labelled events", "fraud"),
        Tile(
            "Without label yet",
            percent(findings.unlabelled_share),
            f"{count(findings.events - findings.labelled)} events",
        ),
        Tile(
            "Label delay (median)",
            duration(findings.delay_median),
            f"mature after {duration(findings.maturity)}",
        ),
    ]


def _sections(findings: Findings) -> list[Section]:
    labels = label_sentence(findings)
    known: Block = Text(labels)
    if findings.young_days or not findings.labelled:
        known = Note(labels)
    amounts: list[Block] = [amount_table(findings)]
    if findings.bins is not None:
        amounts.insert(0, _amount_plot(findings, findings.bins))
    category = findings.category or "category"
    return [
        Section("Over time", [known, _daily_plot(findings), *_day_blocks(findings)]),
        Section(
            "Rhythm",
            [
                Row(_pair("hour", findings.by_hour, bar_chart)),
                Row(_pair("weekday", findings.by_weekday, bar_chart)),
            ],
        ),
        Section(
            f"By {category}",
            [
                Row(_pair(category, findings.by_category, horizontal_bar_chart)),
                slice_table(category, findings.by_category, f"Events and frauds by {category}"),
            ]
            if findings.by_category
            else [],
        ),
        Section("Amounts", amounts),
        Section("Entities", [entity_table(findings)] if findings.entities else []),
        Section("Missing values", [missing_table(findings)] if findings.missing else []),
    ]


def _daily_plot(findings: Findings) -> Plot:
    found = {_ordinal(day): day for day in findings.by_day}
    first, last = min(found), max(found)
    axis = list(range(first, last + 1)) if last - first < _LONGEST else list(found)
    events = [float(found[day].events) if day in found else 0.0 for day in axis]
    # A day without any label has an unknown number of frauds, which is not zero.
    unknown = {day for day, part in found.items() if not part.labelled}
    frauds = [
        math.nan if day in unknown else float(found[day].frauds) if day in found else 0.0
        for day in axis
    ]
    young = [_ordinal(day) for day in findings.by_day if day.young]
    busiest = max(findings.by_day, key=lambda day: day.events)
    worst = max(findings.by_day, key=lambda day: day.frauds)
    return line_chart(
        "Events and known frauds by day",
        axis,
        [Series("events", events), Series("frauds known", frauds, "fraud")],
        dates=True,
        separate=True,
        shade=Shade(young[0] - 0.5, young[-1] + 0.5, "young: labels still under way")
        if young
        else None,
        description=f"Most events on {busiest.name} ({count(busiest.events)})"
        + (
            f", most known frauds on {worst.name} ({count(worst.frauds)})." if worst.frauds else "."
        ),
        data=slice_table("day", findings.by_day, "Events and known frauds by day"),
    )


def _ordinal(day: Slice) -> int:
    return date.fromisoformat(day.name).toordinal() - date(1970, 1, 1).toordinal()


def _day_blocks(findings: Findings) -> list[Block]:
    young = [day for day in findings.by_day if day.young]
    if not young or len(young) > _LISTED:
        return []
    return [slice_table("day", young, "Young days: do not read their fraud share yet")]


def _pair(name: str, slices: Sequence[Slice], draw: Callable[..., Plot]) -> list[Plot]:
    """Events and fraud share side by side."""
    labels = [part.name for part in slices]
    if draw is bar_chart and name == "weekday":
        labels = [label[:3] for label in labels]
    busiest = max(slices, key=lambda part: part.events)
    share = percent(busiest.events / sum(part.events for part in slices), 1)
    known = [part for part in slices if part.labelled]
    worst = max(known, key=lambda part: part.fraud_share or 0.0, default=None)
    return [
        draw(
            f"Events by {name}",
            labels,
            [float(part.events) for part in slices],
            description=f"Most {_place(name, busiest)}: {share} of all.",
            label_name=name,
        ),
        draw(
            f"Fraud share by {name}",
            labels,
            [part.fraud_share or 0.0 for part in slices],
            tone="fraud",
            write=_share,
            description=f"Highest {_place(name, worst)}: {percent(worst.fraud_share)} "
            f"({count(worst.frauds)} of {count(worst.labelled)} labelled)."
            if worst
            else "No labels are known.",
            label_name=name,
        ),
    ]


def _place(name: str, part: Slice) -> str:
    return {"hour": f"at {part.name}:00", "weekday": f"on {part.name}"}.get(name, f"in {part.name}")


def _amount_plot(findings: Findings, bins: AmountBins) -> Plot:
    medians = {part.name: part.quantiles[4] for part in findings.amounts if part.quantiles}
    series = []
    for name, counts in (("honest", bins.honest), ("fraud", bins.fraud)):
        total = sum(counts)
        if total:
            heights = [value / total for value in counts]
            series.append(Series(name, heights, "fraud" if name == "fraud" else "honest"))
    told = ", ".join(
        f"{number(medians[name])} for {name}" for name in ("honest", "fraud") if name in medians
    )
    return histogram(
        "Amounts of labelled events",
        bins.edges,
        series,
        log=True,
        write=_share,
        xlabel="amount (logarithmic)",
        description=f"Share of each kind per bin; median {told}. "
        "The outer bins also hold what lies beyond.",
    )


def _share(value: float) -> str:
    return f"{value * 100:.3g} %"
