"""JSON as events of a domain: what a file's row would give, or everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from lagmark.errors import DataError
from lagmark.schema.events import Event
from lagmark.schema.fields import Field, Kind
from lagmark.schema.raw import Fault, reason
from lagmark.schema.time import DAY, from_micros
from lagmark.serving.fields import (
    LONGEST,
    Reader,
    UnusableError,
    clock_reader,
    counted,
    did_you_mean,
    field_reader,
    id_reader,
    number_of,
)
from lagmark.serving.json_objects import JsonObject, parse_carefully, parse_objects

if TYPE_CHECKING:
    import polars as pl

    from lagmark.domains.domain import Domain

__all__ = ["Intake", "Received", "Refusal", "RefusedError"]

_SHAPES = 256
"""Sets of field names that are remembered; a sender uses one or two."""

_MOST_NAMED = 20
"""Unknown fields of one event that are named."""


class Refusal(msgspec.Struct, frozen=True):
    """One thing that is wrong.

    Parameters
    ----------
    field
        Where, as the sender named it; empty for the whole.
    what, hint
        What is wrong, and what to do about it. Neither repeats the value.
    """

    field: str
    what: str
    hint: str


class RefusedError(DataError):
    """JSON that is no event or label.

    Parameters
    ----------
    refusals
        Everything that is wrong with it.
    """

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        self.refusals = tuple(refusals)
        texts = [f"{each.field}: {each.what}" if each.field else each.what for each in refusals]
        super().__init__("; ".join(texts), hint=refusals[0].hint)


class Received(msgspec.Struct, frozen=True):
    """An event as it was received.

    Parameters
    ----------
    event
        The event.
    rounded
        Fields that came with more decimals than they keep.
    """

    event: Event
    rounded: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """What of an event is read from which names, and how."""

    name: str
    readers: dict[str, Reader]


@dataclass(frozen=True, slots=True)
class _Shape:
    """How events with one set of field names are read."""

    refusals: tuple[Refusal, ...]
    reads: tuple[tuple[str, str, Reader], ...]
    """Name, key and reader of id, event time, ingest time, and each field in the domain's order."""


