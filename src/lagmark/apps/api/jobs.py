"""Work that takes longer than a request: one piece at a time, watched, and remembered."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec

from lagmark.apps.api.problems import problem_of
from lagmark.atomic import replacing
from lagmark.errors import LagmarkError, UnavailableError
from lagmark.locks import claim
from lagmark.schema.time import to_micros

if TYPE_CHECKING:
    from lagmark.apps.api.command import Tell
    from lagmark.apps.api.log import Log
    from lagmark.clock import Clock

__all__ = ["Job", "Jobs", "State", "Work"]

Work = Callable[["Tell"], Awaitable[dict[str, Any]]]
"""Does the work, telling how far it is, and answers the result as JSON values."""

_ID = re.compile(r"[0-9a-f]{16}")
_LOOK = 0.2
"""Seconds between two looks at what is to be cancelled, and whose turn it is."""
_KEPT = 100
"""Jobs that are remembered after their end."""
_MOST = 16
"""Jobs that may wait."""


class State(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    """The service ended before the job did."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self not in (State.QUEUED, State.RUNNING)


class Job(msgspec.Struct, frozen=True):
    """A piece of work.

    Parameters
    ----------
    id
        16 hexadecimal digits.
    kind
        What it does: ``train``, ``generate``.
    by
        Name of the key that asked for it.
    created_at
        Microseconds since 1970 UTC.
    state
        Where it stands.
    progress, text
        Share of it that is done, 0 to 1, and what is being done.
    result
        What came of it, once it is done.
    error
        Why it failed, or ended otherwise.
    started_at, ended_at
        Microseconds since 1970 UTC.
    """

    id: str
    kind: str
    by: str
    created_at: int
    state: State = State.QUEUED
    progress: float = 0.0
    text: str = ""
    result: dict[str, Any] | None = None
    error: str = ""
    started_at: int | None = None
    ended_at: int | None = None


