"""Decisions that were made: lists, statistics, one with its explanation, replay."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field, StringConstraints

from lagmark.apps.api.answers import (
    DecisionPage,
    DecisionRow,
    FullDecision,
    LedgerHead,
    Replayed,
    Statistic,
)
from lagmark.apps.api.context import declared
from lagmark.apps.api.explanation import explain, replay
from lagmark.apps.api.fields import (
    Body,
    Cursor,
    Instant,
    Text,
    cursor_text,
    identifier,
    named,
    position_of,
)
from lagmark.apps.api.keys import Scope
from lagmark.apps.api.problems import Fault, Problem
from lagmark.ports.ledger import DecisionQuery

if TYPE_CHECKING:
    from lagmark.apps.api.context import Context

__all__ = ["Filters", "query_of", "router"]

_ACTION = "(allow|step_up|review|block)"

DecisionId = Annotated[
    str,
    Path(
        pattern=r"^[0-9a-f]{32}$",
        description="`decision_id` of an answer.",
        examples=["0cc175b9c0f1b6a831c399e269772661"],
    ),
]

Subject = Annotated[Text, named("EntityText")]


class Filters(Body):
    """Which decisions are asked for; what is not given does not restrict."""

    as_of: Instant | None = Field(
        None, description="Only what had arrived and was known by then. Default: everything."
    )
    since: Instant | None = Field(None, description="Events that happened then or later.")
    until: Instant | None = Field(None, description="Events that happened before then.")
    action: Annotated[
        str | None,
        StringConstraints(pattern=f"^{_ACTION}(,{_ACTION}){{0,3}}$"),
        Field(description="Actions taken, separated by commas.", examples=["block,review"]),
    ] = None
    model_version: Text | None = Field(None, description="Version that decided.")
    minimum_score: Annotated[int | None, Field(ge=1, le=99, strict=False)] = None
    subject: Subject | None = Field(None, description="Customer or card.")
    labelled: Annotated[bool | None, Field(strict=False)] = Field(
        None, description="Whether a label is known as of then."
    )
    fraud: Annotated[bool | None, Field(strict=False)] = Field(
        None, description="The verdict known as of then."
    )
    flagged: Annotated[bool | None, Field(strict=False)] = Field(
        None,
        description="Whether the action was anything but `allow`. False positives are "
        "`flagged=true&fraud=false`, false negatives `flagged=false&fraud=true`.",
    )


class PagedFilters(Filters):
    """Filters and the part of the list that is wanted."""

    limit: Annotated[int, Field(ge=1, le=1000, strict=False)] = 100
    cursor: Cursor | None = None


def query_of(context: Context, filters: Filters) -> DecisionQuery:
    """The ledger's query for some filters.

    Raises
    ------
    Problem
        422 if the subject cannot be one of this domain.
    """
    actions = filters.action.split(",") if filters.action else None
    return DecisionQuery(
        as_of=filters.as_of,
        since=filters.since,
        until=filters.until,
        actions=tuple(sorted(set(actions))) if actions else None,
        model_version=filters.model_version,
        minimum_score=filters.minimum_score,
        subject=_subject(context, filters.subject),
        labelled=filters.labelled,
        fraud=filters.fraud,
        flagged=filters.flagged,
    )


def _subject(context: Context, text: str | None) -> int | str | None:
    if text is None:
        return None
    domain = context.domain
    if domain.subject is None:
        fault = Fault("subject", f"events of domain {domain.name!r} have none")
        raise Problem(422, fault.what, errors=[fault])
    integer = domain.field_named(domain.subject).integer
    return identifier(text, integer=integer, field="subject")


def router(context: Context) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["decisions"])
    service = context.service

    @routes.get(
        "/v1/decisions",
        **declared("Decisions, latest first", Scope.READ, errors=(404, 503)),
    )
    async def list_decisions(filters: Annotated[PagedFilters, Query()]) -> DecisionPage:
        """Decisions that the filters leave, a page at a time.

        The four cases of a confusion matrix are `flagged` and `fraud` together. Decisions that are
        made while you page do not move what you have not seen.
        """
        query = query_of(context, filters)
        after = position_of(filters.cursor, query)
        page = await asyncio.to_thread(
            service.ledger.query, query, limit=filters.limit, cursor=after
        )
        return DecisionPage(
            decisions=[DecisionRow.of(row) for row in page.rows],
            cursor=None if page.cursor is None else cursor_text(page.cursor, query),
        )

    @routes.get(
        "/v1/decisions:statistics",
        **declared("Counts and sums over decisions", Scope.READ, errors=(503,)),
    )
    async def statistics(filters: Annotated[Filters, Query()]) -> Statistic:
        """How many decisions the filters leave, by action and by how they turned out."""
        query = query_of(context, filters)
        return Statistic.of(await asyncio.to_thread(service.ledger.statistics, query))

    @routes.get(
        "/v1/decisions/{decision_id}",
        **declared("One decision, explained", Scope.READ, errors=(404, 503)),
    )
    async def one_decision(decision_id: DecisionId) -> FullDecision:
        """The event, its features, the decision, every feature's contribution, and its labels."""
        return await explain(context, decision_id)

    @routes.post(
        "/v1/decisions/{decision_id}:replay",
        **declared("A decision's score computed again", Scope.READ, errors=(404, 503)),
    )
    async def replay_decision(decision_id: DecisionId) -> Replayed:
        """The score of the stored features by the model that decided, if it is still loaded.

        Nothing is written. `lagmark verify` recomputes features, rules and actions as well.
        """
        return await replay(context, decision_id)

    @routes.get(
        "/v1/ledger/head",
        tags=["ledger"],
        **declared("End of the ledger", Scope.READ, errors=(503,)),
    )
    async def head() -> LedgerHead:
        """Position and digest of the last entry: who keeps it can prove a later change."""
        found = await asyncio.to_thread(service.ledger.head)
        return LedgerHead(position=found.position, digest=found.digest.hex())

    return routes
