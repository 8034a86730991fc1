"""A page that shows what a simulated history looks like, to be compared with real data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lagmark.reports import (
    Note,
    Page,
    Row,
    Section,
    Series,
    Table,
    Text,
    Tile,
    bar_chart,
    count,
    histogram,
    horizontal_bar_chart,
    line_chart,
    number,
    percent,
)
from lagmark.simulator.typologies import TYPOLOGIES

if TYPE_CHECKING:
    from lagmark.reports import Plot
    from lagmark.reports.plot import Tone
    from lagmark.simulator.summary import Summary

__all__ = ["realism_page"]

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_TONES: dict[str, Tone] = {"analyst": "honest", "customer": "events", "chargeback": "fraud"}


def realism_page(summary: Summary) -> Page:
    """Page with profiles, amounts, gaps, delay curves and typologies of a history."""
    manifest = summary.history.manifest
    prevalence = manifest.frauds / max(manifest.events, 1)
    return Page(
        title=f"Simulated history: {manifest.scenario}",
        lead=f"{count(manifest.events)} events of domain {manifest.domain} from "
        f"{manifest.first_day} to {manifest.last_day}, seed {manifest.seed}.",
        tiles=(
            Tile("events", count(manifest.events)),
            Tile("accounts", count(summary.accounts)),
            Tile("merchants and counterparties", count(summary.merchants)),
            Tile("frauds", count(manifest.frauds), f"{percent(prevalence)} of events", "fraud"),
            Tile("ever reported", percent(summary.labelled[0]), "of the frauds"),
        ),
        sections=(
            Section("When people act", _rhythm(summary)),
            Section("What they pay, and how often", _habits(summary)),
            Section("Fraud", _fraud(summary)),
            Section("How the truth becomes known", _labels(summary)),
        ),
        footer=f"Scenario fingerprint {manifest.fingerprint[:16]}. The truth was opened for the "
        "figures about fraud; no model may see it.",
    )


def _rhythm(summary: Summary) -> list[Plot | Row]:
    hours = summary.hours
    shares = []
    tones: tuple[tuple[bool, str, Tone], ...] = (
        (False, "Monday to Friday", "events"),
        (True, "Saturday and Sunday", "honest"),
    )
    for weekend, name, tone in tones:
        part = hours.filter(hours["weekend"] == weekend)
        found = dict(zip(part["hour"].to_list(), part["events"].to_list(), strict=True))
        total = max(sum(found.values()), 1)
        shares.append(Series(name, [found.get(hour, 0) / total for hour in range(24)], tone))
    daily = summary.days
    return [
        Row(
            [
                histogram(
                    "Hour of the day",
                    list(range(25)),
                    shares,
                    description="Share of a day's events in each hour, UTC.",
                    xlabel="hour",
                    write=percent,
                    wide=False,
                ),
                bar_chart(
                    "Weekday",
                    [_WEEKDAYS[day] for day in summary.weekdays["weekday"]],
                    summary.weekdays["events"].to_list(),
                    description="Mean events on each day of the week.",
                    label_name="weekday",
                ),
            ]
        ),
        line_chart(
            "Events and frauds by day",
            [date.toordinal() - 719_163 for date in daily["date"]],
            [
                Series("events", daily["events"].to_list(), "events"),
                Series("frauds", daily["frauds"].to_list(), "fraud"),
            ],
            description="Counts by day of the event.",
            dates=True,
            separate=True,
        ),
    ]


def _habits(summary: Summary) -> list[Plot | Row | Table]:
    gaps, sizes = summary.gaps, summary.per_account
    categories = [
        (row["category"], row["events"], number(row["median"]), number(row["p90"]))
        for row in summary.categories.iter_rows(named=True)
    ]
    # Salaries would dwarf the others, and links move no money.
    drawn = summary.categories.filter(
        (summary.categories["median"] > 0) & (summary.categories["category"] != "salary")
    )
    return [
        horizontal_bar_chart(
            "Median amount by category",
            drawn["category"].to_list(),
            drawn["median"].to_list(),
            description="In currency units, the most frequent on top; salaries are in the table.",
            write=number,
            label_name="category",
            wide=True,
        ),
        Table(("category", "events", "median", "90 %"), categories, "Amounts by category"),
        Row(
            [
                histogram(
                    "Time between two events of an account",
                    [*gaps["hours"].to_list(), gaps["until"][-1]],
                    [Series("share", gaps["share"].to_list(), "events")],
                    description="Logarithmic hours: errands within minutes on the left, the "
                    "rhythm of days on the right.",
                    log=True,
                    xlabel="hours",
                    write=percent,
                    wide=False,
                ),
                histogram(
                    "Events of an account",
                    [*sizes["events"].to_list(), sizes["until"][-1]],
                    [Series("accounts", sizes["accounts"].to_list(), "events")],
                    description="Over the whole history; the last bin holds all above.",
                    xlabel="events",
                    wide=False,
                ),
            ]
        ),
    ]


def _fraud(summary: Summary) -> list[Plot | Table | Note]:
    kinds = summary.typologies
    if kinds.is_empty():
        return [Note("There is no fraud in this history.")]
    rows = [
        (row["typology"], row["events"], row["campaigns"], percent(row["share"]))
        for row in kinds.iter_rows(named=True)
    ]
    tells = [(name, TYPOLOGIES[name].text) for name in kinds["typology"]]
    return [
        horizontal_bar_chart(
            "Fraud events by typology",
            kinds["typology"].to_list(),
            kinds["events"].to_list(),
            description="The most frequent on top.",
            tone="fraud",
            write=lambda value: count(int(value)),
            label_name="typology",
            wide=True,
        ),
        Table(("typology", "events", "campaigns", "share of fraud"), rows, "Fraud by typology"),
        Table(("typology", "tell"), tells, "What gives each of them away", align="ll"),
    ]


def _labels(summary: Summary) -> list[Plot | Table | Text]:
    curves = summary.curves
    blocks: list[Plot | Table | Text] = []
    ages = sorted(set(curves["age"].to_list()))
    lines = []
    for source, tone in _TONES.items():
        part = curves.filter(curves["source"] == source).sort("age")
        if part.height:
            lines.append(Series(source, part["share"].to_list(), tone))
    if lines:
        blocks.append(
            line_chart(
                "Time to label by channel",
                ages,
                lines,
                description="Share of the fraud messages of a channel, among those that ever come, "
                "that have come by an age of the event.",
                xlabel="age of the event in days",
                write=[percent],
            )
        )
    rows = [
        (
            row["source"],
            "fraud" if row["fraud"] else "honest",
            "yes" if row["reversal"] else "no",
            row["messages"],
            number(row["median_days"]),
            number(row["p90_days"]),
        )
        for row in summary.labels.iter_rows(named=True)
    ]
    headers = ("source", "verdict", "reversal", "messages", "median days", "90 % days")
    blocks.append(Table(headers, rows, "Label messages", align="lllrrr"))
    share, false = summary.labelled
    blocks.append(
        Text(
            f"{percent(share)} of the frauds are ever reported by a customer or a bank; "
            f"{count(false)} honest events are disputed as well."
        )
    )
    return blocks
