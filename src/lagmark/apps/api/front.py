"""The hot route in plain ASGI, in front of the application that holds all others."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lagmark.apps.api.http import (
    BULK_LIMIT,
    JSON,
    SINGLE_LIMIT,
    Receive,
    Scope,
    Send,
    answer,
    check_query,
    content_type,
    read_body,
    refuse,
    request_id_of,
)
from lagmark.apps.api.keys import Scope as KeyScope
from lagmark.apps.api.problems import problem_of
from lagmark.clock import stopwatch
from lagmark.errors import LagmarkError
from lagmark.schema.time import to_micros
from lagmark.serving.intake import RefusedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from lagmark.apps.api.log import Log
    from lagmark.apps.api.metrics import Metrics
    from lagmark.apps.api.security import Caller, Guard
    from lagmark.clock import Clock
    from lagmark.serving.intake import Intake, Received
    from lagmark.serving.service import DecisionService

__all__ = ["BATCH", "ONE", "Front"]

ONE = "/v1/decisions"
BATCH = "/v1/decisions:batch"
_HOT = frozenset({ONE, BATCH})
_TOGETHER = 1_000
"""Events of one request that wait together, so that others find room."""
_EXPLAINED = b"reasons=all"
"""Query with which a batch also explains what it allows; else only what it does not."""


class Front:
    """Answers events itself and hands every other request on.

    A request for a decision costs some microseconds here; a framework's routing and validation
    would cost more than the decision.

    Parameters
    ----------
    app
        Application for all other requests.
    service
        Decides.
    intake
        Reads events.
    guard
        Says who calls.
    metrics, log
        Where requests are counted and written down.
    clock
        Answers the present instant.
    """

    def __init__(
        self,
        app: Callable[[Scope, Receive, Send], Awaitable[None]],
        *,
        service: DecisionService,
        intake: Intake,
        guard: Guard,
        metrics: Metrics,
        log: Log,
        clock: Clock,
    ) -> None:
        self._app = app
        self._service = service
        self._intake = intake
        self._guard = guard
        self._metrics = metrics
        self._log = log
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one connection, as ASGI says."""
        hot = scope["type"] == "http" and scope["path"] in _HOT and scope["method"] == "POST"
        if not hot:
            await self._app(scope, receive, send)
            return
        started = stopwatch()
        headers = scope["headers"]
        request_id = request_id_of(headers)
        caller: Caller | None = None
        status = 200
        try:
            caller = self._guard.admit(headers)
            caller.require(KeyScope.DECIDE)
            content_type(headers, JSON)
            check_query(scope["query_string"])
            if scope["path"] == ONE:
                body = await read_body(receive, headers, SINGLE_LIMIT)
                text = await self._one(body, started)
            else:
                body = await read_body(receive, headers, BULK_LIMIT)
                text = await self._many(
                    body, started, explained=_EXPLAINED in scope["query_string"]
                )
            await answer(scope, send, 200, text, request_id=request_id)
        except Exception as error:  # noqa: BLE001 - nothing may reach the sender but a document
            problem = problem_of(error)
            status = problem.status
            if status == 500:
                self._log.error(error, request_id=request_id)
            await refuse(scope, send, problem, request_id=request_id)
        seconds = stopwatch() - started
        self._metrics.request("POST", scope["path"], status, seconds)
        # What was decided stands in the ledger; a line for each would cost more than the decision.
        if status != 200:
            self._log.request(
                request_id=request_id,
                method="POST",
                route=scope["path"],
                status=status,
                seconds=seconds,
                key=caller.key if caller else "",
            )

    async def _one(self, body: bytes, started: float) -> bytes:
        try:
            received = self._intake.event(body, now=to_micros(self._clock()))
        except RefusedError as refused:
            self._count(refused)
            raise
        self._service.counts["rounded"] += len(received.rounded)
        return await self._service.decide(received.event, started)

    async def _many(self, body: bytes, started: float, *, explained: bool) -> bytes:
        """Answers in the order of the events; one that is no event has its problem instead."""
        received = self._intake.events(body, now=to_micros(self._clock()))
        texts: list[bytes] = []
        for first in range(0, len(received), _TOGETHER):
            part = received[first : first + _TOGETHER]
            texts += await self._answers(part, started, explained=explained)
        return b'{"results":[' + b",".join(texts) + b"]}"

    async def _answers(
        self, received: Sequence[Received | RefusedError], started: float, *, explained: bool
    ) -> list[bytes]:
        submit, counts = self._service.submit, self._service.counts
        waiting: list[asyncio.Future[bytes] | Exception] = []
        for each in received:
            if isinstance(each, RefusedError):
                self._count(each)
                waiting.append(each)
                continue
            counts["rounded"] += len(each.rounded)
            try:
                waiting.append(submit(each.event, started, explained=explained))
            except LagmarkError as problem:
                waiting.append(problem)
        for answered in waiting:
            # Many are answered at once, so that few are waited for. Unlike awaiting it, this takes
            # no answer from others when the sender goes away.
            if isinstance(answered, asyncio.Future) and not answered.done():
                await asyncio.wait([answered])
        return [_text(answered) for answered in waiting]

    def _count(self, refused: RefusedError) -> None:
        self._metrics.refused({each.field for each in refused.refusals})


def _text(answered: asyncio.Future[bytes] | Exception) -> bytes:
    if isinstance(answered, asyncio.Future):
        problem = answered.exception()
        if not isinstance(problem, Exception):
            return answered.result()
        answered = problem
    return b'{"error":' + problem_of(answered).body("") + b"}"
