"""Rows of the two index tables, made from records and read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lagmark.ports.ledger import Row
from lagmark.schema.records import LabelRecord

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from lagmark.schema.records import DecisionRecord

__all__ = [
    "DECISIONS",
    "LABELS",
    "decision_row",
    "key_of",
    "label_of",
    "label_row",
    "row_of",
    "value_of",
]

DECISIONS = (
    "position, event_id, decision_id, event_time, ingest_time, subject, amount, score, "
    "probability, action, model_version"
)
LABELS = "position, event_id, known_at, fraud, source, reversal, confidence, by"


def key_of(value: int | str) -> bytes:
    """Integer or text as the bytes it is stored as, so that 7 and "7" differ.

    Examples
    --------
    >>> key_of(7), key_of("7")
    (b'i7', b't7')
    """
    return b"t" + value.encode(errors="surrogatepass") if isinstance(value, str) else b"i%d" % value


def value_of(key: bytes) -> int | str:
    """Integer or text of its bytes."""
    text = key[1:].decode()
    return text if key[:1] == b"t" else int(text)


def decision_row(
    position: int, record: DecisionRecord, subject: str | None, amount: str
) -> tuple[Any, ...]:
    """Row of a decision, in the order of :data:`DECISIONS`.

    Parameters
    ----------
    position
        Of its entry.
    record
        The decision.
    subject, amount
        Fields of the event's subject and amount.
    """
    decision, values = record.decision, record.values
    who = values.get(subject) if subject is not None else None
    return (
        position,
        key_of(record.event_id),
        decision.decision_id,
        record.event_time,
        record.ingest_time,
        None if who is None else key_of(who),
        values.get(amount) or 0,
        decision.score,
        decision.probability,
        decision.action.value,
        decision.model_version,
    )


def label_row(position: int, record: LabelRecord) -> tuple[Any, ...]:
    """Row of a message, in the order of :data:`LABELS`; [1:6] is what makes it one message."""
    return (
        position,
        key_of(record.event_id),
        record.known_at,
        int(record.fraud),
        record.source.encode(),
        int(record.reversal),
        record.confidence,
        record.by.encode(),
    )


def label_of(row: Sequence[Any]) -> LabelRecord:
    """Label message of its row."""
    _, event_id, known_at, fraud, source, reversal, confidence, by = row
    return LabelRecord(
        value_of(event_id),
        known_at,
        bool(fraud),
        source.decode(),
        bool(reversal),
        confidence,
        by.decode(),
    )


def row_of(row: Sequence[Any]) -> Row:
    """Decision in a list of its row, followed by ``fraud, known_at, source`` of the verdict."""
    fields = list(row)
    fields[1] = value_of(fields[1])
    fields[5] = None if fields[5] is None else value_of(fields[5])
    fields[11] = None if fields[11] is None else bool(fields[11])
    fields[13] = None if fields[13] is None else fields[13].decode()
    return Row(*fields)
