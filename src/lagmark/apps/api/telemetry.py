"""One span for each request, as OpenTelemetry's conventions for HTTP servers say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.trace import (
    SpanKind,
    StatusCode,
    format_span_id,
    format_trace_id,
    get_current_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from lagmark.apps.api.front import BATCH, ONE

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

    from lagmark.apps.api.http import Receive, Scope, Send
    from lagmark.apps.api.security import Headers

__all__ = ["TracedRequests", "span_ids"]

_METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
)
_PROPAGATOR = TraceContextTextMapPropagator()
_CONTEXT = (b"traceparent", b"tracestate")


class TracedRequests:
    """Requests with a span around each, in the trace of whoever sent it.

    A span says the template of the path and never the path, the query, a header or a body, which
    may name a customer or hold a key.

    Parameters
    ----------
    app
        Answers them.
    tracer
        Begins the spans.
    """

    def __init__(
        self, app: Callable[[Scope, Receive, Send], Awaitable[None]], tracer: Tracer
    ) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request, as ASGI says."""
        status = 0

        async def sending(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        said = scope["method"]
        method = said if said in _METHODS else "_OTHER"
        name = said if said in _METHODS else "HTTP"
        attributes = {
            "http.request.method": method,
            "url.scheme": scope["scheme"],
            "network.protocol.version": scope["http_version"],
        }
        with self._tracer.start_as_current_span(
            name,
            context=_context_of(scope["headers"]),
            kind=SpanKind.SERVER,
            attributes=attributes,
            # A message may hold values.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                await self._app(scope, receive, sending)
            except BaseException as problem:
                span.set_attribute("error.type", type(problem).__qualname__)
                span.set_status(StatusCode.ERROR)
                raise
            finally:
                route = _route_of(scope)
                if route is not None:
                    span.update_name(f"{name} {route}")
                    span.set_attribute("http.route", route)
                if status:
                    span.set_attribute("http.response.status_code", status)
                if status >= 500:
                    span.set_attribute("error.type", str(status))
                    span.set_status(StatusCode.ERROR)


def span_ids() -> dict[str, str]:
    """Ids of the present span and its trace, as a log line has them; empty where there is none."""
    context = get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {
        "trace_id": format_trace_id(context.trace_id),
        "span_id": format_span_id(context.span_id),
    }


def _context_of(headers: Headers) -> Context:
    """Where the sender's trace goes on; nothing that this task inherited counts."""
    carrier: dict[str, list[str]] = {}
    for name, value in headers:
        if name in _CONTEXT:
            carrier.setdefault(name.decode(), []).append(value.decode("latin-1"))
    # Twice is once too often, as the recommendation says: nobody could tell which is meant.
    if len(carrier.get("traceparent", ())) != 1:
        return Context()
    return _PROPAGATOR.extract(carrier, Context())


def _route_of(scope: Scope) -> str | None:
    """Template of the path, ``None`` where no route took it."""
    route = scope.get("route")
    if route is not None:
        return str(route.path)
    # The hot ones have no route, and nothing in their paths to leave out.
    return scope["path"] if scope["path"] in {ONE, BATCH} else None
