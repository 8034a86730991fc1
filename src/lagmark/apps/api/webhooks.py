"""Alerts to other programs: decisions posted where they are wanted, at least once, signed."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from itertools import islice
from typing import IO, TYPE_CHECKING

import msgspec

from lagmark.apps.api.hooks import HOOKS, PLACES, Hook, Sent, load, signature, store
from lagmark.atomic import replacing
from lagmark.errors import LagmarkError
from lagmark.locks import claim
from lagmark.schema.records import DecisionRecord
from lagmark.schema.time import to_micros
from lagmark.serving.answers import answer

if TYPE_CHECKING:
    from pathlib import Path

    import httpx
    import numpy as np

    from lagmark.apps.api.log import Log
    from lagmark.clock import Clock
    from lagmark.ports.ledger import Ledger

__all__ = ["SIGNATURE", "Webhooks"]

SIGNATURE = "Lagmark-Signature"
"""Header of the signature."""

_ID = re.compile(r"[0-9a-f]{16}")
_LOOK = 0.5
"""Seconds between two looks at the ledger and at the hooks."""
_PART = 1_000
"""Entries that are looked through at once."""
_STRIDE = 50_000
"""Entries without anything wanted after which the place is written all the same."""
_QUEUE = 100
"""Decisions of one hook that are in memory; the others wait in the ledger."""


class Webhooks:
    """Posts decisions to the hooks of a data directory, each in the order of the ledger.

    A hook has its place in the ledger on disk, written after what it has taken: what was decided
    while the receiver or the service was away is delivered later, and after a crash some once
    more. A receiver that is slow or gone delays no other. Of several processes one delivers.

    Parameters
    ----------
    folder
        The data directory; hooks are kept in ``webhooks/``, their places in ``webhooks-sent/``.
    ledger
        Where decisions are.
    clock
        Answers the present instant.
    rng
        Draws the jitter of pauses.
    log
        Where failures are written down.
    pause, longest
        Seconds before the first repetition, doubled each time, and the longest such pause.
    give_up
        Failures in a row after which a hook is disabled.
    patience
        Seconds that a receiver may take to answer.
    """

    def __init__(
        self,
        folder: Path,
        *,
        ledger: Ledger,
        clock: Clock,
        rng: np.random.Generator,
        log: Log,
        pause: float = 1.0,
        longest: float = 300.0,
        give_up: int = 20,
        patience: float = 10.0,
    ) -> None:
        self._hooks = folder / HOOKS
        self._places = folder / PLACES
        self._ledger = ledger
        self._clock = clock
        self._rng = rng
        self._log = log
        self._pause = pause
        self._longest = longest
        self._give_up = give_up
        self._patience = patience

    def add(self, hook: Hook) -> None:
        """Keep a hook, or another version of it; only the owner of the files can read them."""
        store(self._hooks / f"{hook.id}.json", hook)

    def remove(self, identifier: str) -> Hook | None:
        """Forget a hook; ``None`` if there was none."""
        hook = self.find(identifier)
        if hook is not None:
            (self._hooks / f"{identifier}.json").unlink(missing_ok=True)
            (self._places / f"{identifier}.json").unlink(missing_ok=True)
        return hook

    def listed(self) -> list[Hook]:
        """All hooks, oldest first."""
        found = (self.find(path.stem) for path in self._hooks.glob("*.json"))
        return sorted((hook for hook in found if hook), key=lambda each: (each.created_at, each.id))

    def find(self, identifier: str) -> Hook | None:
        """Hook by id."""
        if _ID.fullmatch(identifier) is None:
            return None
        return load(self._hooks / f"{identifier}.json", Hook)

    def sent(self, hook: Hook) -> Sent:
        """How far a hook is."""
        return load(self._places / f"{hook.id}.json", Sent) or Sent(hook.after)

    def disabled(self, hook: Hook) -> bool:
        """Whether too many attempts failed since it was put in force."""
        at = self.sent(hook).disabled_at
        return at is not None and at >= hook.enabled_at

    async def run(self) -> None:
        """Deliver for ever, while no other process does."""
        turn = await self._turn()
        tasks: dict[Hook, asyncio.Task[None]] = {}
        try:
            async with _client(self._patience) as client:
                while True:
                    wanted = await asyncio.to_thread(self._standing)
                    for hook in [each for each in tasks if each not in wanted]:
                        tasks.pop(hook).cancel()
                    for hook in wanted:
                        if hook not in tasks or tasks[hook].done():
                            tasks[hook] = asyncio.create_task(self._serve(hook, client))
                    await asyncio.sleep(_LOOK)
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)
            turn.close()

    async def _turn(self) -> IO[bytes]:
        def take() -> IO[bytes] | None:
            # Where there are no hooks, no folder is made for them.
            return claim(self._places / ".turn.lock") if self.listed() else None

        while True:
            turn = await asyncio.to_thread(take)
            if turn is not None:
                return turn
            await asyncio.sleep(_LOOK)

    def _standing(self) -> list[Hook]:
        return [hook for hook in self.listed() if not self.disabled(hook)]

    async def _serve(self, hook: Hook, client: httpx.AsyncClient) -> None:
        """Deliver to one hook until it is disabled."""
        sent = await asyncio.to_thread(self.sent, hook)
        sent = msgspec.structs.replace(sent, failures=0, disabled_at=None)
        written = sent
        try:
            while sent.disabled_at is None:
                before = sent.position
                found, position = await asyncio.to_thread(self._next, hook, before)
                for place, record in found:
                    sent = await self._deliver(hook, sent, record, client)
                    if sent.disabled_at is not None:
                        break
                    sent = msgspec.structs.replace(sent, position=place)
                else:
                    sent = msgspec.structs.replace(sent, position=position)
                if found or sent.position - written.position >= _STRIDE:
                    await asyncio.to_thread(self._keep, hook, sent)
                    written = sent
                if not found and position - before < _PART:
                    await asyncio.sleep(_LOOK)
        except (LagmarkError, OSError) as problem:
            # Ledger or disk refuse: the next look begins again from the place on disk.
            self._log.write("webhook waits", level="error", hook=hook.id, why=str(problem))
        finally:
            if sent is not written:
                with suppress(OSError):
                    await asyncio.shield(asyncio.to_thread(self._keep, hook, sent))

    def _next(self, hook: Hook, after: int) -> tuple[list[tuple[int, DecisionRecord]], int]:
        """Decisions that are wanted next, with their positions, and how far was looked."""
        words = [action.encode() for action in hook.actions]
        found: list[tuple[int, DecisionRecord]] = []
        head = self._ledger.head().position
        for entry in islice(self._ledger.entries(after=after, until=head), _PART):
            # Most entries are not wanted, and need not be decoded to see that.
            if any(word in entry.body for word in words):
                record = entry.record
                if isinstance(record, DecisionRecord) and record.decision.action in hook.actions:
                    found.append((entry.position, record))
            after = entry.position
            if len(found) == _QUEUE:
                break
        return found, after

    async def _deliver(
        self, hook: Hook, sent: Sent, record: DecisionRecord, client: httpx.AsyncClient
    ) -> Sent:
        """Post a decision until it is taken, or too often."""
        body = answer(record)
        while True:
            problem = await self._post(hook, record, body, client)
            now = to_micros(self._clock())
            if not problem:
                return msgspec.structs.replace(
                    sent, delivered=sent.delivered + 1, failures=0, last_error="", delivered_at=now
                )
            failures = sent.failures + 1
            sent = msgspec.structs.replace(sent, failures=failures, last_error=problem)
            if failures >= self._give_up:
                self._log.write("webhook disabled", level="error", hook=hook.id, why=problem)
                return msgspec.structs.replace(sent, disabled_at=now)
            await asyncio.to_thread(self._keep, hook, sent)
            pause = min(self._longest, self._pause * 2 ** min(failures - 1, 30))
            await asyncio.sleep(pause * self._rng.uniform(0.5, 1.0))

    async def _post(
        self, hook: Hook, record: DecisionRecord, body: bytes, client: httpx.AsyncClient
    ) -> str:
        """Why a decision was not taken; empty if it was."""
        import httpx

        headers = {
            "Content-Type": "application/json",
            "User-Agent": "lagmark",
            "Lagmark-Delivery": record.decision.decision_id,
            SIGNATURE: signature(hook.secret, body, to_micros(self._clock()) // 1_000_000),
        }
        try:
            async with asyncio.timeout(self._patience):
                async with client.stream(
                    "POST", hook.url, content=body, headers=headers
                ) as response:
                    # What the receiver says beside its status is of no interest.
                    return "" if response.is_success else f"status {response.status_code}"
        except TimeoutError:
            return f"no answer within {self._patience:g} s"
        except (httpx.HTTPError, OSError) as problem:
            return type(problem).__name__

    def _keep(self, hook: Hook, sent: Sent) -> None:
        place = self._places / f"{hook.id}.json"
        with replacing(place) as draft:
            draft.write_bytes(msgspec.json.encode(sent))
        # Looked at after writing: another process may remove the hook at any moment, and whichever
        # of the two is last takes the place away.
        if not (self._hooks / f"{hook.id}.json").exists():
            place.unlink(missing_ok=True)


def _client(patience: float) -> httpx.AsyncClient:
    import httpx

    # No proxy of the environment, and no other place than the one that was asked for.
    return httpx.AsyncClient(timeout=patience, follow_redirects=False, trust_env=False)
