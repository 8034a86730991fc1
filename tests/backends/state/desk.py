"""What stands around a feature state in these tests: a ledger, and a service in few lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from tests.features.past import Verdict
from tests.features.streams import Stream

from lagmark.features import FeatureSet, backfill
from lagmark.schema.decision import Action, Decision, Fallback, Level
from lagmark.schema.events import Event, Label
from lagmark.schema.records import DecisionRecord, HumanRecord, LabelRecord

if TYPE_CHECKING:
    from lagmark.ports.feature_state import FeatureState, Reading
    from lagmark.ports.ledger import Ledger

__all__ = ["Desk", "expected", "record_of_event", "same"]


def record_of_event(event: Event, ingest_time: int, vector: Any) -> DecisionRecord:
    """A decision on an event."""
    decision = Decision(
        decision_id=f"d{event.event_id}",
        event_id=event.event_id,
        decided_at=ingest_time,
        score=1,
        probability=0.01,
        level=Level.LOW,
        action=Action.ALLOW,
        intended=Action.ALLOW,
        propensity=1.0,
        reasons=(),
        rules=(),
        fallback=Fallback.NONE,
        model_version="1",
        contract="",
        policy="",
    )
    return DecisionRecord(
        event_id=event.event_id,
        event_time=event.event_time,
        ingest_time=ingest_time,
        values=dict(event.values),
        vector=np.asarray(vector, dtype="<f8").tobytes(),
        decision=decision,
        latency_us=1,
    )


class Desk:
    """Takes events and labels as the service does, and keeps what the state answered."""

    def __init__(self, state: FeatureState, ledger: Ledger) -> None:
        self.state = state
        self.ledger = ledger
        self.vectors: dict[int | str, Any] = {}

    def decide(self, events: Sequence[Event]) -> Reading:
        """Take events and write them."""
        reading = self.state.take(events)
        self.write(events, reading)
        self.state.confirm(self.state.place)
        return reading

    def write(self, events: Sequence[Event], reading: Reading) -> None:
        """Write what was taken."""
        instants = reading.ingest_times.tolist()
        self.ledger.append(
            [
                record_of_event(*each)
                for each in zip(events, instants, reading.vectors, strict=True)
            ],
            at=max(instants),
        )
        for event, vector in zip(events, reading.vectors, strict=True):
            self.vectors[event.event_id] = np.array(vector)

    def tell(self, labels: Sequence[Label]) -> None:
        """Tell labels and write them, with a note between."""
        told = self.state.label(labels)
        records = [LabelRecord(t.event_id, t.known_at, t.fraud, t.source) for t in told]
        self.ledger.append([HumanRecord("somebody", "label", "events"), *records], at=0)
        self.state.confirm(self.state.place)


def expected(feature_set: FeatureSet, ledger: Ledger) -> dict[int | str, Any]:
    """Vectors that a backfill over a ledger's events and labels gives."""
    events: list[Event] = []
    labels: list[LabelRecord] = []
    for entry in ledger.entries():
        record = entry.record
        if isinstance(record, DecisionRecord):
            events.append(
                Event(record.event_id, record.event_time, record.ingest_time, record.values)
            )
        elif isinstance(record, LabelRecord):
            labels.append(record)
    events.sort(key=lambda event: event.ingest_time)
    rows = {event.event_id: row for row, event in enumerate(events)}
    verdicts = [
        Verdict(rows[t.event_id], t.known_at, t.fraud) for t in labels if t.event_id in rows
    ]
    if not events:
        return {}
    matrix = backfill(feature_set, Stream(events, verdicts).batch()).matrix
    return {event.event_id: matrix[row] for event, row in zip(events, rows.values(), strict=True)}


def same(got: dict[int | str, Any], wanted: dict[int | str, Any], names: Sequence[str]) -> None:
    """Fail with the first features whose bits differ."""
    assert got.keys() == wanted.keys()
    for event_id, vector in got.items():
        a, b = np.asarray(vector), np.asarray(wanted[event_id])
        apart = (a.view(np.int64) != b.view(np.int64)) & ~(np.isnan(a) & np.isnan(b))
        assert not apart.any(), [
            (event_id, names[j], a[j], b[j]) for j in np.flatnonzero(apart)[:5].tolist()
        ]
