"""Labels: one, many, a file; what was said of an event; and an analyst's word."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field

from lagmark.apps.api.answers import Appended, LabelHistory, LabelMessage, RefusedRow
from lagmark.apps.api.context import CallerOf, declared, read_json
from lagmark.apps.api.fields import Body, EventId, Instant, Name, identifier, named
from lagmark.apps.api.http import JSON, content_type
from lagmark.apps.api.keys import Scope
from lagmark.apps.api.problems import Fault, Problem
from lagmark.errors import DataError
from lagmark.schema.records import LabelRecord
from lagmark.schema.time import to_micros
from lagmark.serving.intake import RefusedError
from lagmark.serving.json_schema import label_schema
from lagmark.serving.label_intake import LabelIntake

if TYPE_CHECKING:
    from lagmark.apps.api.context import Context
    from lagmark.apps.api.security import Caller

__all__ = ["ANALYST", "analyst_says", "append", "router"]

ANALYST = "analyst"
"""Source of a label that an analyst gives."""

_CSV = "text/csv"
_MOST = 10_000
_TOLD = 100
"""Refused rows of a file that are told."""
_ROWS = """event_id,known_at,fraud,source
17,2026-03-04T09:30:00Z,1,chargeback
18,2026-03-04T09:31:00Z,0,analyst
"""


class Feedback(Body):
    """What an analyst says of an event."""

    event_id: EventId
    fraud: bool
    confidence: Annotated[float, Field(ge=0, le=1)] = 1.0


async def append(
    context: Context, labels: Sequence[LabelRecord], *, received: int | None = None
) -> Appended:
    """Make labels durable in the order given.

    Raises
    ------
    UnavailableError
        If they cannot be written now; none of them is.
    """
    appended = await context.service.append(labels)
    return Appended(received=len(labels) if received is None else received, appended=appended)


def analyst_says(
    context: Context, caller: Caller, event_id: Any, fraud: bool, *, confidence: float = 1.0
) -> LabelRecord:
    """Label of an analyst, known from now on.

    Raises
    ------
    Problem
        422 if the domain can have no such event.
    """
    return LabelRecord(
        event_id=identifier(event_id, integer=context.domain.integer_id),
        known_at=to_micros(context.clock()),
        fraud=fraud,
        source=ANALYST,
        confidence=confidence,
        by=caller.name,
    )


def router(context: Context) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["labels"])
    intake = LabelIntake(context.domain)
    schema = label_schema(context.domain)
    example = schema["examples"][0]
    many = {
        "type": "object",
        "properties": {
            "labels": {"type": "array", "items": schema, "minItems": 1, "maxItems": _MOST}
        },
        "required": ["labels"],
        "additionalProperties": False,
    }

    @routes.post(
        "/v1/labels",
        **declared("One label", Scope.LABEL, body=schema, example=example, errors=(503,)),
    )
    async def add_label(request: Request, caller: CallerOf) -> Appended:
        """Keep a label. Sending it again changes nothing."""
        content_type(request.scope["headers"], JSON)
        now = to_micros(context.clock())
        return await append(context, [intake.label(await request.body(), now=now, by=caller.name)])

    @routes.post(
        "/v1/labels:batch",
        **declared(
            "Many labels",
            Scope.LABEL,
            body=many,
            example={"labels": [example]},
            errors=(503,),
        ),
    )
    async def add_labels(request: Request, caller: CallerOf) -> Appended:
        """Keep labels, all of them or, if one is wrong, none."""
        content_type(request.scope["headers"], JSON)
        now = to_micros(context.clock())
        found = intake.labels(await request.body(), now=now, by=caller.name, most=_MOST)
        faults = [
            Fault(f"labels.{row}.{each.field}".rstrip("."), each.what, each.hint)
            for row, label in enumerate(found)
            if isinstance(label, RefusedError)
            for each in label.refusals
        ]
        if faults:
            raise Problem(422, "some of the labels cannot be read", errors=faults)
        return await append(context, [each for each in found if isinstance(each, LabelRecord)])

    @routes.post(
        "/v1/labels:csv",
        **declared(
            "A file of labels",
            Scope.LABEL,
            body={"type": "string", "minLength": 1},
            example=_ROWS,
            media_type=_CSV,
            errors=(503,),
        ),
    )
    async def add_file(
        request: Request,
        caller: CallerOf,
        source: Annotated[
            Name | None, Query(description="Who says it, where there is no such column.")
        ] = None,
    ) -> Appended:
        """Keep the labels of a CSV file with the columns `event_id`, `known_at`, `fraud`, `source`.

        `reversal` and `confidence` are optional columns. Rows that are no labels are told with
        their reasons, and the others are kept.
        """
        content_type(request.scope["headers"], _CSV.encode())
        labels, refused = await asyncio.to_thread(
            _read,
            await request.body(),
            integer_ids=context.domain.integer_id,
            source=source,
            by=caller.name,
        )
        kept = Appended(received=len(labels) + len(refused), appended=0)
        if labels:
            kept = await append(context, labels, received=kept.received)
        return kept.model_copy(update={"refused": len(refused), "refusals": refused[:_TOLD]})

    @routes.get(
        "/v1/labels/{event_id:path}",
        **declared("What was said of an event", Scope.READ, errors=(503,)),
    )
    async def labels_of(
        event_id: Annotated[str, Path(min_length=1, max_length=128), named("EventText")],
        as_of: Annotated[Instant | None, Query(description="Only what was known by then.")] = None,
    ) -> LabelHistory:
        """All messages in the order they came."""
        name = identifier(event_id, integer=context.domain.integer_id)
        found = await asyncio.to_thread(context.service.ledger.labels, name, as_of=as_of)
        return LabelHistory(
            event_id=name,
            labels=[LabelMessage.of(label) for label in found],
        )

    @routes.post(
        "/v1/feedback",
        **declared(
            "An analyst's verdict",
            Scope.LABEL,
            body=Feedback,
            example={"event_id": 17, "fraud": True},
            errors=(503,),
        ),
    )
    async def feedback(request: Request, caller: CallerOf) -> Appended:
        """A label whose source is `analyst`, known from now on."""
        given = await read_json(request, Feedback)
        label = analyst_says(
            context, caller, given.event_id, given.fraud, confidence=given.confidence
        )
        return await append(context, [label])

    return routes


def _read(
    body: bytes, *, integer_ids: bool, source: str | None, by: str
) -> tuple[list[LabelRecord], list[RefusedRow]]:
    """Labels of a CSV file under the same rules as an import of the file, and its other rows."""
    from lagmark.sources.files import read_table
    from lagmark.sources.label_messages import read_messages

    with tempfile.TemporaryDirectory() as folder:
        path = FilePath(folder) / "labels.csv"
        path.write_bytes(body)
        try:
            reading = read_messages(read_table(path), integer_ids=integer_ids, source=source)
        except DataError as problem:
            # The path is ours, not the sender's.
            fault = Fault("body", problem.what, problem.hint)
            raise Problem(422, problem.what, errors=[fault]) from None
    labels = [
        LabelRecord(
            event_id=row["event_id"],
            known_at=row["known_at"],
            fraud=row["fraud"],
            source=row["source"],
            reversal=row["reversal"],
            confidence=row["confidence"],
            by=by,
        )
        for row in reading.messages.iter_rows(named=True)
    ]
    refused = [
        RefusedRow(row=row, reasons=list(reasons))
        for row, reasons in reading.dead.select("row", "reasons").rows()
    ]
    return labels, refused
