"""Decisions as clients read them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from lagmark.schema.decision import Reason  # noqa: TC001 -- msgspec reads it when it runs
from lagmark.schema.time import from_micros

if TYPE_CHECKING:
    from lagmark.schema.records import DecisionRecord

__all__ = ["Answer", "answer"]


class Answer(msgspec.Struct, frozen=True):
    """Answer to an event.

    Parameters
    ----------
    event_id, decision_id
        Names of the event and of the decision on it.
    score
        1 to 99.
    probability
        Calibrated probability of fraud.
    level
        ``low``, ``medium``, ``high`` or ``critical``.
    action
        ``allow``, ``step_up``, ``review`` or ``block``.
    reasons
        Loudest first.
    model_version
        Version of the model that decided; ``rules`` where rules did.
    contract
        Hash of the features' definitions.
    as_of
        The instant up to which it uses what was known, ISO 8601.
    latency_ms
        From the first byte read until the decision was handed to the ledger, milliseconds.
    fallback
        Why rules answered; empty where the model did.
    rules
        Rules and lists that fired.
    """

    event_id: int | str
    decision_id: str
    score: int
    probability: float
    level: str
    action: str
    reasons: tuple[Reason, ...]
    model_version: str
    contract: str
    as_of: str
    latency_ms: float
    fallback: str
    rules: tuple[str, ...]


_ENCODER = msgspec.json.Encoder()


@lru_cache(maxsize=64)
def _instant(micros: int) -> str:
    # Events that came in one request arrived at one instant.
    return from_micros(micros).isoformat()


def answer(record: DecisionRecord) -> bytes:
    """JSON of the answer; the same record gives the same bytes, however often it is asked."""
    made = record.decision
    return _ENCODER.encode(
        Answer(
            event_id=record.event_id,
            decision_id=made.decision_id,
            score=made.score,
            probability=made.probability,
            level=made.level,
            action=made.action,
            reasons=made.reasons,
            model_version=made.model_version,
            contract=made.contract,
            as_of=_instant(record.ingest_time),
            latency_ms=record.latency_us / 1000,
            fallback=made.fallback,
            rules=made.rules,
        )
    )
