"""Webhooks: where decisions are posted to, and how that goes."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from fastapi import APIRouter, Path, Request
from pydantic import Field

from lagmark.apps.api.answers import Answer
from lagmark.apps.api.context import CallerOf, declared, read_json
from lagmark.apps.api.fields import Body, Instant, Text
from lagmark.apps.api.hooks import Hook, check_url
from lagmark.apps.api.keys import Scope
from lagmark.apps.api.problems import Problem
from lagmark.schema.records import HumanRecord
from lagmark.schema.time import to_micros

if TYPE_CHECKING:
    from lagmark.apps.api.context import Context
    from lagmark.apps.api.security import Caller
    from lagmark.apps.api.webhooks import Webhooks

__all__ = ["router"]

HookId = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="Id that it was given.")]
_MOST = 20
"""Hooks of a service."""


class NewHook(Body):
    """Where decisions are wanted."""

    url: Text = Field(description="https, or http on this machine.")
    secret: Annotated[str, Field(min_length=16, max_length=200)] = Field(
        description="Key of the signature; it is never answered."
    )
    actions: Annotated[
        list[Literal["step_up", "review", "block"]], Field(min_length=1, max_length=3)
    ] = Field(["review", "block"], description="Actions whose decisions are wanted.")


class HookAnswer(Answer):
    """A webhook, and how far it is."""

    id: str
    url: str
    actions: list[str]
    by: str = Field(description="Name of the key that asked for it.")
    created_at: Instant
    status: str = Field(
        description="`active`, `failing` while attempts fail, `disabled` after too many."
    )
    note: str = Field(description="Why the last attempt failed; empty if it did not.")
    position: int = Field(description="Last entry of the ledger that is done with.")
    delivered: int
    failures: int = Field(description="In a row.")
    delivered_at: Instant | None


class HookList(Answer):
    """Webhooks, oldest first."""

    webhooks: list[HookAnswer]


def router(context: Context, hooks: Webhooks) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["webhooks"])
    service = context.service

    def told(hook: Hook) -> HookAnswer:
        sent, disabled = hooks.sent(hook), hooks.disabled(hook)
        return HookAnswer(
            id=hook.id,
            url=hook.url,
            actions=list(hook.actions),
            by=hook.by,
            created_at=hook.created_at,
            status="disabled" if disabled else "failing" if sent.last_error else "active",
            note=sent.last_error,
            position=sent.position,
            delivered=sent.delivered,
            failures=sent.failures,
            delivered_at=sent.delivered_at,
        )

    async def noted(caller: Caller, what: str, hook: Hook) -> None:
        record = HumanRecord(caller.name, what, f"webhook {hook.id}", {"url": hook.url})
        await service.append([record])

    @routes.get("/v1/webhooks", **declared("Webhooks", Scope.ADMIN))
    async def list_webhooks() -> HookList:
        """All of them with how far they are; secrets are not told."""
        return await asyncio.to_thread(
            lambda: HookList(webhooks=[told(each) for each in hooks.listed()])
        )

    @routes.post(
        "/v1/webhooks",
        **declared(
            "Have decisions posted",
            Scope.ADMIN,
            body=NewHook,
            example={
                "url": "http://127.0.0.1:9000/alerts",
                "secret": "correct horse battery",  # nosec B105 - an example for the documentation
            },
            errors=(409, 503),
        ),
    )
    async def add_webhook(request: Request, caller: CallerOf) -> HookAnswer:
        """Every later decision with one of the actions is posted to the address, at least once.

        The body is the decision's answer. `Lagmark-Signature: t=SECONDS,v1=HEX` signs it, with
        HMAC-SHA256 over the seconds, a point and the body.
        """
        given = await read_json(request, NewHook)
        check_url(given.url)
        if len(await asyncio.to_thread(hooks.listed)) >= _MOST:
            raise Problem(409, f"there are {_MOST} webhooks already; remove one")
        now = to_micros(context.clock())
        head = await asyncio.to_thread(service.ledger.head)
        hook = Hook(
            id=secrets.token_hex(8),
            url=given.url,
            secret=given.secret,
            actions=tuple(dict.fromkeys(given.actions)),
            by=caller.name,
            created_at=now,
            after=head.position,
            enabled_at=now,
        )
        await noted(caller, "webhook.add", hook)
        await asyncio.to_thread(hooks.add, hook)
        return await asyncio.to_thread(told, hook)

    @routes.get("/v1/webhooks/{hook_id}", **declared("One webhook", Scope.ADMIN, errors=(404,)))
    async def one_webhook(hook_id: HookId) -> HookAnswer:
        """How far it is, and why the last attempt failed."""
        return await asyncio.to_thread(lambda: told(_known(hooks.find(hook_id))))

    @routes.post(
        "/v1/webhooks/{hook_id}:enable",
        **declared("Deliver again", Scope.ADMIN, errors=(404, 503)),
    )
    async def enable_webhook(hook_id: HookId, caller: CallerOf) -> HookAnswer:
        """A hook that was disabled goes on where it stopped."""
        hook = _known(await asyncio.to_thread(hooks.find, hook_id))
        # Later than the moment it was disabled, whatever the clock's resolution.
        at = max(to_micros(context.clock()), (hooks.sent(hook).disabled_at or 0) + 1)
        hook = msgspec.structs.replace(hook, enabled_at=at)
        await noted(caller, "webhook.enable", hook)
        await asyncio.to_thread(hooks.add, hook)
        return await asyncio.to_thread(told, hook)

    @routes.delete(
        "/v1/webhooks/{hook_id}",
        **declared("Remove a webhook", Scope.ADMIN, errors=(404, 503)),
    )
    async def remove_webhook(hook_id: HookId, caller: CallerOf) -> HookAnswer:
        """Nothing is posted to it any more; what is on its way may still arrive."""
        hook = _known(await asyncio.to_thread(hooks.find, hook_id))
        answer = await asyncio.to_thread(told, hook)
        await noted(caller, "webhook.remove", hook)
        await asyncio.to_thread(hooks.remove, hook_id)
        return answer

    return routes


def _known(hook: Hook | None) -> Hook:
    if hook is None:
        raise Problem(404, "there is no such webhook")
    return hook
