"""Maturity curves of a history, by source or segment, as of an instant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.errors import ConfigError
from lagmark.labels.known import NEVER
from lagmark.labels.maturity.drift import DelayDrift, delay_drift
from lagmark.labels.maturity.first_fraud import first_fraud, first_fraud_row
from lagmark.labels.maturity.kaplan_meier import kaplan_meier
from lagmark.labels.maturity.reverse_hazard import reverse_hazard
from lagmark.schema.time import from_micros

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from lagmark.labels.maturity.curve import Curve
    from lagmark.schema.events import EventBatch

__all__ = ["Maturity", "MaturityGroup", "study_maturity"]

GROUPS = 12
"""Segments shown by themselves; the others are taken together."""
_OTHER = "(other)"
_NONE = "(absent)"


@dataclass(frozen=True, slots=True, eq=False)
class MaturityGroup:
    """Curves of one source or segment.

    Parameters
    ----------
    name
        The source, the value of the column, or ``"all"``.
    events, frauds
        Events seen, and those with a fraud label.
    known
        Share of the frauds whose label has come by age (reverse-time hazard).
    payments
        Share of all events with a fraud label by age (Kaplan-Meier).
    drift
        For a source, whether its own recent delays differ from earlier ones.
    """

    name: str
    events: int
    frauds: int
    known: Curve
    payments: Curve
    drift: DelayDrift | None = None

    def as_dict(self) -> dict[str, Any]:
        """Record for JSON."""
        return {
            "name": self.name,
            "events": self.events,
            "frauds": self.frauds,
            "known": self.known.as_dict(),
            "payments": self.payments.as_dict(),
            "drift": None if self.drift is None else self.drift.as_dict(),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Maturity:
    """Maturity curves as of an instant.

    Parameters
    ----------
    as_of
        Microseconds UTC.
    by
        ``"source"``, a column, or empty.
    groups
        All events first, then each group.
    drift
        Whether recent delays differ from earlier ones, over all events, within sources: that more
        frauds are found by a quick source is no drift of delays.
    """

    as_of: int
    by: str
    groups: tuple[MaturityGroup, ...]
    drift: DelayDrift

    def as_dict(self) -> dict[str, Any]:
        """Record for JSON."""
        return {
            "as_of": from_micros(self.as_of).isoformat().replace("+00:00", "Z"),
            "by": self.by or None,
            "groups": [group.as_dict() for group in self.groups],
            "drift": self.drift.as_dict(),
        }


def study_maturity(
    batch: EventBatch,
    as_of: int,
    *,
    by: str = "",
    bands: int = 0,
    window: int | None = None,
    confidence: float = 0.9,
) -> Maturity:
    """Maturity curves of events and labels as of an instant.

    Parameters
    ----------
    batch
        Events and labels; what arrived or became known later than ``as_of`` is not used.
    as_of
        Microseconds UTC.
    by
        ``"source"`` for one group per source of fraud labels, a column of the events for one per
        value (the twelve with most frauds, the others together), or empty.
    bands
        For amounts and quantities, which are cut into quarters of their values: how many stored
        units make one; 0 for a group per value.
    window
        See :func:`lagmark.labels.maturity.reverse_hazard`.
    confidence
        Of all intervals.

    Raises
    ------
    ConfigError
        If there is no such column.
    """
    import polars as pl

    seen = batch.events["ingest_time"].to_numpy() <= as_of
    happened = batch.events["event_time"].to_numpy()
    known = first_fraud(batch, as_of)

    def group(name: str, rows: NDArray[np.bool_], word: NDArray[np.int64]) -> MaturityGroup:
        when, label = happened[rows], word[rows]
        observed = label != NEVER
        ages = np.where(observed, label, as_of) - when
        return MaturityGroup(
            name,
            len(when),
            int(observed.sum()),
            reverse_hazard(
                when[observed], label[observed], as_of, window=window, confidence=confidence
            ),
            kaplan_meier(ages, observed, confidence=confidence),
            delay_drift(when[observed], label[observed], as_of, confidence=confidence)
            if word is not known
            else None,
        )

    groups = [group("all", seen, known)]
    if by == "source":
        said = batch.labels["fraud"].to_numpy() & (batch.labels["known_at"].to_numpy() <= as_of)
        said &= seen[batch.labels["row"].to_numpy()]
        sources = batch.labels["source"].filter(pl.Series(said)).unique().to_list()
        groups += [
            group(name, seen, first_fraud(batch, as_of, source=name)) for name in sorted(sources)
        ]
    elif by:
        if by not in batch.events.columns:
            raise ConfigError(
                f"events have no column {by!r}",
                where="--by",
                hint=f"use source or one of {', '.join(batch.events.columns)}",
            )
        column = batch.events[by]
        parts = _bands(column, seen, bands) if bands else _values(column, seen, known != NEVER)
        groups += [group(name, rows, known) for name, rows in parts]
    position = first_fraud_row(batch, as_of)
    found = position >= 0
    strata = batch.labels["source"].rank("dense").cast(pl.Int64).to_numpy()[position[found]]
    drift = delay_drift(happened[found], known[found], as_of, strata=strata, confidence=confidence)
    return Maturity(as_of, by, tuple(groups), drift)


def _values(
    column: pl.Series, seen: NDArray[np.bool_], fraud: NDArray[np.bool_]
) -> list[tuple[str, NDArray[np.bool_]]]:
    """Rows of each of the values with most frauds, most first, and of the others."""
    import polars as pl

    table = pl.DataFrame({"value": column, "seen": seen, "fraud": fraud & seen}).filter("seen")
    counts = table.group_by("value").agg(pl.col("fraud").sum(), events=pl.len())
    ranked = counts.sort("fraud", "events", "value", descending=[True, True, False])["value"]
    listed = ranked.head(GROUPS) if len(ranked) > GROUPS + 1 else ranked
    groups = []
    for value in listed.to_list():
        rows = column.is_null() if value is None else (column == value).fill_null(value=False)
        groups.append((_NONE if value is None else str(value), rows.to_numpy() & seen))
    if len(listed) < len(ranked):
        rest = seen & ~np.any([rows for _, rows in groups], axis=0)
        groups.append((_OTHER, rest))
    return groups


def _bands(
    column: pl.Series, seen: NDArray[np.bool_], scale: int
) -> list[tuple[str, NDArray[np.bool_]]]:
    """Rows of each quarter of the values, ascending."""
    present = column.is_not_null().to_numpy() & seen
    values = column.fill_null(0).to_numpy()
    if not present.any():
        return [(_NONE, seen)]
    cuts = np.unique(np.quantile(values[present], [0.25, 0.5, 0.75, 1.0], method="higher"))
    band = np.searchsorted(cuts, values, side="left")
    groups = [
        (f"up to {cut / scale:,.12g}", present & (band == k)) for k, cut in enumerate(cuts.tolist())
    ]
    if (seen & ~present).any():
        groups.append((_NONE, seen & ~present))
    return groups
