"""Data: how much there is, synthetic events, and the end of all."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from lagmark.apps.api.answers import Answer
from lagmark.apps.api.context import CallerOf, declared, read_json
from lagmark.apps.api.fields import Instant  # noqa: TC001 -- Pydantic reads it when it runs
from lagmark.apps.api.generating import Generation, generating
from lagmark.apps.api.keys import Scope
from lagmark.apps.api.problems import Problem
from lagmark.apps.api.routes.jobs import JobAnswer, accepted
from lagmark.apps.jobs.service_data import count_by_day, count_data

if TYPE_CHECKING:
    from lagmark.apps.api.command import Command
    from lagmark.apps.api.context import Context
    from lagmark.apps.api.jobs import Jobs
    from lagmark.apps.api.security import Caller

__all__ = ["Clear", "router"]

Clear = Callable[[str, dict[str, Any]], Awaitable[None]]
"""Empties ledger and feature state; told who asked, and what there was."""

Token = Annotated[
    str | None,
    Query(pattern="^[0-9a-f]{32}$", description="`confirm` of the answer to the first request."),
]
_NOT_HERE = "the data of a cluster is cleared by who runs its Postgres and Redis"


class Day(Answer):
    """Counts of one day."""

    day: str = Field(description="Of the event, UTC.")
    events: int
    labelled: int = Field(description="Events with a verdict as of the query.")
    frauds: int


class Counts(Answer):
    """What the ledger holds as of the query."""

    entries: int = Field(description="Position of the last entry, whatever it is.")
    digest: str = Field(description="Its digest.")
    events: int
    labelled: int
    frauds: int
    amount: int = Field(description="Minor units.")
    fraud_amount: int
    by_action: dict[str, int]


class Data(Counts):
    """What the ledger holds, and how it spreads over days."""

    days: list[Day]


class Cleared(Answer):
    """What is to be cleared, or was."""

    cleared: bool
    counts: Counts = Field(description="What there was before.")
    confirm: str | None = Field(
        description="Send it as `?confirm=` to clear; it is void as soon as anything is added."
    )


class CompatibleMessage(Answer):
    """What was done."""

    status: str
    message: str
    job_id: str | None = None


def router(
    context: Context, jobs: Jobs, command: Command, data: Path, clear: Clear | None
) -> APIRouter:
    """The routes.

    Parameters
    ----------
    context, jobs, command
        What they work with.
    data
        Directory of the service.
    clear
        Empties ledger and feature state; ``None`` where that is not the service's to do.
    """
    routes = APIRouter(tags=["data"])
    secret = secrets.token_bytes(32)

    async def generated(asked: Generation, caller: Caller) -> Any:
        work = await asyncio.to_thread(generating, asked, context, command, data, caller.name)
        return await jobs.submit("generate", work, by=caller.name)

    async def cleared(caller: Caller, token: str | None) -> Cleared:
        if clear is None:
            raise Problem(409, _NOT_HERE)
        counts = await asyncio.to_thread(count_data, context.service.ledger)
        # It names what was counted: what came since then is not cleared unseen.
        named = f"{caller.key}\0{counts['entries']}\0{counts['digest']}".encode()
        wanted = hmac.new(secret, named, hashlib.sha256).hexdigest()[:32]
        if token is None:
            return Cleared(cleared=False, counts=Counts(**counts), confirm=wanted)
        if not hmac.compare_digest(token, wanted):
            raise Problem(409, "this confirmation is void: something was added since; ask again")
        if any(not job.state.ended for job in await jobs.listed()):
            raise Problem(409, "a job is at work; wait for it, or cancel it")
        await clear(caller.name, counts)
        return Cleared(cleared=True, counts=Counts(**counts), confirm=None)

    @routes.get("/v1/data", **declared("What there is", Scope.READ, errors=(503,)))
    async def get_data(
        as_of: Annotated[Instant | None, Query(description="Only what was known by then.")] = None,
        until: Annotated[
            Instant | None,
            Query(description="An instant of the last day; that of the last event when absent."),
        ] = None,
        days: Annotated[int, Query(ge=1, le=366, description="Days that are listed.")] = 30,
    ) -> Data:
        """Events, labels and frauds, in all and by day."""

        def count() -> Data:
            ledger = context.service.ledger
            listed = count_by_day(ledger, as_of=as_of, until=until, days=days)
            return Data(**count_data(ledger, as_of=as_of), days=[Day(**each) for each in listed])

        return await asyncio.to_thread(count)

    @routes.post(
        "/v1/data:generate",
        status_code=202,
        **declared(
            "Generate synthetic events",
            Scope.TRAIN,
            body=Generation,
            example={"users": 100, "days": 14, "seed": 7},
            errors=(409, 503),
        ),
    )
    async def generate_data(request: Request, caller: CallerOf, response: Response) -> JobAnswer:
        """A job: a world is simulated, and its events are decided on like any others.

        So lists, statistics, training and dashboards have them. Labels come at the time they
        become known; those of the future are left out. `409` if later events are there already.
        """
        asked = await read_json(request, Generation)
        return accepted(await generated(asked, caller), response)

    @routes.delete("/v1/data", **declared("Clear the data", Scope.ADMIN, errors=(409, 503)))
    async def delete_data(caller: CallerOf, confirm: Token = None) -> Cleared:
        """Without `confirm` it answers what there is and the word that confirms; with it, all goes.

        Ledger and feature state go; models, keys, rules and lists stay. The new ledger begins with
        who cleared it and what there was.
        """
        return await cleared(caller, confirm)

    optional = declared(
        "Generate synthetic events",
        Scope.TRAIN,
        body=Generation,
        example={"users": 100, "days": 14},
        errors=(409, 503),
    )
    optional["openapi_extra"]["requestBody"]["required"] = False

    @routes.post("/data/generate", status_code=202, tags=["compatibility"], **optional)
    async def generate(request: Request, caller: CallerOf, response: Response) -> CompatibleMessage:
        """As `/v1/data:generate`; the body may be empty."""
        asked = Generation()
        if await request.body():
            asked = await read_json(request, Generation)
        job = await generated(asked, caller)
        accepted(job, response)
        return CompatibleMessage(
            status="accepted", message=f"watch it at /v1/jobs/{job.id}", job_id=job.id
        )

    @routes.delete(
        "/data/clear",
        tags=["compatibility"],
        **declared("Clear the data", Scope.ADMIN, errors=(409, 503)),
    )
    async def clear_all(caller: CallerOf, confirm: Token = None) -> CompatibleMessage:
        """As `DELETE /v1/data`: the first call names the word that confirms."""
        found = await cleared(caller, confirm)
        if found.cleared:
            return CompatibleMessage(status="cleared", message=f"{found.counts.events} events gone")
        return CompatibleMessage(
            status="confirm", message=f"send ?confirm={found.confirm} to clear all"
        )

    return routes
