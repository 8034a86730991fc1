"""The exploratory report: what a batch of events looks like, as known at one instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lagmark.errors import DataError
from lagmark.monitoring.findings import (
    LEVELS,
    AmountBins,
    Amounts,
    Entity,
    Findings,
    Missing,
    Slice,
)
from lagmark.monitoring.findings_page import findings_page
from lagmark.monitoring.findings_text import findings_lines
from lagmark.schema.time import DAY, HOUR, from_micros, to_micros

if TYPE_CHECKING:
    import polars as pl

    from lagmark.domains.domain import Domain
    from lagmark.schema.events import EventBatch

__all__ = ["Exploration", "explore"]

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ABSENT = "(absent)"
_CATEGORIES = 30
"""Categories listed by name; the rest are added up."""
_BINS = 40


@dataclass(frozen=True, slots=True)
class Exploration(Findings):
    """Findings that can be read as text, JSON or a page; the fields are those of Findings."""

    def lines(self) -> list[str]:
        """Plain text, one line each."""
        return findings_lines(self)

    def write_html(self, path: str | Path) -> Path:
        """Write the page with plots, whole or not at all.

        Parameters
        ----------
        path
            File to write.

        Raises
        ------
        DataError
            If the file cannot be written.
        """
        return findings_page(self).write(path)


def explore(batch: EventBatch, domain: Domain, *, as_of: datetime | None = None) -> Exploration:
    """Exploratory report of a batch, as known at one instant.

    Parameters
    ----------
    batch
        Validated events with their labels.
    domain
        What their fields mean.
    as_of
        Only events seen and labels known until then count; by default the instant at which the
        last event or label of the batch arrived.

    Returns
    -------
    Exploration
        A day is *young* if it has events without a label and ended less than the maturity ago.
        Maturity is the 95 % quantile of the delays of the known labels; where labels carry an
        instant of their own it is at least the domain's default delay, because the labels known
        so far are the quick ones.

    Raises
    ------
    DataError
        If no event was seen by ``as_of``, or ``as_of`` has no zone.
    """
    import polars as pl

    instant = _last_arrival(batch) if as_of is None else to_micros(as_of)
    labels = batch.labels.filter(pl.col("known_at") <= instant)
    verdict = np.full(len(batch), -1, np.int8)
    # Ordered by known_at, so that the latest of several labels is the one that stays.
    verdict[labels["row"].to_numpy()] = labels["fraud"].to_numpy()
    known = pl.Series("_verdict", verdict)
    seen = batch.events.with_columns(known).filter(pl.col("ingest_time") <= instant)
    if seen.is_empty():
        raise DataError(
            f"no event was seen by {from_micros(instant).isoformat()}",
            where="as_of",
            hint="choose a later as_of, or check that the source has rows",
        )
    median, maturity = _delays(batch, domain, labels)
    time = pl.col("event_time")
    return Exploration(
        domain=domain.name,
        title=domain.title,
        as_of=instant,
        events=seen.height,
        labelled=int((seen["_verdict"] >= 0).sum()),
        frauds=int((seen["_verdict"] == 1).sum()),
        first=int(seen["event_time"].min()),  # type: ignore[arg-type]
        last=int(seen["event_time"].max()),  # type: ignore[arg-type]
        delay_median=median,
        maturity=maturity,
        by_day=_days(seen, instant, maturity),
        by_hour=_cycle(seen, time % DAY // HOUR, [f"{hour:02d}" for hour in range(24)]),
        # 1970-01-01 was a Thursday.
        by_weekday=_cycle(seen, (time // DAY + 3) % 7, _WEEKDAYS),
        category=domain.category,
        by_category=_categories(seen, domain.category) if domain.category else (),
        amounts=_amounts(seen, domain),
        bins=_amount_bins(seen, domain),
        entities=tuple(_entity(seen, name) for name in domain.entities),
        missing=_missing(seen, domain),
    )


def _last_arrival(batch: EventBatch) -> int:
    parts = (batch.events["ingest_time"], batch.labels["known_at"])
    return max((int(part.max()) for part in parts if len(part)), default=0)  # type: ignore[arg-type]


def _delays(
    batch: EventBatch, domain: Domain, labels: pl.DataFrame
) -> tuple[int | None, int | None]:
    """Median delay of the known labels, and the age from which a day counts as mature."""
    default = domain.label.delay if domain.label else None
    if labels.is_empty():
        return None, default
    times = batch.events["event_time"].to_numpy()
    delays = labels["known_at"].to_numpy() - times[labels["row"].to_numpy()]
    median, late = (int(value) for value in _nearest_rank(np.sort(delays), (0.5, 0.95)))
    own_instants = domain.label is not None and domain.label.known_at is not None
    return median, max(late, default or 0) if own_instants else late


def _slices(seen: pl.DataFrame, key: pl.Expr) -> pl.DataFrame:
    """Columns key, events, labelled, frauds, ordered by key."""
    import polars as pl

    return (
        seen.group_by(key.alias("key"))
        .agg(
            pl.len().alias("events"),
            (pl.col("_verdict") >= 0).sum().alias("labelled"),
            (pl.col("_verdict") == 1).sum().alias("frauds"),
        )
        .sort("key")
    )


def _days(seen: pl.DataFrame, as_of: int, maturity: int | None) -> tuple[Slice, ...]:
    import polars as pl

    return tuple(
        Slice(
            f"{from_micros(day * DAY):%Y-%m-%d}",
            events,
            labelled,
            frauds,
            young=maturity is not None and labelled < events and (day + 1) * DAY + maturity > as_of,
        )
        for day, events, labelled, frauds in _slices(seen, pl.col("event_time") // DAY).iter_rows()
    )


def _cycle(
    seen: pl.DataFrame, key: pl.Expr, names: list[str] | tuple[str, ...]
) -> tuple[Slice, ...]:
    found = {key: rest for key, *rest in _slices(seen, key).iter_rows()}
    return tuple(Slice(name, *found.get(index, (0, 0, 0))) for index, name in enumerate(names))


def _categories(seen: pl.DataFrame, field: str) -> tuple[Slice, ...]:
    import polars as pl

    table = _slices(seen, pl.col(field).cast(pl.String).fill_null(_ABSENT))
    table = table.sort("events", "key", descending=[True, False])
    listed = [Slice(*row) for row in table.head(_CATEGORIES).iter_rows()]
    rest = table.slice(_CATEGORIES)
    if not rest.is_empty():
        sums = rest.select("events", "labelled", "frauds").sum().row(0)
        listed.append(Slice(f"({rest.height} others)", *sums))
    return tuple(listed)


def _nearest_rank(ordered: np.ndarray, levels: tuple[float, ...]) -> np.ndarray:
    """Smallest value with at least the given share of values at or below it."""
    ranks = np.ceil(np.asarray(levels) * len(ordered)).astype(np.int64)
    return np.asarray(ordered[np.maximum(ranks, 1) - 1])


def _amounts(seen: pl.DataFrame, domain: Domain) -> tuple[Amounts, ...]:
    scale = domain.field_named(domain.amount).scale
    groups = {"all": (-1, 0, 1), "honest": (0,), "fraud": (1,), "unlabelled": (-1,)}
    found = []
    for name, verdicts in groups.items():
        chosen = seen["_verdict"].is_in(verdicts)
        values = np.sort(seen[domain.amount].filter(chosen).drop_nulls().to_numpy())
        # Summed as exact integers, so that no order of rows can show in the report.
        total = int(values.sum()) / scale
        quantiles = _nearest_rank(values, LEVELS) / scale if values.size else ()
        found.append(
            Amounts(
                name,
                values.size,
                total,
                total / values.size if values.size else None,
                tuple(float(value) for value in quantiles),
            )
        )
    return tuple(found)


def _amount_bins(seen: pl.DataFrame, domain: Domain) -> AmountBins | None:
    scale = domain.field_named(domain.amount).scale
    known = seen.select(domain.amount, "_verdict").drop_nulls()
    values = known[domain.amount].to_numpy() / scale
    verdict = known["_verdict"].to_numpy()
    positive = np.sort(values[(values > 0) & (verdict >= 0)])
    if positive.size == 0:
        return None
    # The outermost thousandths would stretch the axis over decades that hold nothing.
    low, high = _nearest_rank(positive, (0.001, 0.9995))
    edges = np.geomspace(low, max(high, low * 1.01), _BINS + 1)
    inside = np.clip(values, edges[0], edges[-1])
    honest, fraud = (np.histogram(inside[verdict == wanted], edges)[0] for wanted in (0, 1))
    return AmountBins(tuple(edges.tolist()), tuple(honest.tolist()), tuple(fraud.tolist()))


def _entity(seen: pl.DataFrame, field: str) -> Entity:
    import polars as pl

    table = _slices(seen.filter(pl.col(field).is_not_null()), pl.col(field))
    counts = np.sort(table["events"].to_numpy())
    quantiles = _nearest_rank(counts, LEVELS) if counts.size else ()
    return Entity(
        field,
        table.height,
        int((table["frauds"] > 0).sum()),
        float(counts.mean()) if counts.size else None,
        tuple(int(value) for value in quantiles),
    )


def _missing(seen: pl.DataFrame, domain: Domain) -> tuple[Missing, ...]:
    counts = {field: seen[field.name].null_count() for field in domain.fields}
    return tuple(
        Missing(field.name, str(field.kind), absent, absent / seen.height)
        for field, absent in counts.items()
    )
