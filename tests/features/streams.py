"""Seeded streams of awkward events: what a payment feed does on its worst days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from lagmark.schema.events import Event, EventBatch, Label
from lagmark.schema.fields import LIMIT, Field, Kind, Known
from lagmark.schema.time import DAY, HOUR, MINUTE, SECOND

from .past import Entry, Past, Verdict

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "BOUNDARIES",
    "FIELDS",
    "SCALES",
    "Shape",
    "Stream",
    "make_stream",
    "stream_of",
]

FIELDS = (
    Field("customer", Kind.ENTITY, required=False),
    Field("terminal", Kind.ENTITY, required=False),
    Field("device", Kind.ENTITY, required=False),
    Field("type", Kind.CATEGORY, required=False),
    Field("amount", Kind.MONEY, decimals=2),
    Field("balance", Kind.QUANTITY, decimals=3, required=False),
    Field("lat", Kind.QUANTITY, decimals=6, required=False),
    Field("lon", Kind.QUANTITY, decimals=6, required=False),
    Field("declined", Kind.FLAG, required=False),
    Field("settled", Kind.MONEY, decimals=2, required=False, known=Known.AFTER_DECISION),
)

SCALES = {f.name: f.scale for f in FIELDS}

BOUNDARIES = (SECOND, MINUTE, HOUR, 12 * HOUR, DAY, 7 * DAY, 8 * DAY, 30 * DAY, 37 * DAY, 365 * DAY)
"""Distances at which the windows of the tests open, close or meet their delay."""

_START = 1_522_540_800_000_000  # 2018-04-01
_TYPES = ("CASH_OUT", "PAYMENT", "TRANSFER", "")
_PLACES = (
    (90_000_000, 0),
    (-90_000_000, 180_000_000),
    (0, 0),
    (0, 180_000_000),
    (0, -180_000_000),
    (48_856_613, 2_352_222),
    (-48_856_613, -177_647_778),
    (48_856_614, 2_352_222),
    (51_507_351, -127_758),
)


@dataclass(frozen=True)
class Shape:
    """What a stream is made of: counts of entities and probabilities of each kind of trouble."""

    customers: int = 8
    terminals: int = 6
    devices: int = 5
    hot: float = 0.2
    null_key: float = 0.08
    null_value: float = 0.1
    tie: float = 0.2
    boundary: float = 0.3
    late: float = 0.12
    ancient: float = 0.02
    idle: float = 0.02
    extreme: float = 0.05
    labelled: float = 0.7
    prompt: bool = False
    text_ids: bool = False


@dataclass
class Stream:
    """Events in arrival order with their labels, in the forms that tests need."""

    events: list[Event]
    labels: list[Verdict]

    def __len__(self) -> int:
        return len(self.events)

    def past(self, *, left_closed: bool = False, right_open: bool = False) -> Past:
        """What the oracle reads."""
        entries = [
            Entry(i, e.event_time, e.ingest_time, dict(e.values)) for i, e in enumerate(self.events)
        ]
        return Past(entries, list(self.labels), dict(SCALES), left_closed, right_open)

    def batch(self) -> EventBatch:
        """What backfill reads."""
        text = bool(self.events) and isinstance(self.events[0].event_id, str)
        columns: dict[str, pl.Series] = {
            "event_id": pl.Series(
                [e.event_id for e in self.events], dtype=pl.String if text else pl.Int64
            ),
            "event_time": pl.Series([e.event_time for e in self.events], dtype=pl.Int64),
            "ingest_time": pl.Series([e.ingest_time for e in self.events], dtype=pl.Int64),
        }
        for f in FIELDS:
            values = [e.values.get(f.name) for e in self.events]
            columns[f.name] = pl.Series(values, dtype=_dtype(f, values))
        ordered = sorted(self.labels, key=lambda v: v.known_at)
        labels = {
            "row": pl.Series([v.row for v in ordered], dtype=pl.Int64),
            "known_at": pl.Series([v.known_at for v in ordered], dtype=pl.Int64),
            "fraud": pl.Series([v.fraud for v in ordered], dtype=pl.Boolean),
            "source": pl.Series(["dataset"] * len(ordered), dtype=pl.String),
        }
        return EventBatch(pl.DataFrame(columns), pl.DataFrame(labels))

    def arrivals(self) -> list[Event | Label]:
        """Events and labels as an online engine meets them.

        A label that became known at the very instant an event is ingested comes before it; one
        that became known before its own event was seen comes just after that event.
        """
        merged: list[tuple[int, int, int, Event | Label]] = []
        for i, e in enumerate(self.events):
            merged.append((e.ingest_time, 1, i, e))
        early: dict[int, list[Label]] = {}
        for k, v in enumerate(sorted(self.labels, key=lambda v: v.known_at)):
            owner = self.events[v.row]
            label = Label(owner.event_id, v.known_at, v.fraud)
            if v.known_at <= owner.ingest_time:
                early.setdefault(v.row, []).append(label)
            else:
                merged.append((v.known_at, 0, k, label))
        # The keys before the object are unique, so that objects are never compared.
        merged.sort(key=lambda item: item[:3])
        result: list[Event | Label] = []
        for _, is_event, i, what in merged:
            result.append(what)
            if is_event:
                result.extend(early.get(i, ()))
        return result


def _dtype(f: Field, values: Sequence[object]) -> pl.DataType:
    if f.kind in (Kind.MONEY, Kind.QUANTITY):
        return pl.Int64()
    if f.kind is Kind.FLAG:
        return pl.Boolean()
    if f.kind is Kind.CATEGORY:
        return pl.String()
    known = next((v for v in values if v is not None), None)
    return pl.String() if isinstance(known, str) else pl.Int64()


def make_stream(rng: np.random.Generator, n: int, shape: Shape = Shape()) -> Stream:
    """Stream of ``n`` events; equal generators give equal streams."""
    events: list[Event] = []
    now = oldest = _START
    for i in range(n):
        values = _values(rng, shape)
        kind = rng.random()
        time = now
        if kind < shape.tie or not events:
            pass
        elif kind < shape.tie + shape.boundary:
            # Exactly on, or a microsecond beside, the edge of a window of some earlier event.
            other = events[int(rng.integers(max(0, i - 40), i))]
            gap = _one_of(rng, BOUNDARIES) if rng.random() < 0.8 else 7 * DAY
            if rng.random() < 0.5:
                gap = min(gap, DAY)
            time = other.event_time + gap + int(rng.integers(-1, 2))
            for name in ("customer", "terminal", "device"):
                if rng.random() < 0.7:
                    values[name] = other.values[name]
        elif kind < shape.tie + shape.boundary + shape.late:
            late = _one_of(rng, (SECOND, HOUR, DAY, 20 * DAY)) * rng.exponential()
            time = now - int(late)
        elif kind < shape.tie + shape.boundary + shape.late + shape.ancient:
            far = rng.random() < 0.3
            time = (_START if far else oldest) - int(rng.integers(1, (400 if far else 2) * DAY))
        elif rng.random() < shape.idle:
            time = now + int(rng.integers(30 * DAY, 400 * DAY))
        else:
            time = now + int(rng.exponential(_one_of(rng, (1000, SECOND, MINUTE, HOUR, 6 * HOUR))))
        now, oldest = max(now, time), min(oldest, time)
        if rng.random() < 0.1:
            now += int(rng.integers(0, 3 * SECOND))
        event_id: int | str = f"e{i:06d}" if shape.text_ids else 1_000 + 7 * i
        events.append(Event(event_id, time, now, values))
    return Stream(events, _labels(rng, events, shape))


def _one_of(rng: np.random.Generator, options: tuple[int, ...]) -> int:
    return options[int(rng.integers(len(options)))]


def _values(rng: np.random.Generator, shape: Shape) -> dict[str, int | str | bool | None]:
    def entity(count: int, prefix: str) -> int | str | None:
        if rng.random() < shape.null_key:
            return None
        number = 0 if rng.random() < shape.hot else int(rng.integers(count))
        return f"{prefix}{number}" if shape.text_ids else number * 1_000_003 - 5

    def maybe(value: int | str | bool) -> int | str | bool | None:
        return None if rng.random() < shape.null_value else value

    amount = _one_of(rng, (0, 1, 1_000, 22_000, int(rng.lognormal(8, 1.5))))
    balance = int(rng.normal(0, 1e6))
    if rng.random() < shape.extreme:
        amount = _one_of(rng, (LIMIT, -LIMIT, LIMIT - 1, 1 - LIMIT))
        balance = _one_of(rng, (LIMIT, -LIMIT, LIMIT - 1, 0))
    lat, lon = _PLACES[int(rng.integers(len(_PLACES)))]
    if rng.random() < 0.5:
        lat = int(rng.integers(-90_000_000, 90_000_001))
        lon = int(rng.integers(-180_000_000, 180_000_001))
    return {
        "customer": entity(shape.customers, "c"),
        "terminal": entity(shape.terminals, "t"),
        "device": entity(shape.devices, "d"),
        "type": maybe(_TYPES[int(rng.integers(len(_TYPES)))]),
        "amount": amount,
        "balance": maybe(balance),
        "lat": maybe(lat),
        "lon": maybe(lon),
        "declined": maybe(bool(rng.random() < 0.3)),
        "settled": maybe(amount),
    }


def _labels(rng: np.random.Generator, events: list[Event], shape: Shape) -> list[Verdict]:
    labels = []
    for row, e in enumerate(events):
        if rng.random() >= shape.labelled:
            continue
        fraud = bool(rng.random() < 0.5)
        # Mostly one verdict, sometimes taken back, sometimes twice.
        for _ in range(_one_of(rng, (1, 1, 1, 2, 3))):
            how = rng.random()
            if how < 0.3:
                known_at = events[int(rng.integers(row, len(events)))].ingest_time
            elif how < 0.4:
                known_at = e.ingest_time - int(rng.integers(0, DAY))
            elif how < 0.5:
                known_at = e.event_time + 7 * DAY
            else:
                known_at = e.ingest_time + int(rng.exponential(_one_of(rng, (HOUR, DAY, 30 * DAY))))
            if shape.prompt:
                known_at = min(known_at, e.event_time + 7 * DAY)
            labels.append(Verdict(row, known_at, fraud))
            fraud = not fraud
    return sorted(labels, key=lambda v: v.known_at)


def stream_of(
    *rows: tuple[int, dict[str, int | str | bool | None]],
    labels: Iterable[tuple[int, int, bool]] = (),
) -> Stream:
    """Stream written by hand: ``(event_time, values)`` per row, on-time, ids 0, 1, 2, ...

    A row's ``ingest`` value, if given, is its ingest time. ``labels`` holds
    ``(row, known_at, fraud)``.
    """
    events = []
    now = min((time for time, _ in rows), default=0)
    for i, (time, given) in enumerate(rows):
        values = {f.name: None for f in FIELDS} | {"amount": 100} | dict(given)
        ingest = values.pop("ingest", None)
        now = int(ingest) if ingest is not None else max(now, time)
        events.append(Event(i, time, now, values))
    return Stream(events, [Verdict(*label) for label in labels])
