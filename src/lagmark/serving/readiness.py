"""Whether events are taken, and the way back after ledger or feature state failed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lagmark.errors import LagmarkError, LedgerError, UnavailableError
from lagmark.schema.records import HumanRecord
from lagmark.schema.time import to_micros

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lagmark.clock import Clock
    from lagmark.ports.feature_state import FeatureState
    from lagmark.ports.ledger import Ledger
    from lagmark.schema.records import PolicyRecord, Record
    from lagmark.serving.committer import Committer

__all__ = ["Readiness"]

_SHORTEST, _LONGEST = 0.1, 2.0
"""Seconds between two attempts."""
_MUCH = 50_000
"""Entries after whose replay a snapshot is worth its second."""


class Readiness:
    """Makes the feature state what the ledger holds, at the start and after each failure.

    Nothing else uses the feature state meanwhile, and no attempt is the last: a disk gets room, a
    server comes back.

    Parameters
    ----------
    state
        Feature state.
    ledger
        What it is made from.
    committer
        Writes to the ledger; it is told to go on.
    clock
        Answers the present instant.
    policy
        Answers the policy in force, which is put on record each time.
    tell
        Called with a word and its particulars whenever something changes.

    Attributes
    ----------
    ready
        Whether events are taken.
    why
        Why not, in words that anybody may read.
    whole
        Whether the feature state is that of the ledger and of what is about to be written.
    losses
        How often it was not.
    replayed
        Entries that were replayed the last time.
    """

    def __init__(
        self,
        *,
        state: FeatureState,
        ledger: Ledger,
        committer: Committer,
        clock: Clock,
        policy: Callable[[], PolicyRecord],
        tell: Callable[..., None],
    ) -> None:
        self._state = state
        self._ledger = ledger
        self._committer = committer
        self._clock = clock
        self._policy = policy
        self._tell = tell
        self._ending = False
        self._task: asyncio.Task[None] | None = None
        self.ready, self.why, self.whole = False, "starting", False
        self.losses = self.replayed = 0

    async def start(self) -> None:
        """Come back when events are taken."""
        self._task = asyncio.get_running_loop().create_task(self._recover())
        # Whoever stops waiting does not stop it halfway: it runs in another thread.
        await asyncio.shield(self._task)

    def end(self) -> None:
        """Take no more events."""
        self._ending = True
        self.ready, self.why = False, "draining"

    async def ended(self) -> None:
        """Come back when nothing of this uses the feature state any more."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def lose(self, problem: Exception) -> UnavailableError:
        """Stop taking events and make the feature state anew; the refusal to answer with."""
        where = _where(problem)
        self.whole = False
        if not self._ending:
            self.ready, self.why = False, f"the {where} cannot be used"
            if self._task is None or self._task.done():
                self.losses += 1
                self._task = asyncio.get_running_loop().create_task(self._recover(problem))
                self._tell("lost", level="error", where=where, why=_said(problem))
        return UnavailableError(
            f"nothing was decided: the {where} cannot be used",
            where=where,
            hint="send it again later",
        )

    def refusal(self, why: str = "") -> UnavailableError:
        """What to answer while no event is taken."""
        return UnavailableError(
            f"no event is taken now: {why or self.why}", hint="send it again later"
        )

    async def _recover(self, lost: Exception | None = None) -> None:
        loop = asyncio.get_running_loop()
        pause, told = _SHORTEST, ""
        notes: list[Record] = []
        if lost is not None:
            # A disk that has room for this note but for no event must not keep us at it.
            await asyncio.sleep(pause)
            details = {"why": _said(lost)}
            notes.append(HumanRecord("service", "recover", "state", details=details))
        while True:
            try:
                # Whatever was submitted before the loss is refused before the state is read anew.
                await loop.run_in_executor(None, self._committer.resume)
                # That this can be written shows that events can. The policy in force may have been
                # in what was refused.
                await loop.run_in_executor(None, self._append, [*notes, self._policy()])
                self.replayed = await loop.run_in_executor(None, self._state.recover, self._ledger)
                if self.replayed > _MUCH:
                    # Whatever ends this process, the next start need not do it all again.
                    await loop.run_in_executor(None, self._state.checkpoint)
            except Exception as problem:  # noqa: BLE001 - it goes on by itself, whatever it was
                if self._ending:
                    return
                self.why = f"the {_where(problem)} cannot be used"
                if _said(problem) != told:
                    told = _said(problem)
                    self._tell("not ready", level="error", where=_where(problem), why=told)
                await asyncio.sleep(pause)
                pause = min(_LONGEST, 2 * pause)
            else:
                self.whole = True
                if not self._ending:
                    self.ready, self.why = True, "ready"
                    self._tell("ready", replayed=self.replayed)
                return

    def _append(self, records: Sequence[Record]) -> None:
        self._ledger.append(records, at=to_micros(self._clock()))


def _where(problem: Exception) -> str:
    return "ledger" if isinstance(problem, LedgerError) else "feature state"


def _said(problem: Exception) -> str:
    return str(problem) if isinstance(problem, LagmarkError) else type(problem).__name__
