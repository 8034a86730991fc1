"""What the entries of a ledger make of the feature engine."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec
import numpy as np

from lagmark.errors import StateError
from lagmark.features import OnlineEngine
from lagmark.ports.feature_state import Reading
from lagmark.schema.events import Event
from lagmark.schema.time import DAY

if TYPE_CHECKING:
    from lagmark.features.feature_set import FeatureSet
    from lagmark.ports.ledger import Ledger
    from lagmark.schema.events import Label
    from lagmark.schema.records import Entry

__all__ = ["Fold"]

LATENESS = 30 * DAY
"""How late an event may be and still be read as if nothing had been forgotten."""

ROOM = 1 << 17
"""Events that memory is laid out for; it is used as it fills."""

PASS = 1 << 16
"""Events in which all of the state is looked over once for what can be forgotten."""

STRIDE = 1 << 9
"""Events between two parts of that pass."""

CHUNK = 20_000
"""Events that are replayed together."""

HELD = 10_000
"""Events that wait, in a replay, for those that were taken before them and written after."""


class _Event(msgspec.Struct, frozen=True, gc=False, tag="decision", tag_field="kind"):
    """What a replay needs of a decision; the rest is not decoded."""

    event_id: int | str
    event_time: int
    ingest_time: int
    values: dict[str, int | str | bool | None]


class _Label(msgspec.Struct, frozen=True, tag="label", tag_field="kind"):
    event_id: int | str
    known_at: int
    fraud: bool


class _Human(msgspec.Struct, frozen=True, tag="human", tag_field="kind"):
    pass


class _Policy(msgspec.Struct, frozen=True, tag="policy", tag_field="kind"):
    pass


_DECODER = msgspec.msgpack.Decoder(_Event | _Label | _Human | _Policy)


class Fold:
    """An engine with the subjects it has seen, made from records in the order of ingest times.

    Parameters
    ----------
    feature_set
        What to compute.
    subject
        Field of the customer or card, ``None`` if the domain has none.
    path
        Where the snapshot is kept, ``None`` for nowhere.
    lateness
        Microseconds that an event may be late and still find all its windows reach.
    recall
        Vectors kept to answer repeated events with.
    """

    def __init__(
        self,
        feature_set: FeatureSet,
        *,
        subject: str | None,
        path: Path | None,
        lateness: int = LATENESS,
        recall: int = 100_000,
    ) -> None:
        self.feature_set = feature_set
        self._subject = subject
        self._path = path
        self._lateness = lateness
        self._recall = recall
        _compile(feature_set)
        self.clear()

    @property
    def latest(self) -> int:
        """Latest ingest time taken."""
        return self.engine.latest

    def clear(self) -> None:
        """Forget everything."""
        self.engine = OnlineEngine(self.feature_set, recall=self._recall, room=ROOM)
        self._subjects: set[Any] = set()
        self._newest = self.engine.latest
        self._looked = 0

    def take(self, events: Sequence[Event]) -> Reading:
        """Take events in; their ingest times are raised where they fall."""
        events = self._in_order(events)
        new, ids = [], set()
        for event in events:
            new.append(event.event_id not in self.engine and event.event_id not in ids)
            ids.add(event.event_id)
        vectors = self.engine.take(events)
        known = [True] * len(events)
        if self._subject is not None:
            seen = self._subjects
            for i, event in enumerate(events):
                who = event.values.get(self._subject)
                known[i] = who in seen
                if who is not None:
                    seen.add(who)
        self._newest = max([self._newest, *[event.event_time for event in events]])
        if self.engine.events >= self._looked + STRIDE:
            self._forget()
        ingest = np.array([event.ingest_time for event in events], dtype=np.int64)
        return Reading(vectors, np.array(known, dtype=bool), ingest, np.array(new, dtype=bool))

    def peek(self, event: Event) -> Reading:
        """What an event would read now."""
        (event,) = self._in_order((event,))
        known = self._subject is None or event.values.get(self._subject) in self._subjects
        vectors = self.engine.peek(event)[None, :]
        ingest = np.array([event.ingest_time], dtype=np.int64)
        return Reading(vectors, np.array([known]), ingest, np.array([False]))

    def tell(self, labels: Iterable[Label]) -> None:
        """Tell verdicts as they stand in the ledger."""
        for each in labels:
            self.engine.label(each)

    def replay(self, entries: Iterable[Entry], promised: Sequence[Event] = ()) -> int:
        """Take in what entries hold, and events that are to be written; how many entries."""
        without = {event.event_id for event in promised}
        waiting: list[Event] = []
        count = 0
        with _no_collection():
            for entry in entries:
                count += 1
                record = _DECODER.decode(entry.body)
                if isinstance(record, _Event):
                    if record.event_id not in without:
                        # It has all that the engine reads of an event.
                        waiting.append(cast("Event", record))
                        if len(waiting) >= CHUNK + HELD:
                            waiting = self._replay_first(waiting, CHUNK)
                elif isinstance(record, _Label):
                    self.engine.label(cast("Label", record))
            self._replay_first([*waiting, *promised], len(waiting) + len(promised))
        return count

    def lacks(self, entries: Iterable[Entry]) -> bool:
        """Whether entries hold an event that was not taken."""
        records = (_DECODER.decode(entry.body) for entry in entries)
        return any(
            isinstance(each, _Event) and each.event_id not in self.engine for each in records
        )

    def _replay_first(self, waiting: list[Event], count: int) -> list[Event]:
        waiting.sort(key=attrgetter("ingest_time"))
        new = [event for event in waiting[:count] if event.event_id not in self.engine]
        if new:
            self.take(new)
        return waiting[count:]

    def save(self, ledger: Ledger, position: int) -> None:
        """Write a snapshot that holds all entries up to a position, and none that can go away."""
        if self._path is not None:
            note = {
                "position": position,
                "digest": _digest_at(ledger, position),
                "subjects": list(self._subjects),
                "newest": self._newest,
            }
            self.engine.snapshot(self._path, note=note)

    def load(self, ledger: Ledger) -> int:
        """Start from the snapshot, if it fits; position up to which it holds all entries."""
        self.clear()
        if self._path is None or not self._path.exists():
            return 0
        try:
            engine = OnlineEngine.restore(
                self.feature_set, self._path, recall=self._recall, room=ROOM
            )
        except StateError:
            # Damaged, or of other features: the ledger has everything.
            return 0
        position = int(engine.note["position"])
        if position > ledger.head().position:
            return 0
        digest = _digest_at(ledger, position)
        # An entry that was moved out of the ledger cannot be compared any more.
        if digest is not None and digest != engine.note["digest"]:
            return 0
        self.engine = engine
        self._subjects = set(engine.note["subjects"])
        self._newest = engine.note["newest"]
        self._looked = engine.events
        return position

    def _in_order(self, events: Sequence[Event]) -> Sequence[Event]:
        latest = self.latest
        for event in events:
            if event.ingest_time < latest:
                break
            latest = event.ingest_time
        else:
            return events
        latest = self.latest
        raised = []
        for event in events:
            latest = max(latest, event.ingest_time)
            raised.append(Event(event.event_id, event.event_time, latest, event.values))
        return raised

    def _forget(self) -> None:
        """Look over a part of the state for what no event on time can read.

        An event dated into the future must not make all others late, nor a clock that runs
        while old events are sent again: the floor is behind both times.
        """
        since = self.engine.events - self._looked
        self._looked = self.engine.events
        floor = min(self.latest, self._newest) - self._lateness
        self.engine.compact(before=floor, entries=self.engine.entries * since // PASS)


@contextmanager
def _no_collection() -> Iterator[None]:
    """No search for cycles while many thousand records come and go, of which none has any."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _compile(feature_set: FeatureSet) -> None:
    """Have everything compiled, so that no request waits for it."""
    engine = OnlineEngine(feature_set, recall=1, room=1)
    for number in range(2):
        event = Event(number, number, number, {})
        engine.peek(event)
        engine.take((event,))
    engine.compact(before=0, entries=1)


def _digest_at(ledger: Ledger, position: int) -> str | None:
    entry = next(iter(ledger.entries(after=position - 1, until=position)), None)
    return None if entry is None else entry.digest.hex()
