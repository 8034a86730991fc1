"""Commands of the command line, run beside the service in a process of their own.

What loads the registry or trains a model would keep the event loop and its thread's lock for
seconds. A process of low priority, with one thread, leaves decisions their time.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lagmark import errors
from lagmark.errors import LagmarkError

if TYPE_CHECKING:
    from asyncio import StreamReader
    from asyncio.subprocess import Process

    from lagmark.settings import ServeSettings

__all__ = ["Command", "Tell"]

Tell = Callable[[float, str], None]
"""Told the share of the work that is done, 0 to 1, and what is being done."""

_PROGRAM = """
import os, sys
if hasattr(os, "nice"):
    os.nice(10)
from lagmark.apps.cli.app import main
sys.exit(main())
"""
_ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "LAGMARK_THREADS",
)
_LINE = 1 << 20
"""Bytes of the longest line that is read."""
_GRACE = 10.0
"""Seconds that a command has to end when it is told to."""


class Command:
    """Runs ``lagmark COMMAND --json``.

    Parameters
    ----------
    settings
        Those of the service, which the command works on.
    """

    def __init__(self, settings: ServeSettings) -> None:
        environment = {**os.environ, **dict.fromkeys(_ONE_THREAD, "1")}
        environment |= {"LAGMARK_PROGRESS": "json", "LAGMARK_PROFILE": settings.profile}
        if settings.ledger_url is not None:
            environment["LAGMARK_LEDGER_URL"] = settings.ledger_url.get_secret_value()
        self._environment = environment

    async def run(
        self, arguments: Sequence[str], tell: Tell = lambda _share, _text: None, *, steps: int = 1
    ) -> dict[str, Any]:
        """Outcome of a command; cancelling the task ends the command.

        Parameters
        ----------
        arguments
            The command with its options.
        tell
            Told how far it is.
        steps
            Bars of progress that the command is expected to show.

        Raises
        ------
        LagmarkError
            As the command refused, or if it died.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _PROGRAM, *arguments, "--json",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LINE,
            env=self._environment,
            # Ctrl-C in a terminal is for the service, which ends its commands itself.
            start_new_session=True,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            said, last = await asyncio.gather(
                process.stdout.read(), _listen(process.stderr, tell, steps)
            )
            status = await process.wait()
        except BaseException:
            await _end(process)
            raise
        return _outcome(said, status, arguments[0], last)


async def _listen(stream: StreamReader, tell: Tell, steps: int) -> str:
    """Hand progress on; the last lines that are none."""
    others: deque[str] = deque(maxlen=5)
    begun: list[str] = []
    async for line in stream:
        try:
            told = json.loads(line)
            text, share = str(told["text"]), told["done"] / max(told["total"], 1)
        except (ValueError, KeyError, TypeError):
            others.append(line.decode(errors="replace").strip())
            continue
        if text not in begun:
            begun.append(text)
        done = len(begun) - 1 + min(share, 1.0)
        tell(min(done / max(steps, len(begun)), 1.0), text)
    return " ".join(others)


def _outcome(said: bytes, status: int, command: str, last: str) -> dict[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads(said)
    except ValueError:
        found = {}
    problem = found.get("error")
    if status == 0 and found and problem is None:
        return dict(found)
    if isinstance(problem, Mapping):
        kind = getattr(errors, str(problem.get("kind")), LagmarkError)
        raise kind(str(problem["what"]), where=str(problem["where"]), hint=str(problem["hint"]))
    raise LagmarkError(f"`lagmark {command}` ended with status {status}: {last}"[:500])


async def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(asyncio.shield(process.wait()), _GRACE)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
