"""Events in, records for the ledger out, in the order of arrival."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from lagmark.clock import stopwatch
from lagmark.decisions.statistics import RuleHits
from lagmark.schema.records import DecisionRecord, PolicyRecord
from lagmark.schema.time import to_micros

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lagmark.clock import Clock
    from lagmark.decisions.policy import Policy
    from lagmark.ports.feature_state import FeatureState
    from lagmark.schema.events import Event
    from lagmark.schema.records import Record
    from lagmark.serving.judge import Judge, Lineup

__all__ = ["Arrival", "Decider"]


class Arrival(msgspec.Struct, frozen=True):
    """An event that waits to be decided.

    Parameters
    ----------
    event
        The event.
    started
        Reading of the stopwatch when its first byte was read, seconds.
    explained
        Whether reasons are wanted even if it is allowed.
    """

    event: Event
    started: float
    explained: bool = True


class Decider:
    """Takes events into the feature state, and decides on them.

    Parameters
    ----------
    state
        Feature state.
    judge
        Decides.
    lineup
        Models in charge.
    policy
        Rules, lists and thresholds in force.
    clock
        Answers the present instant.
    """

    def __init__(
        self,
        *,
        state: FeatureState,
        judge: Judge,
        lineup: Lineup,
        policy: Policy,
        clock: Clock,
    ) -> None:
        self._state = state
        self._judge = judge
        self._clock = clock
        self.lineup = lineup
        self.policy = policy
        self.hits = RuleHits()
        self.counts: Counter[str] = Counter()
        self._newest = 0

    def status(self) -> dict[str, Any]:
        """What is in charge now."""
        champion = self.lineup.champion
        return {
            "model_version": None if champion is None else champion.version,
            "model_kind": None if champion is None else champion.kind,
            "model_failed": self.lineup.failed,
            "others": [f"{role} {scorer.version}" for role, scorer in self.lineup.others],
            "policy": self.policy.version,
        }

    def record_of_policy(self) -> PolicyRecord:
        """The policy in force, for the ledger."""
        return PolicyRecord(version=self.policy.version, content=self.policy.content)

    def decide(self, group: Sequence[Arrival]) -> tuple[list[Record], list[Arrival]]:
        """Records of the decisions on events, in order, and events that others decide on.

        Raises
        ------
        StateError
            If the feature state cannot take the events; nothing is known of them then.
        """
        reading = self._state.take([each.event for each in group])
        elsewhere: list[Arrival] = []
        if not reading.new.all():
            elsewhere = [each for each, new in zip(group, reading.new, strict=True) if not new]
            group = [each for each, new in zip(group, reading.new, strict=True) if new]
            reading = reading.where(reading.new)
            if not group:
                return [], elsewhere
        events = [
            each.event
            if each.event.ingest_time == taken
            else msgspec.structs.replace(each.event, ingest_time=taken)
            for each, taken in zip(group, reading.ingest_times.tolist(), strict=True)
        ]
        judged = self._judge.judge(
            events,
            reading,
            lineup=self.lineup,
            policy=self.policy,
            at=to_micros(self._clock()),
            explained=[each.explained for each in group],
        )
        records: list[Record] = []
        now = stopwatch()
        counts = self.counts
        for i, (event, (decision, _)) in enumerate(zip(events, judged, strict=True)):
            counts[f"decisions.{decision.action}"] += 1
            if decision.fallback:
                counts[f"fallback.{decision.fallback}"] += 1
            if event.event_time < self._newest:
                counts["late"] += 1
            else:
                self._newest = event.event_time
            records.append(
                DecisionRecord(
                    event_id=event.event_id,
                    event_time=event.event_time,
                    ingest_time=event.ingest_time,
                    values=dict(event.values),
                    vector=reading.vectors[i].tobytes(),
                    decision=decision,
                    latency_us=int((now - group[i].started) * 1e6),
                )
            )
        self.hits.count([verdict for _, verdict in judged])
        return records, elsewhere
