"""The gate that every request but the hot one comes through, in plain ASGI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from lagmark.apps.api.http import (
    Receive,
    Scope,
    Send,
    check_query,
    limit_of,
    read_body,
    refuse,
    request_id_of,
    standing_headers,
)
from lagmark.apps.api.problems import problem_of
from lagmark.clock import stopwatch

if TYPE_CHECKING:
    from lagmark.apps.api.log import Log
    from lagmark.apps.api.metrics import Metrics
    from lagmark.apps.api.security import Caller, Guard

__all__ = ["CALLER", "REQUEST_ID", "Gate"]

CALLER = "lagmark.caller"
"""Where a request's scope has its :class:`~lagmark.apps.api.security.Caller`."""
REQUEST_ID = "lagmark.request_id"
"""Where it has its id, bytes."""

_BROWSED = {"/docs", "/openapi.json", "/metrics"}
"""Paths that people open in a browser, which sends the key as HTTP Basic."""
_OPEN = ("/health", "/health/live", "/health/ready", "/health/dependencies")
"""The only paths that need no key."""


class Gate:
    """Identifies, limits, counts and logs requests, and gives every answer its standing headers.

    Bodies are read whole before the application sees them, so that none is longer than it may be.

    Parameters
    ----------
    app
        The application behind it.
    guard
        Says who calls.
    metrics, log
        Where requests are counted and written down.
    """

    def __init__(
        self,
        app: Callable[[Scope, Receive, Send], Awaitable[None]],
        *,
        guard: Guard,
        metrics: Metrics,
        log: Log,
    ) -> None:
        self._app = app
        self._guard = guard
        self._metrics = metrics
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one connection, as ASGI says."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = stopwatch()
        request_id = request_id_of(scope["headers"])
        scope[REQUEST_ID] = request_id
        status = 0

        async def sending(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(pair for pair in standing_headers(scope, request_id) if pair[0] not in own),
                ]
            await send(message)

        try:
            await self._pass(scope, receive, sending)
        except Exception as error:  # noqa: BLE001 - nothing may reach the sender but a document
            problem = problem_of(error)
            if problem.status == 500:
                self._log.error(error, request_id=request_id)
            if status == 0:
                status = problem.status
                await refuse(scope, send, problem, request_id=request_id)
        finally:
            seconds = stopwatch() - started
            route = getattr(scope.get("route"), "path", "-")
            caller: Caller | None = scope.get(CALLER)
            self._metrics.request(scope["method"], route, status, seconds)
            self._log.request(
                request_id=request_id,
                method=scope["method"],
                route=route,
                status=status,
                seconds=seconds,
                key=caller.key if caller else "",
            )

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, headers = scope["path"], scope["headers"]
        if path not in _OPEN:
            scope[CALLER] = self._guard.admit(headers, basic=path in _BROWSED)
        check_query(scope["query_string"])
        body = await read_body(receive, headers, limit_of(path))
        given = False

        async def replayed() -> MutableMapping[str, Any]:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replayed, send)
