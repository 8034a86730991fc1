"""The application: all routes but the hot one, with their gate in front."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

import lagmark
from lagmark.apps.api.context import declared
from lagmark.apps.api.docs_page import docs_page
from lagmark.apps.api.gate import REQUEST_ID, Gate
from lagmark.apps.api.keys import Scope
from lagmark.apps.api.openapi import document, methods
from lagmark.apps.api.problems import MEDIA_TYPE, Problem, faults_of, problem_of
from lagmark.apps.api.routes import compatible, decisions, health, labels, queries, rules
from lagmark.errors import LagmarkError

if TYPE_CHECKING:
    from fastapi.telemetry import TelemetryConfig

    from lagmark.apps.api.context import Context
    from lagmark.apps.api.log import Log
    from lagmark.apps.api.security import Guard

__all__ = ["build"]

_ROUTERS = (decisions, labels, rules, health, compatible, queries)
# The framework's own spans would name paths and queries; ours, in telemetry, do not.
_SILENT: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}
_DOCS_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


def build(
    context: Context,
    *,
    guard: Guard,
    log: Log,
    routers: Sequence[Callable[[Context], APIRouter]] = (),
) -> Gate:
    """Application of a service, as ASGI.

    Parameters
    ----------
    context
        What routes work with.
    guard
        Says who calls.
    log
        Where requests and errors are written down.
    routers
        Makers of further routes.
    """
    app = FastAPI(
        telemetry=_SILENT,
        title="Lagmark",
        version=lagmark.__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )

    async def foreseen(request: Request, error: Exception) -> Response:
        problem = problem_of(error)
        if problem.status == 500:
            log.error(error, request_id=request.scope[REQUEST_ID])
        return _answer(request, problem)

    async def unmatched(request: Request, error: Exception) -> Response:
        """What no route takes: the path, its method, or what stands in it."""
        allowed = methods(openapi(), request.url.path)
        if allowed and request.method not in allowed:
            headers = {"Allow": ", ".join(allowed)}
            return _answer(request, Problem(405, "this path has no such method", headers=headers))
        if isinstance(error, RequestValidationError):
            faults = faults_of(error.errors())
            return _answer(
                request, Problem(422, "the request is not what this route takes", errors=faults)
            )
        return _answer(request, Problem(404, "there is no such path; /docs lists those there are"))

    made: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        # Once all routes are there.
        if not made:
            made.update(document(app, context))
        return made

    for module in _ROUTERS:
        app.include_router(module.router(context))
    for make in routers:
        app.include_router(make(context))
    app.include_router(_documentation(openapi))
    app.add_exception_handler(RequestValidationError, unmatched)
    app.add_exception_handler(HTTPException, unmatched)
    app.add_exception_handler(Problem, _known)
    app.add_exception_handler(LagmarkError, foreseen)
    # Starlette answers with this one and raises the error again, for the gate to log.
    app.add_exception_handler(Exception, _known)
    return Gate(app, guard=guard, metrics=context.metrics, log=log)


def _documentation(openapi: Callable[[], dict[str, Any]]) -> APIRouter:
    routes = APIRouter(tags=["documentation"])

    @routes.get("/openapi.json", response_class=Response, **declared("This document", Scope.READ))
    async def openapi_json() -> Response:
        """The OpenAPI 3.1 document."""
        return Response(msgspec.json.encode(openapi()), media_type="application/json")

    text = declared("This document for people", Scope.READ)
    text["responses"][200] = {"content": {"text/html": {"schema": {"type": "string"}}}}

    @routes.get("/docs", response_class=Response, **text)
    async def docs() -> Response:
        """One page that loads nothing from anywhere."""
        return Response(
            docs_page(openapi()),
            media_type="text/html",
            headers={"Content-Security-Policy": _DOCS_POLICY},
        )

    return routes


async def _known(request: Request, error: Exception) -> Response:
    return _answer(request, problem_of(error))


def _answer(request: Request, problem: Problem) -> Response:
    return Response(
        problem.body(request.scope[REQUEST_ID].decode()),
        status_code=problem.status,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )
