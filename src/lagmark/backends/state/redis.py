"""Feature state of several workers, held in one order by a Redis server."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from lagmark.backends.state.fold import LATENESS, Fold
from lagmark.errors import StateError
from lagmark.ports.feature_state import Reading
from lagmark.schema.events import Event, Label

if TYPE_CHECKING:
    from lagmark.features.feature_set import FeatureSet
    from lagmark.ports.ledger import Ledger
    from lagmark.schema.contract import Contract

__all__ = ["RedisState"]

KEPT = 100_000
"""Entries that the log holds; a worker that was silent for longer begins again."""

MOST = 10_000
"""Entries answered at once."""

PATIENCE = 5
"""Seconds after which a worker that holds promises and does nothing counts as dead."""

_LABEL = b"\xc1"
"""What the name of a promised label begins with; its place in the log follows."""

EXPIRY = 24 * 3600 * 1000
"""Milliseconds until the log of a contract that nobody uses goes away."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class RedisState:
    """Feature state that several workers share: each folds the same log by the same kernel.

    The server orders events and labels, and hands each worker what the others put in; the worker
    computes, so that its vectors are those of a single process, whatever a feature reads.

    Parameters
    ----------
    feature_set
        What to compute.
    subject
        Field of the customer or card, ``None`` if the domain has none.
    url
        Address of the server: ``redis://host:port/db``, ``rediss://`` or ``unix://path``.
    folder
        Where the snapshot is kept; ``None`` keeps none.
    lateness
        Microseconds that an event may be late and still find all that its windows reach.
    recall
        Vectors kept to answer repeated events with.
    timeout
        Seconds that one answer of the server may take.
    patience
        Seconds after which the promises of a silent worker are looked up in the ledger.
    kept
        Entries that the server's log holds at least.
    """

    def __init__(
        self,
        feature_set: FeatureSet,
        *,
        subject: str | None,
        url: str,
        folder: Path | None = None,
        lateness: int = LATENESS,
        recall: int = 100_000,
        timeout: float = 2.0,
        patience: int = PATIENCE,
        kept: int = KEPT,
    ) -> None:
        path = None if folder is None else folder / "features.snapshot"
        self._fold = Fold(feature_set, subject=subject, path=path, lateness=lateness, recall=recall)
        self._fields = [field.name for field in feature_set.fields]
        tag = f"lagmark:{{{feature_set.contract.hash[:12]}}}"
        self._keys = [f"{tag}:{name}" for name in ("log", "ids", "pending", "workers", "meta")]
        self._patience = patience
        self._kept = kept
        self._worker = _name()
        # One connection for the thread that takes, one for that which writes, and no silent second
        # try: what a lost answer did must not be guessed.
        self._client, self._writer = (
            redis.Redis.from_url(
                url,
                single_connection_client=True,
                retry=Retry(NoBackoff(), 0),
                socket_timeout=timeout,
                socket_connect_timeout=timeout,
            )
            for _ in range(2)
        )
        folder_of_scripts = resources.files("lagmark.backends.state") / "scripts"
        self._append, self._join, self._settle, self._confirm, self._writable = (
            self._client.register_script((folder_of_scripts / f"{name}.lua").read_text())
            for name in ("append", "join", "settle", "confirm", "writable")
        )
        self._ledger: Ledger | None = None
        self._run = ""
        self._lost = True
        self._generation = b""
        self._seen = 0
        self._tailed = 0
        self._overdue = False
        self._young = True

    @property
    def contract(self) -> Contract:
        """Features it computes."""
        return self._fold.feature_set.contract

    @property
    def latest(self) -> int:
        """Latest ingest time seen."""
        return self._fold.latest

    def take(self, events: Sequence[Event]) -> Reading:
        """Take events in and read their features."""
        written = self._written()
        items: list[Any] = []
        latest = self.latest
        for event in events:
            latest = max(latest, event.ingest_time)
            known = event.event_id in self._fold.engine
            content = b"" if known else self._content(event)
            items += ["q" if known else "e", _encode(event.event_id), latest, content]
        stamps, others = self._exchange(items)
        own = [
            Event(event.event_id, event.event_time, int(stamp or event.ingest_time), event.values)
            for event, stamp in zip(events, stamps, strict=True)
        ]
        if others and "q" in items[::4]:
            # A repeat may be refused; what the others put in must be taken all the same.
            self._fold.take(others)
            others = []
        reading = self._fold.take([*others, *own])
        self._refuse_gap(written)
        first = len(others)
        ingest = np.array([event.ingest_time for event in own], dtype=np.int64)
        return Reading(reading.vectors[first:], reading.known[first:], ingest, reading.new[first:])

    def peek(self, event: Event) -> Reading:
        """What an event would read now."""
        self._sync()
        return self._fold.peek(event)

    def label(self, labels: Sequence[Label]) -> list[Label]:
        """Tell verdicts, and answer them as they were taken."""
        items: list[Any] = []
        for each in labels:
            content = _encode((each.event_id, each.fraud, each.source))
            items += ["l", b"", max(each.known_at, self.latest + 1), content]
        stamps, others = self._exchange(items)
        self._fold.take(others)
        told = [
            Label(each.event_id, int(stamp), each.fraud, each.source)
            for each, stamp in zip(labels, stamps, strict=True)
        ]
        self._fold.tell(told)
        return told

    @property
    def place(self) -> int:
        """Place in the log up to which this state has taken it."""
        return self._seen

    def writable(self) -> int:
        """Place up to which all that other workers took and told stands in the ledger."""
        try:
            found = self._writable(self._keys, [self._generation, self._worker], self._writer)
        except redis.RedisError as problem:
            self._writer.connection_pool.disconnect()
            raise _away(problem) from problem
        if found < 0:
            raise _stale()
        return int(found)

    def confirm(self, place: int) -> None:
        """Say that all that was taken and told up to a place stands in the ledger.

        If the server cannot be told, :meth:`recover` finds out from the ledger.
        """
        try:
            self._confirm(self._keys, [self._generation, self._worker, place], self._writer)
        except redis.RedisError:
            self._writer.connection_pool.disconnect()

    def recover(self, ledger: Ledger) -> int:
        """Make the state that of what the ledger holds and other workers are about to write."""
        self._ledger = ledger
        with self._reaching(anew=True):
            self._clear_promises(ledger, own=True)
            self._generation, self._seen, _ = self._enter()
            # What the ledger has by now stands in the log, or left it before: read in this order,
            # nothing is missed and the log follows on the ledger.
            head = ledger.head().position
            events: list[Event] = []
            labels: list[Label] = []
            while True:
                reply = self._call([])
                _sort(reply[1], events, labels)
                if reply[0] == b"ok":
                    break
            position = self._fold.load(ledger)
            self._fold.tell(labels)
            count = self._fold.replay(ledger.entries(after=position, until=head), events)
        self._tailed = head
        self._overdue = False
        self._young = True
        return count

    def checkpoint(self) -> bool:
        """Write a snapshot, unless something in the log does not stand in the ledger."""
        if self._ledger is None:
            raise StateError("the state has no ledger yet", hint="recover it from one first")
        head = self._ledger.head().position
        self._sync()
        with self._reaching():
            if self._enter()[2]:
                return False
        self._fold.save(self._ledger, head)
        return True

    def close(self) -> None:
        """Release memory and the connection."""
        self._client.close()
        self._writer.close()
        self._fold.clear()

    def _content(self, event: Event) -> bytes:
        values = event.values
        kept = {name: values[name] for name in self._fields if values.get(name) is not None}
        return _encode((event.event_id, event.event_time, kept))

    def _sync(self) -> None:
        self._fold.take(self._exchange([])[1])

    def _exchange(self, items: list[Any]) -> tuple[list[bytes], list[Event]]:
        """Put items in the log; their instants, and events of others."""
        if self._ledger is None:
            raise StateError("the state is not ready", hint="recover it from the ledger first")
        with self._reaching():
            if self._overdue:
                self._clear_promises(self._ledger)
            while True:
                events: list[Event] = []
                labels: list[Label] = []
                reply = self._call(items)
                _sort(reply[1], events, labels)
                self._fold.tell(labels)
                if reply[0] == b"ok":
                    break
                self._fold.take(events)
        self._overdue, self._young = bool(reply[4]), reply[5] < self._patience
        return reply[3], events

    def _call(self, items: list[Any]) -> Any:
        """One round trip; moves on to the last entry that it answers."""
        about: list[Any] = [self._generation, self._worker, self._seen]
        about += [MOST, self._kept, self._patience]
        reply = self._append(self._keys, [*about, EXPIRY, *items])
        if reply[0] == b"stale":
            raise _stale()
        self._seen = reply[2] if reply[0] == b"ok" else int(reply[1][-1][0].split(b"-")[0])
        return reply

    def _enter(self) -> tuple[bytes, int, list[Any]]:
        """Generation of the log, its first entry, and promises as [id, worker, seconds]."""
        generation, base, promised = self._join(self._keys, [self._run, _name()])
        return generation, int(base), promised

    def _clear_promises(self, ledger: Ledger, *, own: bool = False) -> None:
        """End promises of dead workers, and its own if need be: they are written, or never are.

        If some never are, the log is a new generation, and whoever folded them begins again.
        """
        doubtful = [
            promise
            for promise, worker, idle in self._enter()[2]
            if (own if worker.decode() == self._worker else idle > self._patience)
        ]
        events = {each: _decode(each) for each in doubtful if not each.startswith(_LABEL)}
        decided = ledger.decisions_on(list(events.values()))
        written = [each for each, event_id in events.items() if event_id in decided]
        labels = [each for each in doubtful if each.startswith(_LABEL)]
        written += [each for each in labels if self._stands(int(each[1:]), ledger)]
        for generation, ids in (("", written), (_name(), set(doubtful) - set(written))):
            if ids:
                self._settle(self._keys, [generation, *ids])

    def _stands(self, place: int, ledger: Ledger) -> bool:
        """Whether the label at a place of the log stands in the ledger."""
        entries: Any = self._client.xrange(self._keys[0], f"{place}-0", f"{place}-0")
        if not entries:
            return False
        ((_, entry),) = entries
        event_id, fraud, source = _decode(entry[b"p"])
        return any(
            (each.known_at, each.fraud, each.source) == (int(entry[b"s"]), fraud, source)
            for each in ledger.labels(event_id)
        )

    def _written(self) -> int:
        """How far the ledger is, where the log is so young that events may miss from it."""
        return self._ledger.head().position if self._young and self._ledger else self._tailed

    def _refuse_gap(self, written: int) -> None:
        """Look for events that were written without this log having had them.

        A server that lost its memory forgets what workers were about to write; until they have,
        the ledger may get events that a worker which began again has not seen.

        Parameters
        ----------
        written
            How far the ledger was before the log was read: what stood there by then, the log
            gave, if it had it. What others wrote since, they may have put in later.
        """
        if written > self._tailed:
            assert self._ledger is not None
            if self._fold.lacks(self._ledger.entries(after=self._tailed, until=written)):
                raise _stale()
            self._tailed = written

    @contextmanager
    def _reaching(self, *, anew: bool = False) -> Iterator[None]:
        """Calls of the server, whose failures are a ``StateError``."""
        try:
            if self._lost or anew:
                # Another run of the server may have lost the end of the log.
                run = self._client.info("server")["run_id"]
                if not anew and run != self._run:
                    raise _stale()
                self._run, self._lost = run, False
            yield
        except redis.RedisError as problem:
            self._lost = True
            self._client.connection_pool.disconnect()
            raise _away(problem) from problem


def _name() -> str:
    return uuid.uuid4().hex[:16]


def _away(problem: Exception) -> StateError:
    return StateError(
        f"the shared state does not answer ({problem})",
        where="redis",
        hint="it is read anew as soon as the server answers",
    )


def _stale() -> StateError:
    return StateError(
        "the shared state was made anew", where="redis", hint="recover the state from the ledger"
    )


def _sort(entries: Any, events: list[Event], labels: list[Label]) -> None:
    """Events and labels of entries of the log."""
    for _, (_, kind, _, _, _, stamp, _, content) in entries:
        if kind == b"e":
            event_id, event_time, values = _decode(content)
            events.append(Event(event_id, event_time, int(stamp), values))
        else:
            event_id, fraud, source = _decode(content)
            labels.append(Label(event_id, int(stamp), fraud, source))
