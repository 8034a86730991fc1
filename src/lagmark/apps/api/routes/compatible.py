"""Requests and answers of other fraud systems, so that their clients can switch."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import APIRouter, Request
from pydantic import Field

from lagmark.apps.api.context import declared
from lagmark.apps.api.fields import Body
from lagmark.apps.api.foreign import Form, parse_object
from lagmark.apps.api.http import JSON, content_type
from lagmark.apps.api.keys import Scope
from lagmark.apps.api.problems import Fault, Problem
from lagmark.clock import stopwatch
from lagmark.schema.decision import Action
from lagmark.serving.answers import Answer

if TYPE_CHECKING:
    from lagmark.apps.api.context import Context

__all__ = ["router"]

_MOST = 1000
_DECODER = msgspec.json.Decoder(Answer)
_SIGNAL = frozenset({"user_id", "amount", "client_transaction_id", "timestamp"})
_FIRST = frozenset({"customer_id", "merchant_id", "amount", "timestamp", "transaction_id"})
_SECOND = frozenset(
    {"customer_id", "merchant_name", "amount_usd", "transaction_time", "transaction_id"}
)
_TELLING = {"merchant_name", "amount_usd", "transaction_time"}
"""Names that only the second form has."""


class Factor(Body):
    """One ground of a signal."""

    name: str
    contribution: float
    text: str


class Signal(Body):
    """How risky an event is."""

    transaction_id: int | str
    risk_score: int = Field(description="1 to 99.")
    risk_level: str
    action: str
    factors: list[Factor]
    model_version: str = Field(description="`rules` where rules answered.")
    fallback: str = Field(description="Why rules answered; empty where the model did.")
    latency_ms: float


class Prediction(Body):
    """Whether an event looks like fraud, with the grounds."""

    prediction: str = Field(description="`FRAUD` for any action but `allow`, else `LEGIT`.")
    probability: float
    explanation: dict[str, float]
    model_version: str


class Verdict(Body):
    """Whether an event looks like fraud, in one figure."""

    transaction_id: str
    is_fraud: int
    model_version: str
    timestamp: str


class BatchPrediction(Body):
    """One of many."""

    transaction_id: int | str
    prediction: int
    fraud_probability: float
    model_version: str


class BatchPredictions(Body):
    """Predictions in the order of the events."""

    predictions: list[BatchPrediction]


def router(context: Context) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["compatibility"])
    signal, first, second = (Form(context, names) for names in (_SIGNAL, _FIRST, _SECOND))

    @routes.post(
        "/signal",
        **declared(
            "Risk of a transaction",
            Scope.DECIDE,
            body=signal.schema(),
            example=signal.example(),
            errors=(503,),
        ),
    )
    async def evaluate(request: Request) -> Signal:
        """The decision on an event as a risk signal."""
        record = parse_object(await _json(request))
        made = await _decided(context, signal, record)
        return Signal(
            transaction_id=made.event_id,
            risk_score=made.score,
            risk_level=made.level,
            action=made.action,
            factors=[
                Factor(name=each.feature, contribution=each.contribution, text=each.text)
                for each in made.reasons
            ],
            model_version=made.model_version,
            fallback=made.fallback,
            latency_ms=made.latency_ms,
        )

    many = {
        "type": "object",
        "properties": {
            "new_data": {
                "type": "array",
                "items": first.schema(),
                "minItems": 1,
                "maxItems": _MOST,
            }
        },
        "required": ["new_data"],
        "additionalProperties": False,
    }

    @routes.post(
        "/predict",
        **declared(
            "Prediction, in three forms",
            Scope.DECIDE,
            body={"anyOf": [first.schema(), second.schema(), many]},
            example=first.example(),
            errors=(503,),
        ),
    )
    async def predict(request: Request) -> Prediction | Verdict | BatchPredictions:
        """The decision on an event, answered in the form in which it was asked.

        With `new_data` a list; with `transaction_time`, `amount_usd` or `merchant_name` a verdict
        of 0 or 1; else a prediction with its explanation.
        """
        record = parse_object(await _json(request))
        if "new_data" in record:
            return await _batch(context, first, record)
        if _TELLING & record.keys():
            made = await _decided(context, second, record)
            return Verdict(
                transaction_id=str(made.event_id),
                is_fraud=int(made.action != Action.ALLOW),
                model_version=made.model_version,
                timestamp=made.as_of,
            )
        made = await _decided(context, first, record)
        return Prediction(
            prediction="LEGIT" if made.action == Action.ALLOW else "FRAUD",
            probability=made.probability,
            explanation={each.feature: each.contribution for each in made.reasons},
            model_version=made.model_version,
        )

    return routes


async def _json(request: Request) -> bytes:
    content_type(request.scope["headers"], JSON)
    return await request.body()


async def _decided(context: Context, form: Form, record: dict[str, Any]) -> Answer:
    event = form.event(record)
    return _DECODER.decode(await context.service.decide(event, stopwatch()))


async def _batch(context: Context, form: Form, record: dict[str, Any]) -> BatchPredictions:
    """All events are read before any is decided, so that a refusal decides nothing."""
    rows = record["new_data"]
    if record.keys() != {"new_data"} or not isinstance(rows, list) or not 0 < len(rows) <= _MOST:
        fault = Fault("new_data", f"not a list of 1 to {_MOST} events", 'send {"new_data": [...]}')
        raise Problem(422, fault.what, errors=[fault])
    events, faults = [], []
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            faults.append(Fault(f"new_data.{index}", "not a JSON object"))
            continue
        try:
            events.append(form.event(row))
        except Problem as problem:
            faults += [
                Fault(f"new_data.{index}.{each.field}", each.what, each.hint)
                for each in problem.errors
            ]
    if faults:
        raise Problem(422, "some of the events cannot be read", errors=faults)
    started = stopwatch()
    waiting = [context.service.decide(event, started) for event in events]
    made = [_DECODER.decode(answer) for answer in await asyncio.gather(*waiting)]
    return BatchPredictions(
        predictions=[
            BatchPrediction(
                transaction_id=each.event_id,
                prediction=int(each.action != Action.ALLOW),
                fraud_probability=each.probability,
                model_version=each.model_version,
            )
            for each in made
        ]
    )