class Intake:
    """Reader of JSON events of one domain.

    A value gives what the same value in a JSON lines file gives (see :mod:`lagmark.sources`), and
    is refused where that is. Beyond that it refuses what a file may hold but a request must not:
    unknown fields, a field under two of its names or twice, text that is too long or has control
    characters, card numbers, and times more than a day ahead.

    A field is sent under Lagmark's name, its source column or an alias. ``event_time`` and
    ``ingest_time`` need an offset; the domain's own column for them is read as the domain says.

    Parameters
    ----------
    domain
        What the events are.
    card_numbers
        Whether identifiers may look like card numbers: for synthetic data only.
    at_once
        Whether an event without an ingest time arrived when it happened: for history that is
        played again. Else it arrived now.

    Examples
    --------
    >>> from lagmark.domains.registry import get_domain
    >>> intake = Intake(get_domain("handbook"))
    >>> body = b'{"event_id": 1, "event_time": "2018-08-08T01:30:00Z", "customer": 5, '
    >>> body += b'"terminal": 9, "amount": 12.345}'
    >>> received = intake.event(body, now=1_600_000_000_000_000)
    >>> received.event.values["amount"], received.rounded
    (1234, ('amount',))
    """

    def __init__(
        self, domain: Domain, *, card_numbers: bool = False, at_once: bool = False
    ) -> None:
        self.domain = domain
        self._at_once = at_once
        self._parts = _parts_of(domain, card_numbers=card_numbers)
        self._names = dict.fromkeys(name for part in self._parts for name in part.readers)
        self._shapes: dict[tuple[str, ...], _Shape] = {}
        self._refused: dict[tuple[str, ...], _Shape] = {}
        self._fatal = tuple(check for check in domain.checks if check.fatal)

    def event(self, body: bytes, *, now: int) -> Received:
        """Event of one JSON object.

        Parameters
        ----------
        body
            The JSON.
        now
            The present instant, microseconds since 1970 UTC.

        Raises
        ------
        RefusedError
            With everything that is wrong.
        """
        found = parse_objects(body, many=False)
        record = found[0] if found is not None else _careful(body)
        return self._take(_object(record), now)

    def events(self, body: bytes, *, now: int, most: int = 10_000) -> list[Received | RefusedError]:
        """Events of a JSON array, or of an object ``{"events": [...]}``; each read by itself.

        Parameters
        ----------
        body, now
            As for :meth:`event`.
        most
            Events that may come at once.

        Raises
        ------
        RefusedError
            If it is no array, is empty or too long.
        """
        records: Any = parse_objects(body, many=True)
        if records is None:
            records = _careful(body)
            if isinstance(records, dict) and records.keys() == {"events"}:
                records = records["events"]
        if not isinstance(records, list) or not records:
            what = "neither an array of events nor an object with one"
            raise RefusedError([Refusal("", what, 'send {"events": [{...}, ...]}')])
        if len(records) > most:
            what = f"{len(records)} events at once"
            raise RefusedError([Refusal("", what, f"send at most {most} in one request")])
        results: list[Received | RefusedError] = []
        for record in records:
            try:
                results.append(self._take(_object(record), now))
            except RefusedError as refused:
                results.append(refused)
        return results

    def _take(self, record: dict[str, Any], now: int) -> Received:
        key = tuple(record)
        shape = self._shapes.get(key) or self._refused.get(key)
        if shape is None:
            shape = self._shape(key)
            # Shapes that are refused may come and go; good ones are few, and stay.
            known = self._refused if shape.refusals else self._shapes
            if len(known) >= _SHAPES:
                self._refused.clear()
            if len(known) < _SHAPES:
                known[key] = shape
        rounded: list[str] = []
        get = record.get
        try:
            values = {name: read(get(key), rounded) for name, key, read in shape.reads}
        except UnusableError:
            values = None
        if values is not None and not shape.refusals and type(record) is dict:
            event_id, happened = values.pop("event_id"), values.pop("event_time")
            arrived = values.pop("ingest_time")
            if arrived is None:
                arrived = happened if self._at_once else now
            if happened <= now + DAY and arrived <= now + DAY:
                if self._fatal:
                    self._obey_checks(record, shape, values, event_id, (happened, arrived))
                return Received(Event(event_id, happened, arrived, values), tuple(rounded))
        return self._once_more(record, shape, now)

    def _once_more(self, record: dict[str, Any], shape: _Shape, now: int) -> Received:
        """What is wrong with a record, all of it; a record with odd JSON may still be an event."""
        refusals = [*shape.refusals]
        if isinstance(record, JsonObject):
            refusals += [
                Refusal(_shown(name), "sent twice in one object", "send it once")
                for name in record.twice[:_MOST_NAMED]
            ]
        values: dict[str, Any] = {}
        for name, key, read in shape.reads:
            try:
                values[name] = value = read(record.get(key), [])
                if name in ("event_time", "ingest_time") and value is not None:
                    _not_ahead(value, now)
            except UnusableError as problem:
                refusals.append(Refusal(key, problem.what, problem.hint))
        if refusals:
            raise RefusedError(refusals)
        return self._take(dict(record), now)

    def _shape(self, keys: tuple[str, ...]) -> _Shape:
        unknown = [key for key in keys if key not in self._names]
        refusals = [self._unknown(key) for key in unknown[:_MOST_NAMED]]
        if len(unknown) > _MOST_NAMED:
            what = f"{len(unknown) - _MOST_NAMED} further unknown fields"
            refusals.append(Refusal("", what, "leave them out"))
        reads = []
        for part in self._parts:
            sent = [name for name in part.readers if name in keys]
            if len(sent) > 1:
                what = f"sent under {len(sent)} names: {', '.join(sent)}"
                refusals.append(Refusal(part.name, what, "send one of them"))
            key = sent[0] if sent else part.name
            reader = part.readers.get(key) or next(iter(part.readers.values()))
            reads.append((part.name, key, reader))
        return _Shape(tuple(refusals), tuple(reads))

    def _unknown(self, key: str) -> Refusal:
        label = self.domain.label
        if label is not None and key in (label.source, "label", "fraud"):
            hint = "an event is decided before its label is known: send labels as labels"
            return Refusal(_shown(key), "a label on an event", hint)
        listed = ", ".join(part.name for part in self._parts)
        hint = did_you_mean(key, self._names) or f"fields are {listed}"
        return Refusal(_shown(key), "unknown field", hint)

    def _obey_checks(
        self,
        record: dict[str, Any],
        shape: _Shape,
        values: dict[str, Any],
        event_id: int | str,
        times: tuple[int, int],
    ) -> None:
        """Refuse what breaks a fatal check of the domain; only these need a frame."""
        import polars as pl

        domain = self.domain
        raw = {name: record.get(key) for name, key, _ in shape.reads}
        columns: dict[str, pl.Series] = {}
        for field in domain.fields:
            value, dtype = values[field.name], _dtype(field)
            if dtype == pl.Float64 and value is not None:
                value = number_of(raw[field.name])
            columns[field.column] = pl.Series([value], dtype=dtype)
        for clock, instant in zip((domain.event_time, domain.ingest_time), times, strict=True):
            if clock is not None and clock.unit is not None:
                sent = number_of(record.get(clock.source))
                number = counted(instant, clock) if sent is None else sent
                columns[clock.source] = pl.Series([number], dtype=pl.Float64)
        if domain.label is not None:
            columns[domain.label.source] = pl.Series([None], dtype=pl.Boolean)
        if domain.event_id is not None:
            kind = pl.Int64 if domain.integer_id else pl.String
            columns[domain.event_id] = pl.Series([event_id], dtype=kind)
        frame = pl.DataFrame(columns)
        broken = [
            Refusal("", reason(check.name, Fault.CHECK), check.text)
            for check in self._fatal
            if frame.select(check.holds().cast(pl.Boolean)).item(0, 0) is False
        ]
        if broken:
            raise RefusedError(broken)


