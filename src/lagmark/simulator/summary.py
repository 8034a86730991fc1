"""What is in a simulated history: counts, delays and profiles, read in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lagmark.schema.time import DAY, HOUR

if TYPE_CHECKING:
    import polars as pl

    from lagmark.simulator.history import History

__all__ = ["Summary", "summarise"]

_NAMES = {
    "card": {"time": "trans_date_trans_time", "account": "cc_num", "amount": "amt"},
    "bank_link": {"time": "time", "account": "account", "amount": "amount"},
}
_SAMPLE = 2_000
"""Accounts whose events are put in order for the times between them."""
_AGES = (0.5, 1, 2, 3, 5, 7, 10, 14, 21, 28, 35, 45, 60, 75, 90, 120, 150, 180)
"""Ages in days at which delay curves are read."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures of a history; frames are small, one row per group.

    Parameters
    ----------
    history
        What was read.
    accounts, merchants
        How many there are.
    days
        ``date, events, frauds``.
    typologies
        ``typology, events, campaigns, share`` of the frauds.
    labels
        ``source, verdict, reversal, messages, median_days, p90_days``.
    curves
        ``source, age, share``: share of the frauds' messages of a channel known by an age.
    labelled
        Share of the frauds that any report or chargeback ever names, and number of honest events
        that one names.
    categories
        ``category, events, median, p90`` of amounts.
    hours
        ``hour, weekend, events``.
    weekdays
        ``weekday, events`` per day of that kind, Monday 0.
    gaps
        ``hours`` (lower edge), ``share``: time between two events of an account.
    per_account
        ``events`` (lower edge), ``accounts``.
    balances
        ``low, median, high`` (5, 50, 95 %) and ``returned`` share of debits; ``None`` where
        there are none.
    """

    history: History
    accounts: int
    merchants: int
    days: pl.DataFrame
    typologies: pl.DataFrame
    labels: pl.DataFrame
    curves: pl.DataFrame
    labelled: tuple[float, int]
    categories: pl.DataFrame
    hours: pl.DataFrame
    weekdays: pl.DataFrame
    gaps: pl.DataFrame
    per_account: pl.DataFrame
    balances: dict[str, float] | None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        manifest = self.history.manifest
        return {
            "dir": str(self.history.path),
            "scenario": manifest.scenario,
            "seed": manifest.seed,
            "domain": manifest.domain,
            "first_day": manifest.first_day,
            "last_day": manifest.last_day,
            "events": manifest.events,
            "frauds": manifest.frauds,
            "prevalence": manifest.frauds / max(manifest.events, 1),
            "accounts": self.accounts,
            "merchants": self.merchants,
            "typologies": self.typologies.to_dicts(),
            "labels": self.labels.to_dicts(),
            "frauds_reported": self.labelled[0],
            "honest_reported": self.labelled[1],
            "categories": self.categories.to_dicts(),
            "balances": self.balances,
        }


def summarise(history: History) -> Summary:
    """Figures of a history.

    Parameters
    ----------
    history
        A finished folder; its truth is opened.
    """
    import polars as pl

    domain = history.manifest.domain
    names = _NAMES[domain]
    merchant = "merchant" if domain == "card" else "counterparty"
    events = history.events().rename({old: new for new, old in names.items()})
    events = events.rename({"trans_num": "event_id"} if domain == "card" else {})
    truth = history.truth()

    def run(frame: pl.LazyFrame) -> pl.DataFrame:
        return frame.collect(engine="streaming")

    date = pl.col("time").dt.date()
    per_account = run(events.group_by("account").agg(events=pl.len()))
    hours = run(
        events.group_by(hour=pl.col("time").dt.hour(), weekend=pl.col("time").dt.weekday() >= 6)
        .agg(events=pl.len())
        .sort("weekend", "hour")
    )
    days = run(events.group_by(date=date).agg(events=pl.len()).sort("date"))
    weekdays = (
        days.group_by(weekday=pl.col("date").dt.weekday() - 1)
        .agg(events=pl.col("events").mean())
        .sort("weekday")
    )
    category = (
        pl.col("category")
        if domain == "card"
        else pl.when(pl.col("kind") == "payment").then("category").otherwise("kind")
    )
    categories = run(
        events.group_by(category=category)
        .agg(
            events=pl.len(),
            median=pl.col("amount").median(),
            p90=pl.col("amount").quantile(0.9),
        )
        .sort("events", descending=True)
    )
    frauds = run(
        truth.filter("fraud").join(events.select("event_id", "time"), on="event_id")
    ).with_columns(date=date)
    typologies = (
        frauds.group_by("typology")
        .agg(events=pl.len(), campaigns=pl.col("campaign").n_unique())
        .with_columns(share=pl.col("events") / max(frauds.height, 1))
        .sort("events", descending=True)
    )
    days = days.join(frauds.group_by("date").agg(frauds=pl.len()), on="date", how="left")
    labels, curves, labelled = _labels(history, events, frauds)
    return Summary(
        history=history,
        accounts=per_account.height,
        merchants=int(run(events.select(pl.col(merchant).n_unique())).item()),
        days=days.with_columns(pl.col("frauds").fill_null(0)).sort("date"),
        typologies=typologies,
        labels=labels,
        curves=curves,
        labelled=labelled,
        categories=categories,
        hours=hours,
        weekdays=weekdays,
        gaps=_gaps(events, per_account),
        per_account=_sizes(per_account),
        balances=_balances(events) if domain == "bank_link" else None,
    )


def _labels(
    history: History, events: pl.LazyFrame, frauds: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, tuple[float, int]]:
    import polars as pl

    messages = history.labels().collect(engine="streaming")
    times = (
        events.select("event_id", "time")
        .join(messages.lazy().select("event_id").unique(), on="event_id", how="semi")
        .collect(engine="streaming")
    )
    aged = messages.join(times, on="event_id", how="left").with_columns(
        age=(pl.col("known_at") - pl.col("time").cast(pl.Int64)) / DAY
    )
    table = (
        aged.group_by("source", "fraud", "reversal")
        .agg(
            messages=pl.len(),
            median_days=pl.col("age").median(),
            p90_days=pl.col("age").quantile(0.9),
        )
        .sort("source", "reversal", "fraud")
    )
    claims = aged.filter(pl.col("fraud") & (pl.col("source") != "analyst"))
    told = claims["event_id"].unique()
    true = told.is_in(frauds["event_id"].implode())
    reported = float(true.sum()) / max(frauds.height, 1)
    verdicts = aged.filter("fraud").join(frauds.select("event_id"), on="event_id", how="semi")
    curves = pl.concat(
        [
            verdicts.group_by("source").agg(
                age=pl.lit(float(age)), share=(pl.col("age") <= age).mean()
            )
            for age in _AGES
        ]
    ).sort("source", "age")
    return table, curves, (reported, int((~true).sum()))


def _gaps(events: pl.LazyFrame, per_account: pl.DataFrame) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    step = max(1, per_account.height // _SAMPLE)
    chosen = per_account.sort("account")["account"].gather_every(step)
    ordered = (
        events.select("account", "time")
        .filter(pl.col("account").is_in(chosen.implode()))
        .collect(engine="streaming")
        .sort("account", "time")
    )
    gaps = ordered.select(
        (pl.col("time").diff().over("account").dt.total_microseconds() / HOUR).alias("gap")
    )["gap"].drop_nulls()
    edges = np.geomspace(1 / 60, 24 * 60, 33)
    counts, _ = np.histogram(np.clip(gaps.to_numpy(), edges[0], edges[-1]), edges)
    return pl.DataFrame(
        {"hours": edges[:-1], "until": edges[1:], "share": counts / max(counts.sum(), 1)}
    )


def _sizes(per_account: pl.DataFrame) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    sizes = per_account["events"].to_numpy()
    edges = np.linspace(0, max(float(np.quantile(sizes, 0.995)), 8.0), 25)
    counts, _ = np.histogram(np.clip(sizes, 0, edges[-1]), edges)
    return pl.DataFrame({"events": edges[:-1], "until": edges[1:], "accounts": counts})


def _balances(events: pl.LazyFrame) -> dict[str, float]:
    import polars as pl

    debit = pl.col("kind").is_in(["payment", "withdrawal", "transfer"])
    found = events.select(
        low=pl.col("balance").quantile(0.05),
        median=pl.col("balance").median(),
        high=pl.col("balance").quantile(0.95),
        returned=pl.col("returned").filter(debit).mean(),
    ).collect(engine="streaming")
    return {name: float(value) for name, value in found.row(0, named=True).items()}
