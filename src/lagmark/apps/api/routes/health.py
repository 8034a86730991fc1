"""Health for machines, figures for Prometheus."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Response
from pydantic import Field

from lagmark.apps.api.context import declared
from lagmark.apps.api.fields import Body
from lagmark.apps.api.keys import Scope
from lagmark.apps.api.metrics import CONTENT_TYPE
from lagmark.apps.api.problems import Problem
from lagmark.errors import LagmarkError

if TYPE_CHECKING:
    from lagmark.apps.api.context import Context

__all__ = ["Dependencies", "dependencies", "router"]


class State(Body):
    """Whether the service is there."""

    status: str = Field(examples=["ready"])


class Dependencies(Body):
    """What the service needs, and whether it has it."""

    status: str = Field(description="`ready` or `not_ready`.")
    ledger: str = Field(description="`connected` or `unavailable`.")
    position: int | None = Field(description="Of the ledger's last entry.")
    domain: str
    contract: str = Field(description="Hash of the features' definitions.")
    models: list[str] = Field(
        description="Versions loaded, the champion first; none where rules decide."
    )
    model_failed: bool = Field(description="Whether the champion of the registry cannot be used.")
    waiting: int = Field(description="Events that are decided or written right now.")


async def dependencies(context: Context) -> Dependencies:
    """Whether everything that decisions need is there."""
    service = context.service
    try:
        position = (await asyncio.to_thread(service.ledger.head)).position
    except LagmarkError:
        position = None
    return Dependencies(
        status="ready" if service.ready else "not_ready",
        ledger="unavailable" if position is None else "connected",
        position=position,
        domain=context.domain.name,
        contract=service.state.contract.hash,
        models=[scorer.version for scorer in service.decider.lineup.scorers],
        model_failed=bool(service.decider.lineup.failed),
        waiting=service.waiting,
    )


def router(context: Context) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["health"])

    @routes.get("/health/live", **declared("Whether the process answers", None))
    async def live() -> State:
        """Always `alive`: restart the process when there is no answer."""
        return State(status="alive")

    @routes.get("/health/ready", **declared("Whether events are decided", None, errors=(503,)))
    async def ready() -> State:
        """`ready`, or a 503 while starting, draining or recovering: send no requests then."""
        if not context.service.ready:
            why = f"no event is taken now: {context.service.why}"
            raise Problem(503, why, headers={"Retry-After": "1"})
        return State(status="ready")

    @routes.get("/health/dependencies", **declared("What the service needs and has", None))
    async def needs() -> Dependencies:
        """Ledger, models and queue. What went wrong is in the log, not here."""
        return await dependencies(context)

    text: dict[str, Any] = declared("Figures for Prometheus", Scope.READ)
    text["responses"][200] = {"content": {"text/plain": {"schema": {"type": "string"}}}}

    @routes.get("/metrics", response_class=Response, **text)
    async def metrics() -> Response:
        """Requests and latency by route, decisions by action, refusals, and what waits."""
        return Response(context.metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    return routes
