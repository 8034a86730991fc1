"""Features event by event: the second of the two drivers, with state that can be kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.errors import DataError, DuplicateEventError, StateError
from lagmark.features.encode import Encoder
from lagmark.features.journal import Journal
from lagmark.features.kernel import layout as at
from lagmark.features.logs import Logs
from lagmark.features.plan import compile_plan
from lagmark.features.recall import Recall
from lagmark.features.snapshot import Snapshot, load_snapshot, save_snapshot
from lagmark.features.waiting import WaitingLabels

if TYPE_CHECKING:
    from lagmark.features.backfill import Progress
    from lagmark.features.feature_set import FeatureSet
    from lagmark.schema.events import Event, EventBatch, Label

__all__ = ["OnlineEngine"]


class OnlineEngine:
    """Feature state in memory, updated and read one event at a time.

    Events must come in arrival order, that is with ingest times that do not go back; their
    event times may be late by any amount.

    Parameters
    ----------
    feature_set
        What to compute.
    recall
        How many of the latest vectors are kept to answer repeated events with.
    room
        Events that memory is laid out for, so that none of them waits for it to grow.
    """

    def __init__(
        self, feature_set: FeatureSet, *, recall: int = 100_000, room: int = 1 << 10
    ) -> None:
        self.feature_set = feature_set
        self._plan = compile_plan(feature_set)
        self._encoder = Encoder(self._plan)
        self._recall = Recall(recall, self._plan.size)
        self.note: Mapping[str, Any] = {}
        self._logs = Logs(self._plan, room)
        self._journal = Journal(self._encoder.width, room)
        self._waiting = WaitingLabels()
        # Labels that came before their events: rows of (known_at, fraud) by event.
        self._early: dict[int | str, list[tuple[int, bool]]] = {}
        self._latest = at.NULL
        self._floor = at.NULL

    @property
    def events(self) -> int:
        """Number of different events processed."""
        return self._journal.taken

    @property
    def latest(self) -> int:
        """Latest ingest time, microseconds since 1970 UTC; a very small number at first."""
        return self._latest

    @property
    def state_bytes(self) -> int:
        """Bytes of feature state in use."""
        return self._logs.used

    @property
    def entries(self) -> int:
        """Entries that the index has room for, which :meth:`compact` goes through."""
        return self._logs.entries

    def __contains__(self, event_id: object) -> bool:
        """Whether an event was taken and is not forgotten."""
        return event_id in self._journal.numbers

    def process(self, event: Event) -> Any:
        """Take an event in and return its vector, shape (features,), float64.

        Errors and repeats as for :meth:`take`.
        """
        return self.take((event,))[0]

    def take(self, events: Sequence[Event]) -> Any:
        """Take events in, in order, and return their vectors, shape (events, features), float64.

        A repeated event_id returns the first vector and changes nothing.

        Raises
        ------
        StateError
            If an event arrives before one already taken, or is older than the floor; nothing is
            taken then.
        DuplicateEventError
            If one is repeated and its vector is no longer in memory; nothing is taken then.
        """
        known = self._journal.numbers
        new = {e.event_id: e for e in reversed(events) if e.event_id not in known}
        if len(new) == len(events):
            return self._take_new(events)
        for event in events:
            if event.event_id in known:
                self._answer_again(event.event_id)
        self._take_new([e for e in events if new.pop(e.event_id, None) is not None])
        return np.array([self._answer_again(e.event_id) for e in events])

    def _take_new(self, events: Sequence[Event]) -> Any:
        if not events:
            return np.empty((0, self._plan.size))
        ingest = np.array([e.ingest_time for e in events])
        self._admit(min([e.event_time for e in events]), ingest)
        x = self._journal.make_room(len(events))
        self._encoder.events(events, self.events, x)
        return self._compute(x, [e.event_id for e in events], ingest)

    def process_batch(self, batch: EventBatch, *, progress: Progress | None = None) -> Any:
        """Take all events of a batch in, in order, and return shape (events, features).

        Its labels are taken in as their time comes; those known after its last event wait for
        later events.

        Raises
        ------
        StateError
            As for :meth:`process`; nothing of the batch is taken then.
        DataError
            If an event is repeated: a batch has each event once.
        """
        n = len(batch)
        ids = batch.events["event_id"].to_list()
        known = self._journal.numbers
        if not known.keys().isdisjoint(ids) or len(set(ids)) != n:
            repeated = next((i for i in ids if i in known), None)
            raise DataError(
                f"the batch repeats event {repeated!r}"
                if repeated is not None
                else "the batch has an event twice",
                hint="read it through a source, which sets repeated events aside",
            )
        if n == 0:
            return np.empty((0, self._plan.size))
        ingest = batch.events["ingest_time"].to_numpy()
        self._admit(int(batch.events["event_time"].to_numpy().min()), ingest)
        first = self.events
        x = self._journal.make_room(n)
        self._encoder.rows(batch.events, first, x)
        if self._plan.labelled:
            self._waiting.add_all(
                batch.labels["known_at"].to_numpy(),
                batch.labels["row"].to_numpy() + first,
                batch.labels["fraud"].to_numpy().astype(np.int64),
            )
        return self._compute(x, ids, ingest, progress)

    def label(self, label: Label) -> None:
        """Take a label in; events that arrive at or after ``known_at`` see it.

        The label of an event still to come waits for it. Of several labels of one event that with
        the latest ``known_at`` counts, of equally late ones the one told last.
        """
        if not self._plan.labelled:
            return
        seq = self._journal.numbers.get(label.event_id)
        if seq is None:
            self._early.setdefault(label.event_id, []).append((label.known_at, label.fraud))
        else:
            self._waiting.add(label.known_at, seq, label.fraud)

    def peek(self, event: Event) -> Any:
        """Vector that an event would get now, shape (features,); nothing changes."""
        undo = self._look_ahead(event.ingest_time)
        x = np.empty(self._encoder.width, dtype=np.int64)
        self._encoder.row(event, self.events, x)
        out = np.empty(self._plan.width)
        self._logs.look(x, out)
        for target, change in reversed(undo):
            self._tell(target, -change)
        return out[: self._plan.size]

    def compact(self, *, before: int, entries: int | None = None) -> int:
        """Forget what no event at or after ``before`` can read, and return the rows dropped.

        A whole pass refuses events older than ``before`` from then on. A pass in parts does not:
        such an event then reads what is left of its windows.

        Parameters
        ----------
        before
            The new floor, microseconds since 1970 UTC.
        entries
            Entries of the index to look at, from where the last call ended; all when ``None``.
        """
        if entries is None:
            self._floor = max(self._floor, before)
        dropped, whole = self._logs.compact(before, entries)
        if whole:
            self._early = {
                event_id: labels
                for event_id, labels in self._early.items()
                if any(known_at >= before for known_at, _ in labels)
            }
            reach = self.feature_set.label_reach
            if reach is not None:
                self._journal.forget(before - reach)
        return dropped

    def snapshot(self, path: Path, *, note: Mapping[str, Any] | None = None) -> None:
        """Write the whole state to a file, atomically, with a note of JSON values."""
        journal, n = self._journal, self._journal.kept
        mem, index = self._logs.arrays()
        save_snapshot(
            path,
            Snapshot(
                contract=self.feature_set.contract.hash,
                mem=mem,
                index=index,
                journal=journal.rows[:n],
                verdicts=journal.verdicts[:n],
                told=journal.told[:n],
                event_ids=journal.event_ids(),
                taken=journal.taken,
                texts=self._encoder.texts,
                waiting=self._waiting.rows(),
                early=[[i, *label] for i, labels in self._early.items() for label in labels],
                latest=self._latest,
                floor=self._floor,
                answers=self._recall.rows(),
                note=dict(note or {}),
            ),
        )

    @classmethod
    def restore(
        cls, feature_set: FeatureSet, path: Path, *, recall: int = 100_000, room: int = 1 << 10
    ) -> OnlineEngine:
        """Engine as it was when a snapshot was written; ``note`` is what was noted then.

        Raises
        ------
        StateError
            If the file is no snapshot, is damaged, or was written for other features.
        """
        saved = load_snapshot(path, feature_set.contract.hash)
        engine = cls(feature_set, recall=recall, room=room)
        engine._logs.restore(saved.mem, saved.index)
        engine._journal.restore(
            saved.journal, saved.verdicts, saved.told, saved.event_ids, saved.taken
        )
        engine._encoder.texts = saved.texts
        engine._waiting.add_all(*saved.waiting.T)
        for event_id, known_at, fraud in saved.early:
            engine._early.setdefault(event_id, []).append((known_at, fraud))
        engine._latest = saved.latest
        engine._floor = saved.floor
        engine.note = saved.note
        engine._recall.restore(saved.answers, saved.taken)
        return engine

    def _admit(self, event_time: int, ingest: Any) -> None:
        if ingest[0] < self._latest:
            raise StateError(
                f"event arrives at {ingest[0]}, before {self._latest}",
                hint="events come in the order of their ingest_time",
            )
        if ingest.size > 1 and (ingest[1:] < ingest[:-1]).any():
            raise StateError("the batch is not in arrival order", hint="sort it by ingest_time")
        if event_time < self._floor:
            raise StateError(
                f"event of {event_time} is older than the floor {self._floor}",
                hint="the state was compacted; rebuild it from the ledger to take it in",
            )

    def _answer_again(self, event_id: int | str) -> Any:
        vector = self._recall.get(self._journal.numbers[event_id])
        if vector is None:
            raise DuplicateEventError(
                f"event {event_id!r} was processed before",
                hint="its first answer is in the ledger; recall= keeps more in memory",
            )
        return vector

    def _compute(
        self,
        x: Any,
        event_ids: list[int | str],
        ingest: Any,
        progress: Progress | None = None,
    ) -> Any:
        """Vectors of new events whose rows stand in the journal, and the state after them."""
        first = self.events
        if self._early and not self._early.keys().isdisjoint(event_ids):
            for seq, event_id in enumerate(event_ids, first):
                for known_at, fraud in self._early.pop(event_id, ()):
                    self._waiting.add(known_at, seq, fraud)
        labels = self._schedule(first, ingest)
        out = np.empty((len(event_ids), self._plan.width))
        self._logs.run(x, labels, self._journal, out, progress)
        self._latest = int(ingest[-1])
        self._journal.add(event_ids)
        matrix = out[:, : self._plan.size]
        self._recall.add(matrix)
        return matrix

    def _schedule(self, first: int, ingest: Any) -> tuple[Any, Any, Any]:
        """Labels in the order of their time, with the event before which each is applied."""
        known, targets, frauds = self._waiting.take(int(ingest[-1]))
        if not known.size:
            return _NONE, _NONE, _NONE
        # A label cannot be seen before its own event.
        slots = np.maximum(np.searchsorted(ingest, known, side="left"), targets - first + 1)
        order = np.argsort(slots, kind="stable")
        later = order[slots[order] >= ingest.size]
        self._waiting.add_all(known[later], targets[later], frauds[later])
        order = order[: order.size - later.size]
        places = self._journal.places(targets[order], more=ingest.size)
        # Told again, or after a later word, a label says nothing new; forgotten events are past.
        news = (places >= 0) & (known[order] >= self._journal.told[places])
        order, places = order[news], places[news]
        self._journal.told[places] = known[order]
        return slots[order], places, frauds[order]

    def _look_ahead(self, instant: int) -> list[tuple[int, int]]:
        """Apply waiting labels that an event at an instant would see, and say how to undo it."""
        done = []
        known, targets, frauds = self._waiting.due(instant)
        places = self._journal.places(targets)
        news = (places >= 0) & (known >= self._journal.told[places])
        for place, fraud in zip(places[news].tolist(), frauds[news].tolist(), strict=True):
            change = fraud - int(self._journal.verdicts[place])
            if change:
                self._tell(place, change)
                done.append((place, change))
        return done

    def _tell(self, place: int, change: int) -> None:
        self._journal.verdicts[place] += change
        self._logs.tell(self._journal.rows[place], change)


_NONE = np.empty(0, dtype=np.int64)
