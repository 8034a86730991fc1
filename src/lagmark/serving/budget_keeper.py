"""The alert budget as a function of the ledger: alike in all workers, and after a restart."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from lagmark.decisions.budget import AlertBudget
from lagmark.errors import LagmarkError, LedgerError
from lagmark.schema.decision import Action  # noqa: TC001 -- msgspec reads it when it runs
from lagmark.schema.records import DecisionRecord, HumanRecord, PolicyRecord

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from lagmark.decisions.policy import Policy
    from lagmark.ports.ledger import Ledger, Written
    from lagmark.schema.records import Entry, Record

__all__ = ["BudgetKeeper"]

_PAUSE = 1.0
"""Seconds between two looks at the ledger."""
_PART = 256
"""Entries read at once: less than a millisecond in which another thread keeps the loop waiting."""
_FAR = 100_000
"""Entries, beside those between two proposals, among which a start looks for the last one."""
_MOST = 16
"""Proposals that are due and not on record; of more, the earliest are counted again if need be."""
_WHAT = "budget"
"""What the audit calls a change of the policy by its budget."""


class _Made(msgspec.Struct, frozen=True, gc=False):
    probability: float
    intended: Action
    by: str = ""


class _Decision(msgspec.Struct, frozen=True, gc=False, tag="decision", tag_field="kind"):
    """What is counted of a decision; the rest is not decoded."""

    event_time: int
    decision: _Made


class _Policy(msgspec.Struct, frozen=True, tag="policy", tag_field="kind"):
    version: str


class _Human(msgspec.Struct, frozen=True, tag="human", tag_field="kind"):
    what: str
    details: dict[str, Any]


class _Label(msgspec.Struct, frozen=True, tag="label", tag_field="kind"):
    pass


_Counted = _Decision | _Policy | _Human | _Label
_DECODER = msgspec.msgpack.Decoder(_Counted)


class BudgetKeeper:
    """Counts the decisions in the ledger, whoever made them, and revises the threshold of reviews.

    A proposal is due at positions that the decisions before them determine, so that all workers
    come to the same ones. Whoever gets there first puts the policy on record, with a note of
    what was counted up to that position; the others find it and write nothing. A start goes on
    from the last such note. Where two have counted differently, because one found no note to
    begin with, both go on from the one that stands first.

    What this process wrote itself it is told of, and reads only what others wrote between: the
    reading thread would fight for the interpreter's lock at each row.

    A policy that stands in the ledger and is not in force here yet, or the other way round, is
    waited for: a proposal must not undo what somebody else changed.

    Parameters
    ----------
    ledger
        What is counted.
    policy
        Answers the policy in force. One that does not follow a budget leaves nothing to do.
    change
        Puts a policy on record and in force, see
        :meth:`lagmark.serving.service.DecisionService.change_policy`.
    tell
        Called with a word and its particulars when the ledger cannot be followed.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        policy: Callable[[], Policy],
        change: Callable[..., Awaitable[None]],
        tell: Callable[..., None],
    ) -> None:
        self._ledger = ledger
        self._policy = policy
        self._change = change
        self._tell = tell
        self._task: asyncio.Task[None] | None = None
        self._budget: AlertBudget | None = None
        self._position = 0
        self._version = ""
        self._settled: dict[int, dict[str, Any]] = {}
        self._agreed = 0
        self._unheard: list[tuple[Sequence[Record], Sequence[Written]]] | None = None

    def start(self) -> None:
        """Follow the ledger until the end."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def end(self) -> None:
        """Come back when nothing is proposed any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        told = ""
        while True:
            try:
                await self.follow()
            except Exception as problem:  # noqa: BLE001 - it goes on by itself, whatever it was
                said = str(problem) if isinstance(problem, LagmarkError) else type(problem).__name__
                if said != told:
                    told = said
                    self._tell("budget waits", level="error", why=said)
            else:
                told = ""
            await asyncio.sleep(_PAUSE)

    async def follow(self) -> None:
        """Count what has been written since the last time, and propose if it is due.

        Raises
        ------
        LedgerError
            If the ledger cannot be read; call it again.
        UnavailableError
            If a proposal cannot be put on record; the next call does, unless another worker has.
        """
        policy = self._policy()
        if policy.file.choose != "budget":
            return
        more = True
        while more:
            unheard: list[tuple[Sequence[Record], Sequence[Written]]] = []
            self._unheard = unheard
            try:
                more = await asyncio.to_thread(self._read, policy)
            except Exception:
                # The thread has ended; where this is cancelled it goes on, and nobody may count.
                self._unheard = None
                raise
            self._unheard = None
            for records, written in unheard:
                self.saw(records, written)
        if not self._settled or self._version != policy.version:
            return
        position, counts = next(reversed(self._settled.items()))
        revised = await asyncio.to_thread(_revised, policy, counts)
        if self._policy() is policy and self._agreed < position:
            counted = {"position": position, **counts}
            await self._change(revised, by="service", what=_WHAT, details={"counted": counted})

    def saw(self, records: Sequence[Record], written: Sequence[Written]) -> None:
        """Count what this process wrote, where it follows on what is counted.

        Parameters
        ----------
        records
            What was written, after all that was told before.
        written
            What the ledger answered.
        """
        if self._unheard is not None:
            # A thread counts right now.
            self._unheard.append((records, written))
            return
        if self._budget is None:
            return
        for record, position in zip(records, written, strict=True):
            if position == self._position + 1:
                self._take(position, record)

    def _read(self, policy: Policy) -> bool:
        """Count the next part; whether there was any."""
        if self._budget is None:
            self._begin(policy)
        more = False
        for entry in self._ledger.entries(self._position, self._position + _PART):
            more = True
            self._take(entry.position, _decoded(entry))
            if self._position != entry.position:
                # It goes on from further back.
                break
        return more

    def _take(self, position: int, record: _Counted | Record) -> None:
        assert self._budget is not None
        self._position = position
        if isinstance(record, _Decision | DecisionRecord):
            made = record.decision
            # One of an older version does not say what made it.
            if made.by:
                self._budget.observe(
                    record.event_time,
                    probability=made.probability,
                    intended=made.intended,
                    by=made.by,
                )
                if self._budget.due:
                    self._settled[position] = self._budget.settle()
                    if len(self._settled) > _MOST:
                        del self._settled[next(iter(self._settled))]
        elif isinstance(record, _Policy | PolicyRecord):
            self._version = record.version
        elif isinstance(record, _Human | HumanRecord) and record.what == _WHAT:
            counts = dict(record.details["counted"])
            agreed = counts.pop("position")
            if agreed > self._agreed:
                self._agreed = agreed
                mine = self._settled.get(agreed)
                self._settled = {at: each for at, each in self._settled.items() if at > agreed}
                if mine != counts:
                    self._settled = {}
                    self._resume(agreed, counts)

    def _resume(self, position: int, counts: dict[str, Any]) -> None:
        """Go on from what was counted up to a position."""
        self._budget = AlertBudget(self._policy().file.budget, counts)
        self._position = position

    def _begin(self, policy: Policy) -> None:
        """Find the last note, or the place from which to count anew."""
        # Every start puts its policy on record first.
        self._version = policy.version
        end = self._ledger.head().position
        first = max(0, end - _FAR - policy.file.budget.every)
        while end > first:
            found = None
            try:
                for entry in self._ledger.entries(max(first, end - _PART), end):
                    record = _decoded(entry)
                    if isinstance(record, _Human) and record.what == _WHAT:
                        found = record.details["counted"]
            except LedgerError:
                # A ledger that answers lacks a file that was moved out of it.
                self._ledger.head()
                break
            if found is not None:
                counts = dict(found)
                self._resume(counts.pop("position"), counts)
                # Another on the same position may stand before it.
                self._settled = {self._position: counts}
                self._agreed = self._position - 1
                return
            end = max(first, end - _PART)
        self._budget, self._position = AlertBudget(policy.file.budget), end


def _revised(policy: Policy, counts: dict[str, Any]) -> Policy:
    """The policy under the threshold that was due; the same where that stays."""
    thresholds = AlertBudget(policy.file.budget, counts).propose(policy.thresholds)
    return policy if thresholds is None else policy.revised(thresholds=thresholds)


def _decoded(entry: Entry) -> _Counted:
    try:
        found: _Counted = _DECODER.decode(entry.body)
    except msgspec.MsgspecError as problem:
        raise LedgerError(
            f"entry {entry.position} is damaged: {problem}",
            where="ledger",
            hint="`lagmark verify` checks the whole chain",
        ) from None
    return found
