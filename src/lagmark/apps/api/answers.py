"""Shapes of answers, as the OpenAPI document shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, Field

from lagmark.apps.api.fields import Body, EventId, Instant

if TYPE_CHECKING:
    from lagmark.ports.ledger import Row, Statistics
    from lagmark.schema.decision import Decision, Reason
    from lagmark.schema.records import LabelRecord

__all__ = [
    "Answer",
    "Appended",
    "Contribution",
    "DecisionPage",
    "DecisionRow",
    "Explanation",
    "FullDecision",
    "LabelHistory",
    "LabelMessage",
    "LedgerHead",
    "OneReason",
    "ProblemDocument",
    "ProblemFault",
    "RefusedRow",
    "Replayed",
    "Statistic",
    "decision_parts",
]


class Answer(Body):
    """What an answer holds; it is made by the service and need not be strict about types."""

    model_config = ConfigDict(strict=False)


class ProblemFault(Answer):
    """One thing that is wrong with a request."""

    field: str = Field(description="Where: a field, parameter or header.")
    what: str = Field(description="What is wrong there.")
    hint: str = Field("", description="What would be right.")


class ProblemDocument(Answer):
    """A refusal, RFC 9457."""

    type: str = "about:blank"
    title: str = Field(description="Phrase of the status.", examples=["Unprocessable Entity"])
    status: int
    detail: str = Field(description="What was wrong with this request.")
    request_id: str = Field(description="Finds the request in the log.")
    errors: list[ProblemFault] | None = None


class OneReason(Answer):
    """One ground of a decision."""

    feature: str = Field(examples=["customer_count_1d"])
    value: float | None
    contribution: float = Field(description="Exact SHAP value in the model's unit.")
    text: str

    @classmethod
    def of(cls, reason: Reason) -> OneReason:
        """Answer of a reason."""
        return cls(
            feature=reason.feature,
            value=reason.value,
            contribution=reason.contribution,
            text=reason.text,
        )


class DecisionRow(Answer):
    """A decision in a list."""

    event_id: EventId
    decision_id: str
    event_time: Instant
    ingest_time: Instant
    subject: int | str | None
    amount: int = Field(description="Minor units.")
    score: int
    probability: float
    action: str
    model_version: str
    fraud: bool | None = Field(description="Verdict known as of the query.")
    known_at: Instant | None
    source: str | None

    @classmethod
    def of(cls, row: Row) -> DecisionRow:
        """Answer of a row of the ledger."""
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


class DecisionPage(Answer):
    """Part of a list, latest decision first."""

    decisions: list[DecisionRow]
    cursor: str | None = Field(description="Asks for the next part; null after the last.")


class Statistic(Answer):
    """Counts and sums over the decisions of a query."""

    decisions: int
    amount: int = Field(description="Sum in minor units.")
    by_action: dict[str, int]
    labelled: int = Field(description="Decisions with a verdict as of the query.")
    frauds: int
    fraud_amount: int
    true_positives: int = Field(description="Flagged (any action but `allow`) and fraud.")
    false_positives: int
    false_negatives: int
    true_negatives: int
    precision: float | None = Field(description="Of labelled decisions; null where undefined.")
    recall: float | None = Field(description="Of labelled decisions; null where undefined.")

    @classmethod
    def of(cls, found: Statistics) -> Statistic:
        """Answer of the ledger's counts."""
        flagged = found.true_positives + found.false_positives
        frauds = found.true_positives + found.false_negatives
        given = {name: getattr(found, name) for name in found.__struct_fields__}
        return cls(
            **given,
            precision=found.true_positives / flagged if flagged else None,
            recall=found.true_positives / frauds if frauds else None,
        )


class Contribution(Answer):
    """What one feature added to a score."""

    feature: str
    value: float | None
    contribution: float


class Explanation(Answer):
    """Why a decision was taken."""

    complete: bool = Field(
        description="Whether the model that decided is loaded, so that every contribution is "
        "known. Otherwise only the reasons that were stored are."
    )
    base: float | None = Field(description="The model's answer without any feature.")
    contributions: list[Contribution] = Field(description="Loudest first.")


class FullDecision(Answer):
    """A decision with its event, features and explanation."""

    decision_id: str
    event_id: EventId
    event_time: Instant
    ingest_time: Instant
    decided_at: Instant
    values: dict[str, Any] = Field(description="The event; money in minor units.")
    features: dict[str, float | None] | list[float | None] = Field(
        description="The vector by name, or as it stands where the features have changed since."
    )
    score: int
    probability: float
    level: str
    action: str
    intended: str = Field(description="What the policy wanted, before any control group.")
    propensity: float
    reasons: list[OneReason]
    rules: list[str]
    fallback: str
    model_version: str
    contract: str
    policy: str
    others: list[dict[str, Any]] = Field(description="What challenger and shadow models said.")
    latency_ms: float
    position: int = Field(description="Place in the ledger.")
    explanation: Explanation
    labels: list[LabelMessage]


class Replayed(Answer):
    """A decision's score computed again from the stored features."""

    decision_id: str
    model_version: str
    recomputed: bool = Field(description="Whether the model that decided is loaded.")
    equal: bool | None = Field(description="Whether it is the same, bit for bit.")
    stored: float
    probability: float | None


class LabelMessage(Answer):
    """A label as it came."""

    event_id: EventId
    known_at: Instant
    fraud: bool
    source: str
    reversal: bool
    confidence: float
    by: str = Field(description="Name of the key that sent it.")

    @classmethod
    def of(cls, record: LabelRecord) -> LabelMessage:
        """Answer of a record."""
        return cls(**{name: getattr(record, name) for name in cls.model_fields})


class LabelHistory(Answer):
    """All that was said of an event."""

    event_id: EventId
    labels: list[LabelMessage]


class RefusedRow(Answer):
    """A row that is no label."""

    row: int = Field(description="From 0, without the header.")
    reasons: list[str]


class Appended(Answer):
    """What became of labels."""

    received: int
    appended: int = Field(description="Durable, and told to the features.")
    refused: int = 0
    refusals: list[RefusedRow] = Field(default=[], description="The first hundred.")


class LedgerHead(Answer):
    """The last entry of the ledger."""

    position: int
    digest: str = Field(description="Hexadecimal SHA-256 over everything so far.")


def decision_parts(made: Decision) -> dict[str, Any]:
    """Parts of a decision that answers show as they are."""
    return {
        "decision_id": made.decision_id,
        "event_id": made.event_id,
        "decided_at": made.decided_at,
        "score": made.score,
        "probability": made.probability,
        "level": made.level.value,
        "action": made.action.value,
        "intended": made.intended.value,
        "propensity": made.propensity,
        "reasons": [OneReason.of(reason) for reason in made.reasons],
        "rules": list(made.rules),
        "fallback": made.fallback.value,
        "model_version": made.model_version,
        "contract": made.contract,
        "policy": made.policy,
        "others": [
            {"role": o.role, "model_version": o.model_version, "probability": o.probability}
            for o in made.others
        ],
    }


FullDecision.model_rebuild()