def _parts_of(domain: Domain, *, card_numbers: bool) -> tuple[_Part, ...]:
    columns = {each.column for each in domain.fields}
    columns |= {name for each in domain.fields for name in each.aliases}

    def part(name: str, own: Reader | None, sources: dict[str, Reader]) -> _Part:
        # A word that is a source column of another part means that column, as in a file.
        readers = dict(sources)
        if own is not None and name not in columns:
            readers = {name: own, **readers}
        return _Part(name, readers)

    # One long number in ten passes for a card's; those who count their events must not lose it.
    lenient = card_numbers or domain.integer_id
    ids = id_reader(integer=domain.integer_id, required=True, card_numbers=lenient)
    parts = [part("event_id", ids, {} if domain.event_id is None else {domain.event_id: ids})]
    for name, column, required in (
        ("event_time", domain.event_time, True),
        ("ingest_time", domain.ingest_time, False),
    ):
        own = clock_reader(None, required=required)
        source = {} if column is None else {column.source: clock_reader(column, required=required)}
        parts.append(part(name, own, source))
    for each in domain.fields:
        reader = field_reader(each, card_numbers=card_numbers)
        sources = dict.fromkeys((each.column, *each.aliases), reader)
        readers = dict(sources) if each.name in columns else {each.name: reader, **sources}
        parts.append(_Part(each.name, readers))
    return tuple(parts)


def _careful(body: bytes) -> Any:
    try:
        return parse_carefully(body)
    except UnusableError as problem:
        raise RefusedError([Refusal("", problem.what, problem.hint)]) from None


def _object(record: Any) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise RefusedError([Refusal("", "not a JSON object", "send an event as {...}")])
    return record


def _not_ahead(instant: int, now: int) -> None:
    if instant > now + DAY:
        clock = from_micros(now).isoformat(timespec="seconds")
        raise UnusableError(
            "more than a day ahead", hint=f"check the sender's clock; now is {clock}"
        )


def _shown(name: str) -> str:
    return name[:LONGEST].encode("ascii", "backslashreplace").decode()


def _dtype(field: Field) -> type[pl.DataType]:
    import polars as pl

    if field.kind in (Kind.MONEY, Kind.QUANTITY):
        return pl.Float64
    if field.kind is Kind.FLAG:
        return pl.Boolean
    return pl.Int64 if field.integer and field.kind is Kind.ENTITY else pl.String
