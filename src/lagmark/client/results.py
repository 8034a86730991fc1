"""What the service answers, typed; fields that a newer service adds are ignored."""

from __future__ import annotations

from datetime import datetime

import msgspec

from lagmark.schema.decision import (  # noqa: TC001 -- msgspec reads them when it runs
    Action,
    Level,
    Reason,
)

__all__ = ["Answer", "Appended", "Decision", "DecisionPage", "Fault", "Refused", "Statistics"]


class Fault(msgspec.Struct, frozen=True):
    """One thing that is wrong with a request.

    Parameters
    ----------
    field
        Where.
    what, hint
        What is wrong there, and what would be right.
    """

    field: str
    what: str
    hint: str = ""


class Refused(msgspec.Struct, frozen=True):
    """A refusal: of a request, or of one event among many.

    Parameters
    ----------
    status
        HTTP status.
    detail
        What was wrong.
    title
        Phrase of the status.
    request_id
        Finds the request in the service's log.
    errors
        What was wrong, field by field.
    """

    status: int
    detail: str
    title: str = ""
    request_id: str = ""
    errors: tuple[Fault, ...] = ()


class Answer(msgspec.Struct, frozen=True):
    """The decision on an event.

    Parameters
    ----------
    event_id, decision_id
        Names of the event and of the decision on it.
    score
        1 to 99.
    probability
        Calibrated probability of fraud.
    level, action
        Risk for people, and what to do.
    reasons
        Loudest first.
    model_version, contract
        What decided on which features.
    as_of
        The instant up to which it uses what was known.
    latency_ms
        Time the service took, milliseconds.
    fallback
        Why rules answered; empty where the model did.
    rules
        Rules and lists that fired.
    """

    event_id: int | str
    decision_id: str
    score: int
    probability: float
    level: Level
    action: Action
    reasons: tuple[Reason, ...]
    model_version: str
    contract: str
    as_of: datetime
    latency_ms: float
    fallback: str = ""
    rules: tuple[str, ...] = ()


class Decision(msgspec.Struct, frozen=True):
    """A stored decision.

    Parameters
    ----------
    event_id, decision_id, event_time, ingest_time, subject
        Of the event.
    amount
        Minor units.
    score, probability, action, model_version
        Of the decision.
    fraud, known_at, source
        The verdict known as of the query, ``None`` while there is none.
    """

    event_id: int | str
    decision_id: str
    event_time: datetime
    ingest_time: datetime
    subject: int | str | None
    amount: int
    score: int
    probability: float
    action: Action
    model_version: str
    fraud: bool | None
    known_at: datetime | None
    source: str | None


class DecisionPage(msgspec.Struct, frozen=True):
    """Part of a list of decisions.

    Parameters
    ----------
    decisions
        Latest first.
    cursor
        Asks for the next part, ``None`` after the last.
    """

    decisions: tuple[Decision, ...]
    cursor: str | None


class Statistics(msgspec.Struct, frozen=True):
    """Counts and sums over decisions.

    Parameters
    ----------
    decisions, amount, by_action
        Number, sum of amounts in minor units, and number by action.
    labelled, frauds, fraud_amount
        Those with a verdict, those of them that are fraud, and their amounts.
    true_positives, false_positives, false_negatives, true_negatives
        Labelled decisions by how they turned out.
    precision, recall
        Of labelled decisions, ``None`` where undefined.
    """

    decisions: int
    amount: int
    by_action: dict[str, int]
    labelled: int
    frauds: int
    fraud_amount: int
    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int
    precision: float | None
    recall: float | None


class Appended(msgspec.Struct, frozen=True):
    """What became of labels.

    Parameters
    ----------
    received, appended
        Labels sent, and labels that are durable.
    """

    received: int
    appended: int
