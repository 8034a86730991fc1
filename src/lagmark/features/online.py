"""Features event by event: the second of the two drivers, with state that can be kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.errors import DataError, DuplicateEventError, StateError
from lagmark.features.encode import Encoder
from lagmark.features.kernel import layout as at
from lagmark.features.kernel import online_driver as driver
from lagmark.features.kernel.compact import compact_logs
from lagmark.features.kernel.index import grow_index, new_index
from lagmark.features.kernel.memory import new_memory
from lagmark.features.plan import compile_plan
from lagmark.features.snapshot import Snapshot, load_snapshot, save_snapshot
from lagmark.features.waiting import WaitingLabels

if TYPE_CHECKING:
    from lagmark.features.backfill import Progress
    from lagmark.features.feature_set import FeatureSet
    from lagmark.schema.events import Event, EventBatch, Label

__all__ = ["OnlineEngine"]

CHUNK = 50_000
"""Events between two reports of progress."""


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
    """

    def __init__(self, feature_set: FeatureSet, *, recall: int = 100_000) -> None:
        self.feature_set = feature_set
        self._plan = compile_plan(feature_set)
        self._encoder = Encoder(self._plan)
        self._recall = recall
        self._recalled_from = 0
        # Pages of memory cost nothing until they are touched.
        self._answers = np.empty((max(recall, 1), self._plan.size))
        self._sequence: dict[int | str, int] = {}
        self._mem = new_memory(1 << 16)
        self._index = new_index(1 << 10)
        self._journal = np.empty((1 << 10, self._encoder.width), dtype=np.int64)
        self._verdicts = np.zeros(1 << 10, dtype=np.int64)
        self._waiting = WaitingLabels()
        self._latest = at.NULL
        self._floor = at.NULL
        self._heads = np.zeros((driver.AHEAD, self._plan.tables.shape[0]), dtype=np.int64)
        self._work = np.empty(at.MAX_ROWS, dtype=np.int64)
        self._tables = (
            self._plan.tables,
            self._plan.columns,
            self._plan.windows,
            self._plan.reads,
            self._plan.params,
            self._plan.clauses,
            self._plan.plain,
            self._plan.scales,
        )

    @property
    def events(self) -> int:
        """Number of different events processed."""
        return len(self._sequence)

    @property
    def state_bytes(self) -> int:
        """Bytes of feature state in use."""
        return int(self._mem[at.BUMP]) * 8 + self._index.nbytes

    def process(self, event: Event) -> Any:
        """Take an event in and return its vector, shape (features,), float64.

        A repeated event_id returns the first vector and changes nothing.

        Raises
        ------
        StateError
            If the event arrives before one already taken, or is older than the floor.
        DuplicateEventError
            If it is repeated and its vector is no longer in memory.
        """
        seq = self._sequence.get(event.event_id)
        if seq is not None:
            return self._answer_again(event.event_id, seq)
        self._admit(event.event_time, event.ingest_time)
        seq = self.events
        self._room_for(seq + 1)
        x = self._journal[seq : seq + 1]
        self._encoder.row(event, seq, x[0])
        out = np.empty((1, self._plan.width))
        slots, targets, frauds = self._due(event.ingest_time)
        self._run(x, slots, targets, frauds, out)
        self._latest = event.ingest_time
        self._sequence[event.event_id] = seq
        vector = out[0, : self._plan.size]
        self._answers[seq % self._answers.shape[0]] = vector
        return vector

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
        if not self._sequence.keys().isdisjoint(ids) or len(set(ids)) != n:
            repeated = next((i for i in ids if i in self._sequence), None)
            raise DataError(
                f"the batch repeats event {repeated!r}"
                if repeated is not None
                else "the batch has an event twice",
                hint="read it through a source, which sets repeated events aside",
            )
        if n == 0:
            return np.empty((0, self._plan.size))
        times = batch.events["event_time"].to_numpy()
        ingest = batch.events["ingest_time"].to_numpy()
        self._admit(int(times.min()), int(ingest[0]))
        if (np.diff(ingest) < 0).any():
            raise StateError("the batch is not in arrival order", hint="sort it by ingest_time")
        first = self.events
        self._room_for(first + n)
        x = self._journal[first : first + n]
        self._encoder.rows(batch.events, first, x)
        slots, targets, frauds = self._schedule(batch, first, ingest)
        out = np.empty((n, self._plan.width))
        self._run(x, slots, targets, frauds, out, progress)
        self._latest = int(ingest[-1])
        self._sequence.update(zip(ids, range(first, first + n), strict=True))
        matrix = out[:, : self._plan.size]
        self._remember(matrix, first)
        return matrix

    def label(self, label: Label) -> None:
        """Take a label in; events that arrive at or after ``known_at`` see it.

        Raises
        ------
        DataError
            If its event is unknown, or it speaks of a time before the latest event.
        """
        seq = self._sequence.get(label.event_id)
        if seq is None:
            raise DataError(
                f"label for unknown event {label.event_id!r}", hint="send the event first"
            )
        if self._plan.labelled:
            self._waiting.add(label.known_at, seq, label.fraud)

    def peek(self, event: Event) -> Any:
        """Vector that an event would get now, shape (features,); nothing changes."""
        undo = self._look_ahead(event.ingest_time)
        x = np.empty(self._encoder.width, dtype=np.int64)
        self._encoder.row(event, self.events, x)
        out = np.empty(self._plan.width)
        while driver.look(self._mem, self._index, *self._tables, x, out, self._work) != driver.OK:
            self._grow_memory()
        for target, change in reversed(undo):
            self._tell(target, -change)
        return out[: self._plan.size]

    def compact(self, *, before: int) -> int:
        """Forget what no event at or after ``before`` can read, and return the rows dropped.

        Events older than ``before`` are refused from then on.

        Parameters
        ----------
        before
            The new floor, microseconds since 1970 UTC.
        """
        self._floor = max(self._floor, before)
        return int(
            compact_logs(self._mem, self._index, self._plan.tables, self._plan.columns, before)
        )

    def snapshot(self, path: Path) -> None:
        """Write the whole state to a file, atomically."""
        used = int(self._mem[at.BUMP])
        n = self.events
        save_snapshot(
            path,
            Snapshot(
                contract=self.feature_set.contract.hash,
                mem=self._mem[:used],
                index=self._index,
                journal=self._journal[:n],
                verdicts=self._verdicts[:n],
                event_ids=list(self._sequence),
                texts=self._encoder.texts,
                waiting=self._waiting.rows(),
                latest=self._latest,
                floor=self._floor,
                answers=self._answers[np.arange(max(0, n - self._recall), n) % self._recall]
                if self._recall
                else self._answers[:0],
            ),
        )

    @classmethod
    def restore(cls, feature_set: FeatureSet, path: Path, *, recall: int = 100_000) -> OnlineEngine:
        """Engine as it was when a snapshot was written.

        Raises
        ------
        StateError
            If the file is no snapshot, is damaged, or was written for other features.
        """
        saved = load_snapshot(path, feature_set.contract.hash)
        engine = cls(feature_set, recall=recall)
        engine._mem = new_memory(2 * saved.mem.size)
        engine._mem[: saved.mem.size] = saved.mem
        engine._index = saved.index
        n = len(saved.event_ids)
        engine._room_for(n)
        engine._journal[:n] = saved.journal
        engine._verdicts[:n] = saved.verdicts
        engine._sequence = {event_id: seq for seq, event_id in enumerate(saved.event_ids)}
        engine._encoder.texts = saved.texts
        engine._waiting.add_all(*saved.waiting.T)
        engine._latest = saved.latest
        engine._floor = saved.floor
        # An engine that recalls more than the saved one did must not take blank rows for answers.
        engine._recalled_from = n - min(len(saved.answers), recall)
        kept = np.arange(engine._recalled_from, n)
        engine._answers[kept % engine._answers.shape[0]] = saved.answers[
            len(saved.answers) - kept.size :
        ]
        return engine

    def _admit(self, event_time: int, ingest_time: int) -> None:
        if ingest_time < self._latest:
            raise StateError(
                f"event arrives at {ingest_time}, before {self._latest}",
                hint="events come in the order of their ingest_time",
            )
        if event_time < self._floor:
            raise StateError(
                f"event of {event_time} is older than the floor {self._floor}",
                hint="the state was compacted; rebuild it from the ledger to take it in",
            )

    def _answer_again(self, event_id: int | str, seq: int) -> Any:
        if seq < max(self._recalled_from, self.events - self._recall):
            raise DuplicateEventError(
                f"event {event_id!r} was processed before",
                hint="its first answer is in the ledger; recall= keeps more in memory",
            )
        return self._answers[seq % self._answers.shape[0]].copy()

    def _remember(self, matrix: Any, first: int) -> None:
        """Keep the vectors of events ``first``, ``first + 1`` and so on in the ring of answers."""
        size = self._answers.shape[0]
        matrix, first = matrix[-size:], first + max(0, len(matrix) - size)
        place = first % size
        before_end = size - place
        self._answers[place : place + len(matrix)] = matrix[:before_end]
        self._answers[: max(0, len(matrix) - before_end)] = matrix[before_end:]

    def _due(self, instant: int) -> tuple[Any, Any, Any]:
        _, targets, frauds = self._waiting.take(instant)
        return np.zeros(targets.size, dtype=np.int64), targets, frauds

    def _schedule(self, batch: EventBatch, first: int, ingest: Any) -> tuple[Any, Any, Any]:
        """Labels in the order of their time, with the event before which each is applied."""
        if not self._plan.labelled:
            return _NONE, _NONE, _NONE
        self._waiting.add_all(
            batch.labels["known_at"].to_numpy(),
            batch.labels["row"].to_numpy() + first,
            batch.labels["fraud"].to_numpy().astype(np.int64),
        )
        known, targets, frauds = self._waiting.take(int(ingest[-1]))
        # A label cannot be seen before its own event.
        slots = np.maximum(np.searchsorted(ingest, known, side="left"), targets - first + 1)
        order = np.argsort(slots, kind="stable")
        later = order[slots[order] >= ingest.size]
        self._waiting.add_all(known[later], targets[later], frauds[later])
        now = order[: order.size - later.size]
        return slots[now], targets[now], frauds[now]

    def _run(
        self,
        x: Any,
        slots: Any,
        targets: Any,
        frauds: Any,
        out: Any,
        progress: Progress | None = None,
    ) -> None:
        i, op, n = 0, 0, x.shape[0]
        while i < n:
            end = min(n, i + CHUNK)
            i, op, status = driver.run(
                self._mem,
                self._index,
                *self._tables,
                x,
                i,
                end,
                slots,
                targets,
                frauds,
                op,
                self._verdicts,
                self._journal,
                out,
                self._heads,
                self._work,
            )
            if status == driver.FULL_MEMORY:
                self._grow_memory()
            elif status == driver.FULL_INDEX:
                larger = new_index(self._index.shape[0])
                grow_index(self._mem, self._index, larger)
                self._index = larger
            elif status == driver.FULL_LOG:
                raise StateError(
                    f"one key value has {at.MAX_ROWS:,} events in its log",
                    hint="compact the state, or give its features a resolution=",
                )
            if progress is not None:
                progress(i, n)

    def _look_ahead(self, instant: int) -> list[tuple[int, int]]:
        """Apply waiting labels that an event at an instant would see, and say how to undo it."""
        done = []
        _, targets, frauds = self._waiting.due(instant)
        for target, fraud in zip(targets.tolist(), frauds.tolist(), strict=True):
            change = fraud - int(self._verdicts[target])
            if change:
                self._tell(target, change)
                done.append((target, change))
        return done

    def _tell(self, target: int, change: int) -> None:
        self._verdicts[target] += change
        driver.label_event(self._mem, self._index, self._plan.tables, self._journal[target], change)

    def _grow_memory(self) -> None:
        larger = new_memory(2 * self._mem.size)
        larger[: self._mem.size] = self._mem
        self._mem = larger

    def _room_for(self, events: int) -> None:
        size = self._journal.shape[0]
        if events > size:
            size = max(events, 2 * size)
            journal = np.empty((size, self._encoder.width), dtype=np.int64)
            verdicts = np.zeros(size, dtype=np.int64)
            journal[: self.events] = self._journal[: self.events]
            verdicts[: self.events] = self._verdicts[: self.events]
            self._journal, self._verdicts = journal, verdicts


_NONE = np.empty(0, dtype=np.int64)
