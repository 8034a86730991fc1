"""Stored predictions, labels and health as other fraud systems ask for them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field

import lagmark
from lagmark.apps.api.answers import Appended  # noqa: TC001 -- FastAPI reads it when it runs
from lagmark.apps.api.context import CallerOf, declared, read_json
from lagmark.apps.api.fields import (
    Binary,
    Body,
    Cursor,
    EventId,
    Instant,
    cursor_text,
    position_of,
)
from lagmark.apps.api.keys import Scope
from lagmark.apps.api.routes.health import dependencies
from lagmark.apps.api.routes.labels import analyst_says, append
from lagmark.ports.ledger import DecisionQuery, Row
from lagmark.schema.decision import Action
from lagmark.schema.time import to_micros

if TYPE_CHECKING:
    from lagmark.apps.api.context import Context

__all__ = ["router"]

_SAMPLE = 10


class Part(Body):
    """Which part of the list, and as of when."""

    as_of: Instant | None = None
    limit: Annotated[int, Field(ge=1, le=1000, strict=False)] = 100
    cursor: Cursor | None = None


class StoredPrediction(Body):
    """A prediction that was made."""

    transaction_id: EventId
    prediction: int = Field(description="1 for any action but `allow`.")
    fraud_probability: float
    actual_label: int | None = Field(description="As far as known.")
    amount: int = Field(description="Minor units.")
    timestamp: Instant
    model_version: str

    @classmethod
    def of(cls, row: Row) -> StoredPrediction:
        """Answer of a row of the ledger."""
        return cls(
            transaction_id=row.event_id,
            prediction=int(row.action != Action.ALLOW),
            fraud_probability=row.probability,
            actual_label=None if row.fraud is None else int(row.fraud),
            amount=row.amount,
            timestamp=row.event_time,
            model_version=row.model_version,
        )


class StoredPredictions(Body):
    """Part of a list, latest first."""

    predictions: list[StoredPrediction]
    cursor: str | None


class Confusion(Body):
    """Labelled predictions by how they turned out."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int


class Stats(Body):
    """How predictions did."""

    total: int
    frauds: int = Field(description="Predicted.")
    non_frauds: int
    labelled: int
    accuracy: float | None
    precision: float | None
    recall: float | None
    f1: float | None
    confusion_matrix: Confusion


class ActualLabel(Body):
    """The truth about a prediction."""

    transaction_id: EventId
    actual_label: Binary


class ActualLabels(Body):
    """Many truths: all are taken, or none."""

    predictions: Annotated[list[ActualLabel], Field(min_length=1, max_length=10_000)]


class Feedback(Body):
    """An analyst's verdict."""

    transaction_id: EventId
    label: Binary


class Health(Body):
    """Whether the service is well."""

    status: str = Field(description="`healthy` or `degraded`.")
    timestamp: Instant
    version: str
    dependencies: dict[str, str]


def router(context: Context) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["compatibility"])
    ledger = context.service.ledger

    async def page(part: Part, *, flagged: bool | None) -> StoredPredictions:
        query = DecisionQuery(as_of=part.as_of, flagged=flagged)
        after = position_of(part.cursor, query)
        found = await asyncio.to_thread(ledger.query, query, limit=part.limit, cursor=after)
        return StoredPredictions(
            predictions=[StoredPrediction.of(row) for row in found.rows],
            cursor=None if found.cursor is None else cursor_text(found.cursor, query),
        )

    @routes.get(
        "/query/GET/predictions", **declared("Stored predictions", Scope.READ, errors=(404, 503))
    )
    async def stored_predictions(part: Annotated[Part, Query()]) -> StoredPredictions:
        """All, latest first."""
        return await page(part, flagged=None)

    @routes.get("/query/GET/frauds", **declared("Predicted frauds", Scope.READ, errors=(404, 503)))
    async def stored_frauds(part: Annotated[Part, Query()]) -> StoredPredictions:
        """Those with any action but `allow`."""
        return await page(part, flagged=True)

    @routes.get(
        "/query/GET/non_frauds", **declared("Predicted non-frauds", Scope.READ, errors=(404, 503))
    )
    async def stored_non_frauds(part: Annotated[Part, Query()]) -> StoredPredictions:
        """Those that were allowed."""
        return await page(part, flagged=False)

    @routes.get("/query/GET/stats", **declared("How predictions did", Scope.READ, errors=(503,)))
    async def stats(as_of: Annotated[Instant | None, Query()] = None) -> Stats:
        """Counts, and figures over those whose label is known."""
        found = await asyncio.to_thread(ledger.statistics, DecisionQuery(as_of=as_of))
        tp, fp = found.true_positives, found.false_positives
        fn, tn = found.false_negatives, found.true_negatives
        allowed = found.by_action.get(Action.ALLOW, 0)
        return Stats(
            total=found.decisions,
            frauds=found.decisions - allowed,
            non_frauds=allowed,
            labelled=found.labelled,
            accuracy=_share(tp + tn, found.labelled),
            precision=_share(tp, tp + fp),
            recall=_share(tp, tp + fn),
            f1=_share(2 * tp, 2 * tp + fp + fn),
            confusion_matrix=Confusion(
                true_positives=tp, false_positives=fp, false_negatives=fn, true_negatives=tn
            ),
        )

    @routes.put(
        "/query/PUT/predictions",
        **declared(
            "Actual labels",
            Scope.LABEL,
            body=ActualLabels,
            example={"predictions": [{"transaction_id": 17, "actual_label": 1}]},
            errors=(503,),
        ),
    )
    async def actual_labels(request: Request, caller: CallerOf) -> Appended:
        """Labels whose source is `analyst`, known from now on."""
        given = await read_json(request, ActualLabels)
        labels = [
            analyst_says(context, caller, each.transaction_id, bool(each.actual_label))
            for each in given.predictions
        ]
        return await append(context, labels)

    @routes.post(
        "/feedback",
        **declared(
            "Feedback on a prediction",
            Scope.LABEL,
            body=Feedback,
            example={"transaction_id": 17, "label": 1},
            errors=(503,),
        ),
    )
    async def feedback_on(request: Request, caller: CallerOf) -> Appended:
        """A label whose source is `analyst`, known from now on."""
        given = await read_json(request, Feedback)
        label = analyst_says(context, caller, given.transaction_id, bool(given.label))
        return await append(context, [label])

    @routes.post(
        "/feedback/sample",
        **declared("Predictions that wait for feedback", Scope.READ, errors=(503,)),
    )
    async def feedback_sample() -> StoredPredictions:
        """The latest without a label. Nothing is written: made-up labels have no place here."""
        query = DecisionQuery(labelled=False)
        found = await asyncio.to_thread(ledger.query, query, limit=_SAMPLE)
        rows = [StoredPrediction.of(row) for row in found.rows]
        return StoredPredictions(predictions=rows, cursor=None)

    @routes.get("/health", **declared("Whether the service is well", None))
    async def health() -> Health:
        """The same as `/health/dependencies`, in the form of other systems."""
        found = await dependencies(context)
        return Health(
            status="healthy" if found.status == "ready" else "degraded",
            timestamp=to_micros(context.clock()),
            version=lagmark.__version__,
            dependencies={
                "ledger": found.ledger,
                "model": "loaded" if found.models else "rules",
            },
        )

    return routes


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
