"""The line-up of the registry put in charge, without a request noticing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from lagmark.backends.lineup import LINEUP
from lagmark.wiring.serving import load_lineup

if TYPE_CHECKING:
    from lagmark.apps.api.log import Log
    from lagmark.serving.service import DecisionService
    from lagmark.wiring.serving import Served

__all__ = ["Lineups"]

_WATCH = 1.0
"""Seconds between two looks at the registry's line-up."""


class Lineups:
    """Keeps the service's models those that the registry says.

    Models are read in another thread and take their places between two decisions: whoever asks
    meanwhile is answered by the old ones. A champion that cannot be loaded does not take the place
    of one that decides.

    Parameters
    ----------
    served
        What is served.
    service
        Whose models they are.
    log
        Where changes are written down.
    """

    def __init__(self, served: Served, service: DecisionService, *, log: Log) -> None:
        self._served = served
        self._service = service
        self._log = log
        self._path = served.data / "registry" / LINEUP
        self._seen = self._mark()
        self._one = asyncio.Lock()

    async def reload(self) -> None:
        """Read the models again, and come back when they are in charge."""
        async with self._one:
            await self._take(await asyncio.to_thread(self._mark))

    async def watch(self) -> None:
        """Follow the registry for ever."""
        while True:
            await asyncio.sleep(_WATCH)
            async with self._one:
                mark = await asyncio.to_thread(self._mark)
                if mark != self._seen:
                    await self._take(mark)

    async def _take(self, mark: int) -> None:
        found = await asyncio.to_thread(load_lineup, self._served)
        decider = self._service.decider
        if found.failed and decider.lineup.champion is not None:
            found = msgspec.structs.replace(found, champion=decider.lineup.champion)
        decider.lineup, self._seen = found, mark
        self._log.write("line-up", **decider.status())

    def _mark(self) -> int:
        """What changes whenever the line-up does."""
        try:
            return self._path.stat().st_mtime_ns
        except OSError:
            return 0
