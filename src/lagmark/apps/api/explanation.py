"""Why a decision was taken, from what the ledger holds and the model that took it."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import numpy as np

from lagmark.apps.api.answers import (
    Contribution,
    Explanation,
    FullDecision,
    LabelMessage,
    Replayed,
    decision_parts,
)
from lagmark.apps.api.problems import Problem

if TYPE_CHECKING:
    from lagmark.apps.api.context import Context
    from lagmark.ports.scorer import Scorer
    from lagmark.schema.records import DecisionRecord

__all__ = ["explain", "replay"]


async def explain(context: Context, decision_id: str) -> FullDecision:
    """A decision with everything that is known of it.

    Raises
    ------
    Problem
        404 if there is none.
    """
    position, record = await _found(context, decision_id)
    labels = await asyncio.to_thread(context.service.ledger.labels, record.event_id)
    vector = [_finite(value) for value in _vector(record)]
    contract = context.service.state.contract
    scorer = _scorer(context, record)
    named = contract.hash == record.decision.contract and len(contract.names) == len(vector)
    return FullDecision(
        **decision_parts(record.decision),
        event_time=record.event_time,
        ingest_time=record.ingest_time,
        values=record.values,
        features=dict(zip(contract.names, vector, strict=True)) if named else vector,
        latency_ms=record.latency_us / 1000,
        position=position,
        explanation=_explanation(record, scorer),
        labels=[LabelMessage.of(label) for label in labels],
    )


async def replay(context: Context, decision_id: str) -> Replayed:
    """A decision's score computed again from its stored features.

    Raises
    ------
    Problem
        404 if there is no such decision.
    """
    _, record = await _found(context, decision_id)
    made = record.decision
    scorer = _scorer(context, record)
    probability = None
    if scorer is not None:
        # Models belong to the loop's thread, which is this one.
        probability = float(scorer.probabilities(_vector(record).reshape(1, -1))[0])
    return Replayed(
        decision_id=made.decision_id,
        model_version=made.model_version,
        recomputed=probability is not None,
        equal=None if probability is None else probability == made.probability,
        stored=made.probability,
        probability=probability,
    )


async def _found(context: Context, decision_id: str) -> tuple[int, DecisionRecord]:
    found = await asyncio.to_thread(context.service.ledger.decision, decision_id)
    if found is None:
        raise Problem(404, "there is no such decision")
    return found


def _scorer(context: Context, record: DecisionRecord) -> Scorer | None:
    """The model that decided, if it is loaded and reads these features."""
    made = record.decision
    for scorer in context.service.decider.lineup.scorers:
        if scorer.version == made.model_version and scorer.contract_hash == made.contract:
            return scorer
    return None


def _explanation(record: DecisionRecord, scorer: Scorer | None) -> Explanation:
    if scorer is None:
        stored = [
            Contribution(feature=r.feature, value=r.value, contribution=r.contribution)
            for r in record.decision.reasons
        ]
        return Explanation(complete=False, base=None, contributions=stored)
    vector = _vector(record)
    values = scorer.contributions(vector.reshape(1, -1))[0]
    parts = [
        Contribution(feature=name, value=_finite(value), contribution=float(added))
        for name, value, added in zip(scorer.names, vector, values[:-1], strict=True)
    ]
    parts.sort(key=lambda part: -abs(part.contribution))
    return Explanation(complete=True, base=float(values[-1]), contributions=parts)


def _vector(record: DecisionRecord) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.frombuffer(record.vector, dtype="<f8").astype(np.float64)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