class Jobs:
    """Jobs of a data directory, each in a small file that is whole or not there.

    Several processes may share the directory: any of them shows and cancels all jobs, and one job
    runs at a time. Whoever works on a job holds a lock that goes with its process, so that a job
    whose process died is known to be lost.

    Parameters
    ----------
    folder
        Where they are kept.
    clock
        Answers the present instant.
    log
        Where defects are written down.
    """

    def __init__(self, folder: Path, *, clock: Clock, log: Log) -> None:
        self._folder = folder
        self._clock = clock
        self._log = log
        self._turn = asyncio.Lock()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def submit(self, kind: str, work: Work, *, by: str) -> Job:
        """Have something done when its turn comes.

        Parameters
        ----------
        kind
            What it is called.
        work
            Does it.
        by
            Who asked for it.

        Raises
        ------
        UnavailableError
            If too many jobs wait.
        """
        if len(self._tasks) > _MOST:
            raise UnavailableError("too many jobs wait", hint="try again later", retry_after=30.0)
        job = Job(secrets.token_hex(8), kind, by, self._now())
        mine = await asyncio.to_thread(self._begin, job)
        task = asyncio.create_task(self._attend(job, work, mine))
        self._tasks[job.id] = task
        task.add_done_callback(lambda _: self._gone(job.id))
        return job

    async def listed(self) -> list[Job]:
        """All jobs, latest first."""
        return await asyncio.to_thread(self._list)

    async def find(self, identifier: str) -> Job | None:
        """Job by id."""
        return await asyncio.to_thread(self._read, identifier)

    async def cancel(self, identifier: str) -> Job | None:
        """Have a job end soon, whichever process it runs in; ``None`` if there is none."""
        job = await self.find(identifier)
        if job is not None and not job.state.ended:
            await asyncio.to_thread(self._path(identifier, "stop").touch)
        return job

    async def close(self) -> None:
        """End all jobs of this process; they are lost."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _attend(self, job: Job, work: Work, mine: IO[bytes]) -> None:
        """Have a job done, write down how it goes, and cancel it when asked to."""
        now: list[Job] = [job]

        def change(**parts: Any) -> None:
            now[0] = msgspec.structs.replace(now[0], **parts)

        def tell(share: float, text: str) -> None:
            # What takes several commands begins each at 0; shown progress never goes back.
            change(progress=round(max(now[0].progress, share), 4), text=text)

        async def do() -> dict[str, Any]:
            async with self._turn:
                alone = await self._alone()
                try:
                    change(state=State.RUNNING, started_at=self._now())
                    return await work(tell)
                finally:
                    alone.close()

        doing = asyncio.create_task(do())
        stop = self._path(job.id, "stop")
        written, ended = job, State.LOST
        try:
            while not doing.done():
                await asyncio.wait({doing}, timeout=_LOOK)
                if now[0] is not written:
                    written = now[0]
                    await asyncio.to_thread(self._write, written)
                if await asyncio.to_thread(stop.exists):
                    ended = State.CANCELLED
                    break
        finally:
            doing.cancel()
            await asyncio.wait({doing})
            change(**self._outcome(doing, ended), ended_at=self._now())
            await asyncio.shield(asyncio.to_thread(self._end, now[0], mine))

    def _gone(self, identifier: str) -> None:
        task = self._tasks.pop(identifier)
        if not task.cancelled() and (problem := task.exception()) is not None:
            self._log.error(problem)

    def _outcome(self, doing: asyncio.Task[dict[str, Any]], ended: State) -> dict[str, Any]:
        if doing.cancelled():
            why = "cancelled" if ended is State.CANCELLED else "the service ended"
            return {"state": ended, "error": why}
        problem = doing.exception()
        if problem is None:
            return {"state": State.DONE, "progress": 1.0, "text": "", "result": doing.result()}
        if isinstance(problem, LagmarkError):
            hint = f"; {problem.hint}" if problem.hint else ""
            return {"state": State.FAILED, "error": f"{problem.what}{hint}"}
        if isinstance(problem, Exception):
            self._log.error(problem)
            return {"state": State.FAILED, "error": problem_of(problem).detail}
        raise problem

    async def _alone(self) -> IO[bytes]:
        """The turn, once no other process has it."""
        while True:
            turn = await asyncio.to_thread(claim, self._folder / ".turn.lock")
            if turn is not None:
                return turn
            await asyncio.sleep(_LOOK)

    def _begin(self, job: Job) -> IO[bytes]:
        mine = claim(self._path(job.id, "lock"))
        assert mine is not None
        self._write(job)
        kept = [each for each in self._list() if each.state.ended]
        for old in kept[_KEPT:]:
            self._path(old.id).unlink(missing_ok=True)
        return mine

    def _end(self, job: Job, mine: IO[bytes]) -> None:
        try:
            self._write(job)
            self._path(job.id, "stop").unlink(missing_ok=True)
            self._path(job.id, "lock").unlink(missing_ok=True)
        finally:
            # What could not be written down is found to be lost.
            mine.close()

    def _write(self, job: Job) -> None:
        with replacing(self._path(job.id)) as draft:
            draft.write_bytes(msgspec.json.format(msgspec.json.encode(job)))

    def _list(self) -> list[Job]:
        names = [path.stem for path in self._folder.glob("*.json")]
        found = [job for name in names if (job := self._read(name)) is not None]
        return sorted(found, key=lambda job: (job.created_at, job.id), reverse=True)

    def _read(self, identifier: str) -> Job | None:
        if _ID.fullmatch(identifier) is None:
            return None
        job = self._load(identifier)
        if job is None or job.state.ended:
            return job
        with suppress(OSError):
            orphan = claim(self._path(identifier, "lock"))
            if orphan is not None:
                # Looked at again: it may have ended well just now.
                job = self._load(identifier) or job
                if not job.state.ended:
                    why = "the service ended"
                    job = msgspec.structs.replace(
                        job, state=State.LOST, error=why, ended_at=self._now()
                    )
                self._end(job, orphan)
        return job

    def _load(self, identifier: str) -> Job | None:
        try:
            return msgspec.json.decode(self._path(identifier).read_bytes(), type=Job)
        except (OSError, msgspec.MsgspecError):
            return None

    def _path(self, identifier: str, suffix: str = "json") -> Path:
        return self._folder / f"{identifier}.{suffix}"

    def _now(self) -> int:
        return to_micros(self._clock())
