"""Small records to fill ledgers with."""

from __future__ import annotations

from typing import Any

from lagmark.schema.decision import Action, Decision, Fallback, Level
from lagmark.schema.records import DecisionRecord, LabelRecord

__all__ = ["decided", "said"]


def decided(event_id: int | str, at: int = 0, **changes: Any) -> DecisionRecord:
    """Decision on an event; ``at`` is both its times unless it is ``late``."""
    kind = "i" if isinstance(event_id, int) else "t"
    decision = Decision(
        decision_id=changes.pop("decision_id", f"{kind}{event_id}"),
        event_id=event_id,
        decided_at=at,
        score=changes.pop("score", 50),
        probability=changes.pop("probability", 0.25),
        level=Level.LOW,
        action=changes.pop("action", Action.ALLOW),
        intended=Action.ALLOW,
        propensity=1.0,
        reasons=(),
        rules=(),
        fallback=Fallback.NONE,
        model_version=changes.pop("model_version", "m1"),
        contract="c",
        policy="p",
    )
    late = changes.pop("late", 0)
    values = {"customer": 5, "amount": 100} | changes
    return DecisionRecord(event_id, at - late, at, values, bytes(16), decision, 7)


def said(event_id: int | str, known_at: int, fraud: bool = True, **changes: Any) -> LabelRecord:
    """Label message."""
    return LabelRecord(event_id, known_at, fraud, changes.pop("source", "analyst"), **changes)
