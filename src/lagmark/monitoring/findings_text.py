"""Findings as plain text and as the tables that text and page share."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from lagmark.monitoring.findings import LEVELS, Findings, Slice
from lagmark.reports.formats import ABSENT, count, duration, instant, number, percent
from lagmark.reports.table import Cell, Table

__all__ = [
    "amount_table",
    "entity_table",
    "findings_lines",
    "label_sentence",
    "missing_table",
    "slice_table",
]


def label_sentence(findings: Findings) -> str:
    """What is known of the labels, and what is not known yet."""
    if not findings.labelled:
        return "No label was known at that instant: fraud figures are empty."
    missing = findings.events - findings.labelled
    share = percent(findings.unlabelled_share)
    sentence = f"{share} of the events had no label yet." if missing else "Every event had a label."
    sentence += f" Of the known labels, half came within {duration(findings.delay_median)}."
    young = findings.young_days
    if young:
        sentence += (
            f" Marked as young: {len(young)} days from {young[0]} to {young[-1]}. They ended less "
            f"than {duration(findings.maturity)} before; more of their frauds will become known."
        )
    return sentence


def slice_table(name: str, slices: Sequence[Slice], caption: str) -> Table:
    """Events, labels and frauds per slice; young ones are marked."""
    rows: list[tuple[Cell, ...]] = [
        (
            f"{part.name} (young)" if part.young else part.name,
            part.events,
            percent(part.labelled_share, 1),
            part.frauds,
            percent(part.fraud_share),
        )
        for part in slices
    ]
    marked = frozenset(index for index, part in enumerate(slices) if part.young)
    headers = (name, "events", "labelled", "frauds known", "fraud share")
    return Table(headers, rows, caption, marked=marked)


def amount_table(findings: Findings) -> Table:
    """Amount quantiles per kind of event; cents are left out of large amounts."""
    largest = max((part.quantiles[-1] for part in findings.amounts if part.quantiles), default=0.0)
    money = partial(number, digits=0 if largest >= 100_000 else 2)
    rows: list[tuple[Cell, ...]] = [
        (
            part.name,
            part.events,
            money(part.mean),
            *([money(value) for value in part.quantiles] or [ABSENT] * len(LEVELS)),
        )
        for part in findings.amounts
    ]
    return Table(("events", "count", "mean", *_levels()), rows, "Amount quantiles")


def entity_table(findings: Findings) -> Table:
    """Events per entity."""
    rows: list[tuple[Cell, ...]] = [
        (
            entity.field,
            entity.distinct,
            entity.with_fraud,
            number(entity.mean, 1),
            *(entity.quantiles or [ABSENT] * len(LEVELS)),
        )
        for entity in findings.entities
    ]
    headers = ("entity", "distinct", "with fraud", "mean", *_levels())
    return Table(headers, rows, "Events per entity")


def missing_table(findings: Findings) -> Table:
    """Absent values per field."""
    rows: list[tuple[Cell, ...]] = [
        (part.field, part.kind, part.events, percent(part.share)) for part in findings.missing
    ]
    return Table(("field", "kind", "absent", "share"), rows, "Absent values", align="llrr")


def findings_lines(findings: Findings) -> list[str]:
    """Report as plain text, without the days (a page or JSON shows them)."""
    lines = [
        f"{findings.title} ({findings.domain}), as known at {instant(findings.as_of)}",
        "",
        f"  events       {count(findings.events)}",
        f"  time         {instant(findings.first)} to {instant(findings.last)}",
        f"  labelled     {count(findings.labelled)} ({percent(1 - findings.unlabelled_share)})",
        f"  frauds       {count(findings.frauds)} ({percent(findings.fraud_share)} of labelled)",
        "",
        label_sentence(findings),
    ]
    tables = [
        amount_table(findings),
        entity_table(findings),
        slice_table("weekday", findings.by_weekday, "By weekday (UTC)"),
        slice_table("hour", findings.by_hour, "By hour (UTC)"),
        missing_table(findings),
    ]
    if findings.category:
        caption = f"By {findings.category}"
        tables.insert(0, slice_table(findings.category, findings.by_category, caption))
    for table in tables:
        lines += ["", table.caption, *(f"  {line}" for line in table.lines())]
    return lines


def _levels() -> list[str]:
    names = {0.0: "min", 0.5: "median", 1.0: "max"}
    return [names.get(level, f"{level * 100:g} %") for level in LEVELS]
