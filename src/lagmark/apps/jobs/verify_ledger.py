"""Job: a ledger checked and every decision in it made again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from lagmark.errors import LagmarkError, LedgerError
from lagmark.schema.decision import Fallback
from lagmark.schema.events import Event, Label
from lagmark.schema.records import DecisionRecord, LabelRecord, PolicyRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lagmark.apps.jobs.reporter import Reporter
    from lagmark.decisions.policy import Policy
    from lagmark.ports.ledger import Ledger
    from lagmark.ports.scorer import Scorer
    from lagmark.schema.records import Entry
    from lagmark.serving.judge import Judge, Lineup
    from lagmark.settings import ServeSettings
    from lagmark.wiring.serving import Served

__all__ = ["LedgerCheck", "verify_ledger"]

_TOGETHER = 2_048
"""Decisions made again at a time."""
_HELD = 10_000
"""Entries behind a decision in which an event that was taken before it may still stand."""
_SHOWN = 20
"""Differences that are kept."""


@dataclass(slots=True)
class LedgerCheck:
    """What a check of a ledger found.

    Parameters
    ----------
    entries, decisions, labels
        Entries read, and those of them that are decisions and labels.
    problems
        What is wrong with the ledger itself: its chain, its indexes.
    differences
        Decisions that came out otherwise, the first of them.
    differing
        How many did.
    """

    entries: int = 0
    decisions: int = 0
    labels: int = 0
    problems: list[str] = field(default_factory=list)
    differences: list[dict[str, Any]] = field(default_factory=list)
    differing: int = 0

    @property
    def ok(self) -> bool:
        """Whether everything is as it should be."""
        return not self.problems and not self.differing

    def differ(self, position: int, event_id: int | str, what: str, old: Any, new: Any) -> None:
        """Note a difference."""
        self.differing += 1
        if len(self.differences) < _SHOWN:
            self.differences.append(
                {
                    "position": position,
                    "event_id": event_id,
                    "what": what,
                    "stored": old,
                    "recomputed": new,
                }
            )

    def as_dict(self) -> dict[str, Any]:
        """Record for JSON."""
        return {
            "command": "verify",
            "ok": self.ok,
            "entries": self.entries,
            "decisions": self.decisions,
            "labels": self.labels,
            "problems": self.problems,
            "differences": self.differing,
            "first_differences": self.differences,
        }


def verify_ledger(
    settings: ServeSettings, *, first: int, last: int | None, reporter: Reporter
) -> LedgerCheck:
    """Chain, indexes and decisions of a data directory's ledger.

    Features are computed anew from the first entry on; decisions are compared from ``first`` to
    ``last``. The ledger may be in use meanwhile.

    Parameters
    ----------
    settings
        Which ledger.
    first, last
        Positions of the span, both included.
    reporter
        Told about progress.

    Raises
    ------
    LagmarkError
        If there is no ledger, or its parts cannot be loaded.
    """
    from lagmark.wiring.serving import build_judge, open_ledger, resolve

    served = resolve(settings)
    ledger = open_ledger(settings, served.domain, read_only=True)
    check = LedgerCheck()
    try:
        head = ledger.head()
        end = head.position if last is None else min(last, head.position)
        with reporter.progress("Check the chain", "entries") as tell:
            problem = _damage(ledger, tell, head.position)
        if problem:
            check.problems.append(problem)
            return check
        judge = build_judge(served, reasons=settings.reasons)
        again = _Again(served, judge, check, first, end)
        with reporter.progress("Decide again", "entries") as tell:
            # What workers take in one order they may write in another.
            for entry in ledger.entries(until=end + _HELD):
                again.take(entry)
                if entry.position % _TOGETHER == 0:
                    tell(entry.position, end)
            again.finish()
            tell(end, end)
    finally:
        ledger.close()
    return check


def _damage(ledger: Ledger, tell: Callable[[int, int], None], total: int) -> str:
    """What is wrong with the ledger itself, in words; empty where nothing is."""
    from lagmark.backends.ledger.chain import check_chain

    try:
        bad = check_chain(_told(ledger.entries(), tell, total))
        if bad is not None:
            return f"entry {bad} is not what was written"
        wrong = ledger.check_index()
    except LedgerError as problem:
        return str(problem)
    return "" if wrong is None else f"the index says otherwise than entry {wrong}"


class _Again:
    """Makes decisions again, in the order in which their events were taken: by ingest time."""

    def __init__(
        self, served: Served, judge: Judge, check: LedgerCheck, first: int, last: int
    ) -> None:
        from lagmark.backends.state.process import ProcessState

        self._served = served
        self._judge = judge
        self._check = check
        self._first, self._last = first, last
        self._state = ProcessState(served.feature_set, subject=served.domain.subject)
        self._policies: dict[str, Policy] = {}
        self._scorers: dict[str, Scorer] = {}
        self._waiting: list[tuple[int, DecisionRecord]] = []

    def take(self, entry: Entry) -> None:
        """Take the next entry."""
        record = entry.record
        check, counted = self._check, entry.position <= self._last
        check.entries += counted
        if isinstance(record, DecisionRecord):
            check.decisions += counted
            self._waiting.append((entry.position, record))
            if len(self._waiting) >= _HELD + _TOGETHER:
                self._decide_first(_TOGETHER)
        elif isinstance(record, LabelRecord):
            check.labels += counted
            # It says since when it is known, so that events taken before do not see it.
            label = Label(record.event_id, record.known_at, record.fraud, record.source)
            self._state.label([label])
        elif isinstance(record, PolicyRecord):
            self._policies[record.version] = self._policy(record)

    def finish(self) -> None:
        """Decide on what waits."""
        while self._waiting:
            self._decide_first(_TOGETHER)

    def _decide_first(self, count: int) -> None:
        self._waiting.sort(key=lambda each: each[1].ingest_time)
        records, self._waiting = self._waiting[:count], self._waiting[count:]
        events = [
            Event(each.event_id, each.event_time, each.ingest_time, each.values)
            for _, each in records
        ]
        reading = self._state.take(events)
        rows: dict[tuple[Any, ...], list[int]] = {}
        for i, (position, record) in enumerate(records):
            if not self._first <= position <= self._last:
                continue
            if reading.vectors[i].tobytes() != record.vector:
                self._differ_in_features(position, record, reading.vectors[i])
            else:
                rows.setdefault(_circumstances(record), []).append(i)
        for numbers in rows.values():
            self._decide([records[i] for i in numbers], [events[i] for i in numbers],
                         reading.vectors[numbers], reading.known[numbers])  # fmt: skip

    def _decide(
        self,
        records: Sequence[tuple[int, DecisionRecord]],
        events: Sequence[Event],
        vectors: Any,
        known: Any,
    ) -> None:
        from lagmark.ports.feature_state import Reading

        made = records[0][1].decision
        policy = self._policies.get(made.policy)
        if policy is None:
            for position, record in records:
                self._check.differ(position, record.event_id, "policy", made.policy, None)
            return
        try:
            lineup = self._lineup(records[0][1])
        except LagmarkError as problem:
            for position, record in records:
                self._check.differ(
                    position, record.event_id, "model", made.model_version, str(problem)
                )
            return
        judged = self._judge.judge(
            events,
            Reading(
                np.ascontiguousarray(vectors), known, np.empty(0, np.int64), np.empty(0, np.bool_)
            ),
            lineup=lineup,
            policy=policy,
            at=0,
            explained=[_explained(record) for _, record in records],
        )
        for (position, record), (decision, _) in zip(records, judged, strict=True):
            again = msgspec.structs.replace(decision, decided_at=record.decision.decided_at)
            if not record.decision.by:
                # Written before it was kept.
                again = msgspec.structs.replace(again, by="")
            if again != record.decision:
                for name in again.__struct_fields__:
                    old, new = getattr(record.decision, name), getattr(again, name)
                    if old != new:
                        self._check.differ(
                            position,
                            record.event_id,
                            name,
                            msgspec.to_builtins(old),
                            msgspec.to_builtins(new),
                        )
                        break

    def _differ_in_features(self, position: int, record: DecisionRecord, vector: Any) -> None:
        stored = np.frombuffer(record.vector)
        names = self._served.feature_set.names
        if stored.shape != vector.shape:
            self._check.differ(position, record.event_id, "features", len(stored), len(vector))
            return
        j = int(np.flatnonzero(stored.view(np.int64) != vector.view(np.int64))[0])
        self._check.differ(position, record.event_id, names[j], float(stored[j]), float(vector[j]))

    def _policy(self, record: PolicyRecord) -> Policy:
        from lagmark.decisions.policy import Policy

        domain = self._served.domain
        return Policy.from_content(
            record.content,
            fields=domain.fields,
            names=self._served.feature_set.names,
            amount=domain.amount,
            python=domain.rules,
        )

    def _lineup(self, record: DecisionRecord) -> Lineup:
        from lagmark.serving.judge import Lineup

        made = record.decision
        others = tuple((each.role, self._scorer(each.model_version)) for each in made.others)
        if made.fallback == Fallback.NO_MODEL:
            return Lineup(others=others)
        if made.fallback == Fallback.MODEL_FAILED:
            return Lineup(others=others, failed="it failed then")
        if made.fallback == Fallback.UNKNOWN_SUBJECT:
            return Lineup(champion=_Unasked(self._served.feature_set.contract.hash), others=others)
        return Lineup(champion=self._scorer(made.model_version), others=others)

    def _scorer(self, version: str) -> Scorer:
        if version not in self._scorers:
            from lagmark.wiring.serving import load_version

            self._scorers[version] = load_version(self._served, version)
        return self._scorers[version]


class _Unasked:
    """Stands for the champion where nobody asked it."""

    version, kind, names = "", "", ()

    def __init__(self, contract_hash: str) -> None:
        self.contract_hash = contract_hash

    def probabilities(self, X: Any) -> Any:
        """A number that no decision depends on."""
        return np.full(len(X), 0.5)

    def contributions(self, X: Any) -> Any:
        """Nothing speaks for anything."""
        return np.zeros((len(X), 1))

    def top_contributions(self, X: Any, k: int) -> Any:
        """No reasons."""
        return np.full((len(X), k), -1), np.zeros((len(X), k))


def _told(
    entries: Iterator[Entry], tell: Callable[[int, int], None], total: int
) -> Iterator[Entry]:
    for entry in entries:
        if entry.position % _TOGETHER == 0:
            tell(entry.position, total)
        yield entry


def _circumstances(record: DecisionRecord) -> tuple[Any, ...]:
    made = record.decision
    return (
        made.model_version,
        made.fallback,
        made.policy,
        tuple((each.role, each.model_version) for each in made.others),
    )


def _explained(record: DecisionRecord) -> bool:
    return any(not each.feature.startswith(("rule:", "list:")) for each in record.decision.reasons)
