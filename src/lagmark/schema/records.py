"""What the ledger holds: one record for each thing that happened, in the order it happened."""

from __future__ import annotations

from typing import Any

import msgspec

from lagmark.schema.decision import Decision  # noqa: TC001 -- msgspec reads it when it runs

__all__ = [
    "DecisionRecord",
    "Entry",
    "HumanRecord",
    "LabelRecord",
    "PolicyRecord",
    "Record",
    "body_of",
    "record_of",
]


class DecisionRecord(msgspec.Struct, frozen=True, tag="decision", tag_field="kind"):
    """An event with the decision on it.

    Parameters
    ----------
    event_id, event_time, ingest_time, values
        The event, see :class:`~lagmark.schema.events.Event`.
    vector
        Features as little-endian float64.
    decision
        The decision.
    latency_us
        From the first byte read to the record's being made, microseconds.
    """

    event_id: int | str
    event_time: int
    ingest_time: int
    values: dict[str, int | str | bool | None]
    vector: bytes
    decision: Decision
    latency_us: int


class LabelRecord(msgspec.Struct, frozen=True, tag="label", tag_field="kind"):
    """A label message, see :class:`~lagmark.schema.events.Label`.

    Parameters
    ----------
    event_id
        The event it speaks of; it need not be known.
    known_at
        When it reached us, microseconds since 1970 UTC.
    fraud
        The verdict.
    source
        ``chargeback``, ``analyst``, ``customer`` or another name.
    reversal
        Whether it takes an earlier verdict of the source back.
    confidence
        0 to 1.
    by
        Who sent it: the name of a key.
    """

    event_id: int | str
    known_at: int
    fraud: bool
    source: str
    reversal: bool = False
    confidence: float = 1.0
    by: str = ""


class HumanRecord(msgspec.Struct, frozen=True, tag="human", tag_field="kind"):
    """What a person or their program did, for the audit.

    Parameters
    ----------
    by
        Name of the key or user.
    what
        Short verb: ``promote``, ``rollback``, ``clear``, ``list.add``.
    target
        What it was done to.
    details
        Further JSON values.
    """

    by: str
    what: str
    target: str
    details: dict[str, Any] = msgspec.field(default_factory=dict)


class PolicyRecord(msgspec.Struct, frozen=True, tag="policy", tag_field="kind"):
    """Rules, lists and thresholds that decide from here on.

    Parameters
    ----------
    version
        What decisions name it by: a hash of the content.
    content
        Everything that is needed to decide again.
    """

    version: str
    content: dict[str, Any]


Record = DecisionRecord | LabelRecord | HumanRecord | PolicyRecord


class Entry(msgspec.Struct, frozen=True):
    """A record in its place.

    Parameters
    ----------
    position
        1, 2, 3 and so on without a gap.
    at
        When it was written, microseconds since 1970 UTC; never falls.
    body
        The record as MessagePack, see :func:`body_of`.
    digest
        SHA-256 of the digest before it (32 zero bytes at first), ``position`` and ``at`` as eight
        bytes each, big-endian, and ``body``.
    """

    position: int
    at: int
    body: bytes
    digest: bytes

    @property
    def record(self) -> Record:
        """The record."""
        return record_of(self.body)


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Record)


def body_of(record: Record) -> bytes:
    """Record as MessagePack.

    Examples
    --------
    >>> record_of(body_of(LabelRecord(7, 0, True, "chargeback"))).source
    'chargeback'
    """
    return _ENCODER.encode(record)


def record_of(body: bytes) -> Record:
    """Record from its MessagePack.

    Raises
    ------
    msgspec.MsgspecError
        If it is none.
    """
    return _DECODER.decode(body)
