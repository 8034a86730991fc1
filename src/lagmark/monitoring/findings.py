"""What an exploratory report holds: plain frozen records, ready for JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from lagmark.schema.time import from_micros

__all__ = ["LEVELS", "AmountBins", "Amounts", "Entity", "Findings", "Missing", "Slice"]

LEVELS = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
"""Quantile levels of every report; quantiles are nearest-rank, so each is a value that occurs."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Counts of the events that share a day, an hour, a weekday or a category.

    Parameters
    ----------
    name
        ISO date, hour, weekday or category.
    events, labelled, frauds
        All; those with a label known by then; those known to be fraud.
    young
        Whether labels of this slice may still be under way.
    """

    name: str
    events: int
    labelled: int
    frauds: int
    young: bool = False

    @property
    def fraud_share(self) -> float | None:
        """Frauds over labelled events; ``None`` without labels."""
        return self.frauds / self.labelled if self.labelled else None

    @property
    def labelled_share(self) -> float:
        """Labelled over all events."""
        return self.labelled / self.events if self.events else 0.0


@dataclass(frozen=True, slots=True)
class Amounts:
    """Amounts of all, known honest, known fraudulent or unlabelled events, in the source's units.

    Parameters
    ----------
    name
        Which events.
    events
        How many have an amount.
    total, mean
        Their sum and mean.
    quantiles
        Shape (9,), at :data:`LEVELS`; empty without events.
    """

    name: str
    events: int
    total: float
    mean: float | None
    quantiles: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class AmountBins:
    """Known honest and fraudulent amounts over bins that grow geometrically.

    Parameters
    ----------
    edges
        Shape (bins + 1,), in the source's units; the first bin also holds everything below it,
        the last everything above.
    honest, fraud
        Shape (bins,), events.
    """

    edges: tuple[float, ...]
    honest: tuple[int, ...]
    fraud: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Entity:
    """How often the values of one entity field return.

    Parameters
    ----------
    field
        Name of the field.
    distinct
        Different values.
    with_fraud
        Values with at least one known fraud.
    mean
        Events per value.
    quantiles
        Shape (9,), events per value at :data:`LEVELS`; empty without values.
    """

    field: str
    distinct: int
    with_fraud: int
    mean: float | None
    quantiles: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """Absent values of one field."""

    field: str
    kind: str
    events: int
    share: float


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything known of a batch of events at one instant.

    Parameters
    ----------
    domain, title
        The domain's name and line for people.
    as_of
        The instant asked from, microseconds since 1970 UTC; no later event or label is in here.
    events, labelled, frauds
        Events seen; those with a known label; those known to be fraud.
    first, last
        Event times of the earliest and latest event, microseconds since 1970 UTC.
    delay_median, maturity
        Microseconds between event and label: the median of the known labels, and the age from
        which a day counts as mature. ``None`` without labels.
    by_day, by_hour, by_weekday
        Slices in UTC, in order; days without events are left out.
    category, by_category
        The domain's category field, and its values by falling count.
    amounts
        All, honest, fraud, unlabelled.
    bins
        Histogram of the labelled amounts; ``None`` without positive ones.
    entities, missing
        One per entity field; one per field.
    """

    domain: str
    title: str
    as_of: int
    events: int
    labelled: int
    frauds: int
    first: int
    last: int
    delay_median: int | None
    maturity: int | None
    by_day: tuple[Slice, ...]
    by_hour: tuple[Slice, ...]
    by_weekday: tuple[Slice, ...]
    category: str | None
    by_category: tuple[Slice, ...]
    amounts: tuple[Amounts, ...]
    bins: AmountBins | None
    entities: tuple[Entity, ...]
    missing: tuple[Missing, ...]

    @property
    def fraud_share(self) -> float | None:
        """Frauds over labelled events; ``None`` without labels."""
        return self.frauds / self.labelled if self.labelled else None

    @property
    def unlabelled_share(self) -> float:
        """Share of events whose label is not known yet."""
        return 1.0 - self.labelled / self.events

    @property
    def young_days(self) -> tuple[str, ...]:
        """Days whose labels may still be under way."""
        return tuple(day.name for day in self.by_day if day.young)

    def as_dict(self) -> dict[str, Any]:
        """Everything as JSON-ready values: instants as ISO 8601, durations in seconds."""
        content = asdict(self)
        for name in ("as_of", "first", "last"):
            content[name] = from_micros(content[name]).isoformat()
        for name in ("delay_median", "maturity"):
            micros = content.pop(name)
            content[f"{name}_seconds"] = None if micros is None else micros / 1e6
        for name in ("by_day", "by_hour", "by_weekday", "by_category"):
            content[name] = [
                {**asdict(part), "fraud_share": part.fraud_share} for part in getattr(self, name)
            ]
        content["fraud_share"] = self.fraud_share
        content["unlabelled_share"] = self.unlabelled_share
        content["young_days"] = list(self.young_days)
        content["quantile_levels"] = list(LEVELS)
        return {name: _plain(value) for name, value in content.items()}


def _plain(value: Any) -> Any:
    """Tuples as lists, all the way down."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
