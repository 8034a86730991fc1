"""The ledger as a plain list: slow, obvious, and without a line of the code under test."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from lagmark.schema.records import DecisionRecord, LabelRecord

if TYPE_CHECKING:
    from lagmark.ports.ledger import DecisionQuery

__all__ = ["Oracle"]


@dataclass
class Oracle:
    """Records in the order they came, each with the instant it was written."""

    log: list[tuple[int, Any]] = field(default_factory=list)

    def append(self, records: list[Any], at: int) -> list[int | DecisionRecord | None]:
        at = max([at, *(written for written, _ in self.log)])
        answers: list[int | DecisionRecord | None] = []
        for record in records:
            first = None
            if isinstance(record, DecisionRecord):
                first = self.decision_on(record.event_id)
            stands = first is not None or (
                isinstance(record, LabelRecord) and message(record) in map(message, self.labels())
            )
            if not stands:
                self.log.append((at, record))
            answers.append(first if stands else len(self.log))
        return answers

    def digest(self, bodies: list[bytes]) -> bytes:
        """Digest of the last entry, given the stored form of all."""
        digest = bytes(32)
        for number, ((at, _), body) in enumerate(zip(self.log, bodies, strict=True), start=1):
            place = number.to_bytes(8, "big") + at.to_bytes(8, "big", signed=True)
            digest = sha256(digest + place + body).digest()
        return digest

    def decisions(self) -> list[tuple[int, DecisionRecord]]:
        found = enumerate((record for _, record in self.log), start=1)
        return [(n, record) for n, record in found if isinstance(record, DecisionRecord)]

    def labels(self) -> list[LabelRecord]:
        return [record for _, record in self.log if isinstance(record, LabelRecord)]

    def decision_on(self, event_id: int | str) -> DecisionRecord | None:
        for _, record in self.decisions():
            if same(record.event_id, event_id):
                return record
        return None

    def labels_on(self, event_id: int | str, as_of: int | None) -> tuple[LabelRecord, ...]:
        return tuple(
            each
            for each in self.labels()
            if same(each.event_id, event_id) and (as_of is None or each.known_at <= as_of)
        )

    def verdict(self, event_id: int | str, as_of: int | None) -> LabelRecord | None:
        latest = None
        for each in self.labels_on(event_id, as_of):
            if latest is None or each.known_at >= latest.known_at:
                latest = each
        return latest

    def query(self, q: DecisionQuery) -> list[tuple[int, DecisionRecord, LabelRecord | None]]:
        """Position, decision and verdict of what is asked for, latest first."""
        rows = []
        for position, record in reversed(self.decisions()):
            verdict = self.verdict(record.event_id, q.as_of)
            decision, flagged = record.decision, record.decision.action.value != "allow"
            subject = record.values.get("customer")
            if (
                (q.as_of is None or record.ingest_time <= q.as_of)
                and (q.since is None or record.event_time >= q.since)
                and (q.until is None or record.event_time < q.until)
                and (q.actions is None or decision.action.value in q.actions)
                and (q.model_version is None or decision.model_version == q.model_version)
                and (q.minimum_score is None or decision.score >= q.minimum_score)
                and (q.subject is None or (subject is not None and same(subject, q.subject)))
                and (q.labelled is None or (verdict is not None) == q.labelled)
                and (q.fraud is None or (verdict is not None and verdict.fraud == q.fraud))
                and (q.flagged is None or flagged == q.flagged)
            ):
                rows.append((position, record, verdict))
        return rows


def same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other


def message(record: LabelRecord) -> tuple[Any, ...]:
    event = type(record.event_id), record.event_id
    return (*event, record.known_at, record.source, record.fraud, record.reversal)
