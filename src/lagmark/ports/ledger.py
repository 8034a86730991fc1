"""Where everything that happened is kept, in the order it happened, and from where it is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

import msgspec

if TYPE_CHECKING:
    from lagmark.schema.records import DecisionRecord, Entry, LabelRecord, Record

__all__ = ["DecisionQuery", "Head", "Ledger", "Page", "Row", "Statistics", "Written"]

Written: TypeAlias = "int | DecisionRecord | None"
"""What became of a record: its position, else the decision that stood first, else nothing."""


class Head(msgspec.Struct, frozen=True):
    """Last entry of a ledger.

    Parameters
    ----------
    position
        Its position, 0 where the ledger is empty.
    digest
        Its digest, 32 zero bytes where the ledger is empty.
    """

    position: int
    digest: bytes


class DecisionQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which decisions are asked for; what is ``None`` does not restrict.

    Parameters
    ----------
    as_of
        Only events with ``ingest_time <= as_of`` and labels with ``known_at <= as_of``,
        microseconds since 1970 UTC.
    since, until
        Half-open range of event times.
    actions
        Actions taken.
    model_version
        Version that decided.
    minimum_score
        Lowest score.
    subject
        Customer or card.
    labelled
        Whether a label is known as of then.
    fraud
        The verdict known as of then; unlabelled events have none.
    flagged
        Whether the action was anything but ``allow``. With ``fraud`` it gives the four cases:
        false positives are ``flagged=True, fraud=False``.
    """

    as_of: int | None = None
    since: int | None = None
    until: int | None = None
    actions: tuple[str, ...] | None = None
    model_version: str | None = None
    minimum_score: int | None = None
    subject: int | str | None = None
    labelled: bool | None = None
    fraud: bool | None = None
    flagged: bool | None = None


class Row(msgspec.Struct, frozen=True):
    """A decision in a list.

    Parameters
    ----------
    position
        Position of its entry.
    event_id, decision_id, event_time, ingest_time, subject, amount
        Of the event; ``amount`` in minor units, 0 where absent.
    score, probability, action, model_version
        Of the decision.
    fraud
        Verdict known as of the query, ``None`` while there is none.
    known_at, source
        Of that verdict.
    """

    position: int
    event_id: int | str
    decision_id: str
    event_time: int
    ingest_time: int
    subject: int | str | None
    amount: int
    score: int
    probability: float
    action: str
    model_version: str
    fraud: bool | None
    known_at: int | None
    source: str | None


class Page(msgspec.Struct, frozen=True):
    """Part of a list, latest entry first.

    Parameters
    ----------
    rows
        Decisions.
    cursor
        What to ask the next part with, ``None`` after the last.
    """

    rows: tuple[Row, ...]
    cursor: int | None


class Statistics(msgspec.Struct, frozen=True):
    """Counts and sums over the decisions of a query.

    Parameters
    ----------
    decisions, amount
        Number, and sum of amounts in minor units.
    by_action
        Number by action.
    labelled, frauds, fraud_amount
        Number with a verdict as of the query, those of them that are fraud, and their amounts.
    true_positives, false_positives, false_negatives, true_negatives
        Labelled decisions by whether they were flagged (any action but ``allow``) and are fraud.
    """

    decisions: int
    amount: int
    by_action: dict[str, int]
    labelled: int
    frauds: int
    fraud_amount: int
    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int


class Ledger(Protocol):
    """Append-only, hash-chained log of records, with indexes to ask it by.

    Ordering: entries have positions 1, 2, 3 … without gap, in the order they were appended, across
    all writers. Repetition: a second decision on an event is not added; ``append`` answers the
    first one. A label message equal in event, ``known_at``, source, verdict and reversal is not
    added either. Absence: an empty ledger has the head ``(0, zeros)``; what is not there is
    ``None`` or empty. Expiry: entries are never changed; :meth:`retain` moves the oldest out once
    they are exported, and the chain goes on from the digest of the last one that was moved.
    Failure: records are on disk, all of them, when ``append`` returns, or none is and it raises
    :class:`~lagmark.errors.LedgerError`; after that it may be called again. A damaged entry is
    found by its digest, never skipped. All methods may be called from several threads; readers
    do not wait for the writer.

    The verdict on an event as of T is that of the latest message with ``known_at <= T``, of equal
    times the one appended last: the rule of :func:`lagmark.labels.latest_word`, for which a
    message that takes an earlier one back is a message with its own verdict.
    """

    def append(self, records: Sequence[Record], *, at: int) -> list[Written]:
        """Make records durable, in order; for each its position.

        For a second decision it is the one that stood first, for a repeated message ``None``.
        """

    def head(self) -> Head:
        """Last entry."""

    def entries(self, after: int = 0, until: int | None = None) -> Iterator[Entry]:
        """Entries with ``after < position <= until``, ascending, as they stood at the call.

        Those that were moved out are among them, as long as their files are there; one that is
        missing raises ``LedgerError``.
        """

    def decision_on(self, event_id: int | str) -> DecisionRecord | None:
        """Decision on an event."""

    def decisions_on(self, event_ids: Sequence[int | str]) -> dict[int | str, DecisionRecord]:
        """Decisions on those of the events that have one."""

    def decision(self, decision_id: str) -> tuple[int, DecisionRecord] | None:
        """Position and record of a decision by its own id."""

    def labels(self, event_id: int | str, *, as_of: int | None = None) -> tuple[LabelRecord, ...]:
        """Messages on an event with ``known_at <= as_of``, in the order they came."""

    def query(self, query: DecisionQuery, *, limit: int, cursor: int | None = None) -> Page:
        """Decisions, latest entry first."""

    def statistics(self, query: DecisionQuery) -> Statistics:
        """Counts and sums."""

    def check_index(self) -> int | None:
        """Position of the first entry of which the indexes say something else, ``None`` if none."""

    def retain(self, *, before: int, folder: str) -> int:
        """Move entries written before an instant to Parquet files by day, and say how many.

        They are exported and checked first, removed after. The oldest entries go, up to the first
        that was written at or after ``before``.
        """

    def close(self) -> None:
        """Release files and connections; further calls raise ``LedgerError``."""
