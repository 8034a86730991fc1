"""Rules with their hits, and the allow and deny lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Path, Request
from pydantic import Field

from lagmark.apps.api.answers import Answer
from lagmark.apps.api.context import CallerOf, declared, read_json
from lagmark.apps.api.fields import Body, EntityValue, Instant, Text, identifier, named
from lagmark.apps.api.keys import Scope
from lagmark.apps.api.problems import Fault, Problem
from lagmark.decisions.lists import ListEntry, Lists
from lagmark.schema.fields import Kind
from lagmark.schema.time import to_micros

if TYPE_CHECKING:
    from lagmark.apps.api.context import Context

__all__ = ["router"]

Which = Literal["allow", "deny"]
EntityName = Annotated[str, named("EntityName")]


class RuleAnswer(Answer):
    """A rule, and how often it fired since the service started."""

    name: str
    action: str
    probability: float = Field(description="What it stands for where rules answer alone.")
    text: str
    mode: str = Field(description="`active`, or `monitor`: counted, without effect.")
    enabled: bool
    when: str | None = Field(description="Its condition; null for a rule written in Python.")
    hits: int


class Rules(Answer):
    """The rules in force."""

    policy: str = Field(description="Version of rules, lists and thresholds.")
    rules: list[RuleAnswer]


class Entry(Answer):
    """One value on a list."""

    kind: Which
    field: str
    value: int | str
    reason: str
    by: str = Field(description="Name of the key that put it there.")
    added_at: Instant
    expires_at: Instant | None

    @classmethod
    def of(cls, entry: ListEntry) -> Entry:
        """Answer of an entry."""
        return cls(**{name: getattr(entry, name) for name in cls.model_fields})


class ListsAnswer(Answer):
    """Both lists; those that expired stay until the next change."""

    policy: str
    hits: dict[str, int] = Field(description="By list and field, since the service started.")
    entries: list[Entry]


class NewEntry(Body):
    """A value for a list."""

    kind: Which = Field(description="`deny` blocks, `allow` lets through.")
    field: EntityName = Field(description="Entity field of the domain.")
    value: EntityValue = Field(description="Its value.")
    reason: Text
    expires_at: Instant | None = Field(
        None, description="Events that arrive then or later do not meet it. Default: never."
    )


def router(context: Context) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["rules"])
    service, decider = context.service, context.service.decider
    entity = next(iter(context.domain.entities), "customer")
    example = {"kind": "deny", "field": entity, "value": 4711, "reason": "reported stolen"}

    def lists() -> ListsAnswer:
        entries, hits = decider.policy.lists.entries, decider.hits.as_dict()
        return ListsAnswer(
            policy=decider.policy.version,
            hits={name: _fired(hits, name) for name in sorted({each.name for each in entries})},
            entries=[Entry.of(each) for each in entries],
        )

    @routes.get("/v1/rules", **declared("Rules and their hits", Scope.READ))
    async def rules() -> Rules:
        """The rules in the order they are asked."""
        hits, content = decider.hits.as_dict(), decider.policy.content
        found = [
            RuleAnswer(
                name=rule["name"],
                action=rule["action"],
                probability=rule["probability"],
                text=rule["text"],
                mode=rule["mode"],
                enabled=rule["enabled"],
                when=rule.get("when"),
                hits=_fired(hits, rule["name"]),
            )
            for rule in (*content["file"]["rules"], *content["python"])
        ]
        return Rules(policy=decider.policy.version, rules=found)

    @routes.get("/v1/lists", **declared("Allow and deny lists", Scope.READ))
    async def get_lists() -> ListsAnswer:
        """Who is let through or refused whatever else is known, and until when."""
        return lists()

    @routes.post(
        "/v1/lists",
        **declared(
            "Put a value on a list", Scope.ADMIN, body=NewEntry, example=example, errors=(503,)
        ),
    )
    async def add_entry(request: Request, caller: CallerOf) -> ListsAnswer:
        """The value counts from the next event on; an entry of the same value is replaced."""
        given = await read_json(request, NewEntry)
        now = to_micros(context.clock())
        entry = ListEntry(
            kind=given.kind,
            field=given.field,
            value=_value(context, given.field, given.value),
            reason=given.reason,
            by=caller.name,
            added_at=now,
            expires_at=given.expires_at,
        )
        if entry.expires_at is not None and entry.expires_at <= now:
            fault = Fault("expires_at", "in the past")
            raise Problem(422, "the entry would have expired already", errors=[fault])
        known = decider.policy.lists.expire(at=now)
        revised = decider.policy.revised(lists=known.add(entry))
        await service.change_policy(revised, by=caller.name, what=f"list.add {entry.name}")
        return lists()

    @routes.delete(
        "/v1/lists/{kind}/{field}/{value:path}",
        **declared("Take a value off a list", Scope.ADMIN, errors=(404, 503)),
    )
    async def remove_entry(
        caller: CallerOf,
        kind: Which,
        field: EntityName,
        value: Annotated[str, Path(min_length=1, max_length=128), named("EntityText")],
    ) -> ListsAnswer:
        """The value no longer counts from the next event on."""
        known = _value(context, field, value)
        entry = _find(decider.policy.lists, kind, field, known)
        if entry is None:
            raise Problem(404, "this value is not on the list")
        lists_left = decider.policy.lists.remove(kind, field, known)
        revised = decider.policy.revised(lists=lists_left)
        await service.change_policy(revised, by=caller.name, what=f"list.remove {entry.name}")
        return lists()

    return routes


def _value(context: Context, name: str, raw: int | str) -> int | str:
    """Canonical value of an entity field."""
    fields = {each.name: each for each in context.domain.fields if each.kind is Kind.ENTITY}
    field = fields.get(name)
    if field is None:
        fault = Fault("field", "no entity field of this domain", f"choose of {', '.join(fields)}")
        raise Problem(422, fault.what, errors=[fault])
    return identifier(raw, integer=field.integer, field="value")


def _fired(hits: Mapping[str, Mapping[str, Any]], name: str) -> int:
    return int(hits[name]["fired"]) if name in hits else 0


def _find(lists: Lists, kind: str, field: str, value: int | str) -> ListEntry | None:
    wanted = (kind, field, value)
    found = (each for each in lists.entries if (each.kind, each.field, each.value) == wanted)
    return next(found, None)
