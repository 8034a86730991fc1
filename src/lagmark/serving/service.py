"""Decisions that are made once, beside whatever arrived with them, and answered when durable."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from lagmark.errors import LagmarkError, LedgerError, StateError, UnavailableError
from lagmark.schema.events import Label
from lagmark.schema.records import DecisionRecord, HumanRecord, LabelRecord
from lagmark.serving.answers import answer
from lagmark.serving.budget_keeper import BudgetKeeper
from lagmark.serving.committer import Committer
from lagmark.serving.decider import Arrival
from lagmark.serving.readiness import Readiness

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lagmark.clock import Clock
    from lagmark.decisions.policy import Policy
    from lagmark.ports.feature_state import FeatureState
    from lagmark.ports.ledger import Ledger, Written
    from lagmark.schema.events import Event
    from lagmark.schema.records import Record
    from lagmark.serving.committer import Done
    from lagmark.serving.decider import Decider

__all__ = ["DecisionService"]

MOST_TOGETHER = 512
"""Events decided in one turn; more would keep other requests waiting."""

_ELSEWHERE = 10.0
"""Seconds that an answer is waited for which another process is about to write."""


class DecisionService:
    """One straight path from event to durable answer.

    It belongs to one event loop; feature state and models are used by that loop alone. An event
    that is being decided, or was, is never decided again: whoever sends it gets the first answer.
    When the ledger refuses a write, nobody whose decision was in it, or came after it, gets an
    answer but a refusal, and the feature state is made anew from what the ledger holds.

    Parameters
    ----------
    decider
        Decides on events, in order.
    state
        Feature state, shared with the decider.
    ledger
        Where decisions are kept.
    clock
        Answers the present instant.
    recent
        Answers that are kept to repeat them without the ledger.
    crowd
        Events that may wait; further ones are refused.
    tell
        Called with a word and its particulars whenever the service stops or goes on.
    """

    def __init__(
        self,
        *,
        decider: Decider,
        state: FeatureState,
        ledger: Ledger,
        clock: Clock,
        recent: int = 16_384,
        crowd: int = 4_096,
        tell: Callable[..., None] | None = None,
    ) -> None:
        self.decider = decider
        self.state = state
        self.ledger = ledger
        self._committer = Committer(ledger, state=state, clock=clock)
        self._recent: OrderedDict[int | str, bytes] = OrderedDict()
        self._keep = recent
        self._crowd = crowd
        self._promised: dict[int | str, asyncio.Future[bytes]] = {}
        self._arrivals: deque[Arrival] = deque()
        self._scheduled = False
        self._followed: set[asyncio.Task[None]] = set()
        self._tell = tell or (lambda *_, **__: None)
        self._readiness = Readiness(
            state=state,
            ledger=ledger,
            committer=self._committer,
            clock=clock,
            policy=decider.record_of_policy,
            tell=self._told,
        )
        self._keeper = BudgetKeeper(
            ledger=ledger, policy=lambda: decider.policy, change=self.change_policy, tell=self._tell
        )

    @property
    def counts(self) -> Counter[str]:
        """What happened since the start, by name."""
        return self.decider.counts

    @property
    def ready(self) -> bool:
        """Whether events are decided now."""
        return self._readiness.ready

    @property
    def why(self) -> str:
        """Why no events are decided, in words that anybody may read; ``ready`` where they are."""
        return self._readiness.why

    @property
    def waiting(self) -> int:
        """Events that are decided or written right now."""
        return len(self._promised)

    def status(self) -> dict[str, Any]:
        """What health answers."""
        return {
            "ready": self._readiness.ready,
            "why": self._readiness.why,
            "waiting": len(self._promised),
            "replayed": self._readiness.replayed,
            **self.decider.status(),
        }

    async def start(self) -> None:
        """Bring the feature state to what the ledger holds, and take events from then on.

        What stands in the way is waited for.
        """
        await self._readiness.start()
        self._keeper.start()

    def _told(self, word: str, **particulars: Any) -> None:
        self.counts["recoveries"] = self._readiness.losses
        self._tell(word, **(self.status() if word == "ready" else particulars))

    async def drain(self) -> None:
        """Answer what waits, take nothing more, and keep the state for the next start."""
        self._readiness.end()
        await self._keeper.end()
        while self._promised:
            await asyncio.wait(list(self._promised.values()), timeout=1.0)
        await self._readiness.ended()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._committer.close)
        if self._readiness.whole:
            try:
                await loop.run_in_executor(None, self.state.checkpoint)
            except (LagmarkError, OSError) as problem:
                # The next start replays the ledger instead.
                self._tell("no snapshot", level="error", why=str(problem))
        self.state.close()
        self.ledger.close()

    def submit(
        self, event: Event, started: float, *, explained: bool = True
    ) -> asyncio.Future[bytes]:
        """Answer to an event, once it is durable; several callers may wait for one.

        Parameters
        ----------
        event
            The event.
        started
            Reading of the stopwatch when its first byte was read, seconds.
        explained
            Whether reasons are wanted even if it is allowed.

        Raises
        ------
        UnavailableError
            If no event is taken now.
        """
        waiting = self._promised.get(event.event_id)
        if waiting is not None:
            self.counts["repeated"] += 1
            return waiting
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        known = self._recent.get(event.event_id)
        if known is not None:
            self.counts["repeated"] += 1
            future.set_result(known)
            return future
        self._refuse_unless_ready()
        self._promised[event.event_id] = future
        self._arrivals.append(Arrival(event, started, explained))
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._decide_waiting)
        return future

    async def decide(self, event: Event, started: float, *, explained: bool = True) -> bytes:
        """Answer to an event as JSON, once it is durable; see :meth:`submit`."""
        # A caller that goes away must not take the answer from the others who wait for it.
        return await asyncio.shield(self.submit(event, started, explained=explained))

    async def change_policy(
        self, policy: Policy, *, by: str, what: str, details: Mapping[str, Any] | None = None
    ) -> None:
        """Decide by another policy from now on, once that is on record.

        Parameters
        ----------
        policy
            The new one.
        by
            Who changed it.
        what
            What was changed, for the audit.
        details
            Further JSON values for it.

        Raises
        ------
        UnavailableError
            If it cannot be put on record; the old policy stays.
        """
        self._refuse_unless_ready()
        before, self.decider.policy = self.decider.policy, policy
        particulars = {"version": policy.version, **(details or {})}
        note = HumanRecord(by=by, what=what, target="policy", details=particulars)
        try:
            await self._submit([self.decider.record_of_policy(), note])
        except UnavailableError:
            if self.decider.policy is policy:
                # Nobody has changed it since.
                self.decider.policy = before
            raise

    async def append(self, records: Sequence[LabelRecord | HumanRecord]) -> int:
        """Make labels and human actions durable, in order; how many were written.

        Labels are told to the feature state. One that claims to have been known before the latest
        event counts from that event on: a decision made must not have seen it.

        Raises
        ------
        UnavailableError
            If they cannot be written now; none of them is then.
        """
        self._refuse_unless_ready()
        stamped = list(records)
        spoken = [i for i, each in enumerate(stamped) if isinstance(each, LabelRecord)]
        try:
            told = self.state.label([_label(stamped[i]) for i in spoken])
        except StateError as problem:
            raise self._readiness.lose(problem) from problem
        for i, label in zip(spoken, told, strict=True):
            stamped[i] = msgspec.structs.replace(stamped[i], known_at=label.known_at)
        await self._submit(stamped, place=self.state.place if spoken else 0)
        self.counts["labels"] += len(spoken)
        return len(stamped)

    async def _submit(self, records: Sequence[Record], *, place: int = 0) -> None:
        """Have records written, whatever else waits."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def done(found: list[Written] | Exception) -> None:
            if future.done():
                return
            if isinstance(found, Exception):
                future.set_exception(found)
            else:
                future.set_result(None)

        self._commit(records, done, place=place)
        await future

    def _commit(self, records: Sequence[Record], done: Done, *, place: int) -> None:
        """Have records written; ``done`` is called in the loop, in the order of the ledger."""
        call = asyncio.get_running_loop().call_soon_threadsafe
        self._committer.submit(
            records, lambda found: call(self._committed, records, done, found), place=place
        )

    def _committed(
        self, records: Sequence[Record], done: Done, found: list[Written] | Exception
    ) -> None:
        if isinstance(found, Exception):
            done(self._readiness.lose(found))
        else:
            done(found)
            self._keeper.saw(records, found)

    def _refuse_unless_ready(self) -> None:
        if not self._readiness.ready:
            raise self._readiness.refusal()
        if len(self._promised) >= self._crowd:
            raise UnavailableError("too many events wait", hint="send it again later")

    def _decide_waiting(self) -> None:
        """Decide what arrived since the last turn of the loop."""
        self._scheduled = False
        group = [self._arrivals.popleft() for _ in range(min(MOST_TOGETHER, len(self._arrivals)))]
        if self._arrivals:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._decide_waiting)
        if not self._readiness.whole:
            self._fail(group, self._readiness.refusal())
            return
        try:
            group = self._unanswered(group)
            if not group:
                return
            records, elsewhere = self.decider.decide(group)
        except LagmarkError as problem:
            self._fail(group, self._readiness.lose(problem))
            return
        except Exception as problem:  # noqa: BLE001 - whatever it was, nobody may wait for ever
            self._readiness.lose(problem)
            self._fail(group, problem)
            return
        if elsewhere:
            group = [each for each in group if each not in elsewhere]
            task = asyncio.get_running_loop().create_task(self._await_answers(elsewhere))
            self._followed.add(task)
            task.add_done_callback(self._followed.discard)
        if records:
            self._commit(records, partial(self._written, group, records), place=self.state.place)

    def _unanswered(self, group: list[Arrival]) -> list[Arrival]:
        """Events that stand in no ledger yet; the others are answered."""
        earlier = self.ledger.decisions_on([each.event.event_id for each in group])
        if not earlier:
            return group
        for each in group:
            if each.event.event_id in earlier:
                self.counts["repeated"] += 1
                self._answer(earlier[each.event.event_id])
        return [each for each in group if each.event.event_id not in earlier]

    async def _await_answers(self, group: list[Arrival]) -> None:
        """Answer events that another process has taken, as soon as it has written its decisions."""
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + _ELSEWHERE, 0.002
        try:
            while group and loop.time() < deadline and self._readiness.whole:
                await asyncio.sleep(pause)
                pause = min(0.2, 2 * pause)
                group = self._unanswered(group)
        except LedgerError as problem:
            self._fail(group, self._readiness.lose(problem))
        else:
            self._fail(group, self._readiness.refusal("another process does not end its decision"))

    def _written(
        self,
        group: list[Arrival],
        records: list[Record],
        found: list[Written] | Exception,
    ) -> None:
        if isinstance(found, Exception):
            self._fail(group, found)
            return
        taken = False
        for record, stands in zip(records, found, strict=True):
            if isinstance(stands, DecisionRecord):
                taken = True
                self._answer(stands)
            elif isinstance(record, DecisionRecord):
                self._answer(record)
        if taken:
            # Another process decided on one of them first: this state has taken it all the same.
            self._readiness.lose(
                StateError("an event was decided elsewhere", where="feature state")
            )

    def _answer(self, record: DecisionRecord) -> None:
        text = answer(record)
        self._recent[record.event_id] = text
        if len(self._recent) > self._keep:
            self._recent.popitem(last=False)
        future = self._promised.pop(record.event_id, None)
        if future is not None and not future.done():
            future.set_result(text)

    def _fail(self, group: Sequence[Arrival], problem: Exception) -> None:
        self.counts["failed"] += len(group)
        for each in group:
            future = self._promised.pop(each.event.event_id, None)
            if future is not None and not future.done():
                future.set_exception(problem)


def _label(record: LabelRecord | HumanRecord) -> Label:
    assert isinstance(record, LabelRecord)
    return Label(record.event_id, record.known_at, record.fraud, record.source)
