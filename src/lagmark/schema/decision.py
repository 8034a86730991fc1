"""What was decided on an event, on what grounds, and by which versions."""

from __future__ import annotations

from enum import StrEnum

import msgspec

__all__ = ["Action", "Decision", "Fallback", "Level", "OtherScore", "Reason"]


class Action(StrEnum):
    """What is done with a payment, from the mildest to the hardest."""

    ALLOW = "allow"
    """It goes through."""
    STEP_UP = "step_up"
    """The payer proves who they are; then it goes through."""
    REVIEW = "review"
    """It waits for an analyst; it counts against the alert budget."""
    BLOCK = "block"
    """It is refused."""


class Level(StrEnum):
    """Risk for people, by score."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Fallback(StrEnum):
    """Why rules answered where a model should have."""

    NONE = ""
    """The champion answered."""
    NO_MODEL = "no_model"
    """Nothing was promoted yet."""
    MODEL_FAILED = "model_failed"
    """The champion could not be loaded, raised, or gave no number."""
    UNKNOWN_SUBJECT = "unknown_subject"
    """The customer or card was never seen before."""


class Reason(msgspec.Struct, frozen=True):
    """One ground of a decision.

    Parameters
    ----------
    feature
        Feature name, or ``rule:NAME`` or ``list:NAME``.
    value
        Its value, ``None`` where absent.
    contribution
        Exact SHAP value in the model's unit; positive speaks for fraud. 0 for rules and lists.
    text
        The same in words.
    """

    feature: str
    value: float | None
    contribution: float
    text: str


class OtherScore(msgspec.Struct, frozen=True):
    """What a model that does not decide said.

    Parameters
    ----------
    role
        ``challenger`` or ``shadow``.
    model_version
        Its version.
    probability
        Its calibrated probability of fraud, ``None`` where it failed.
    """

    role: str
    model_version: str
    probability: float | None


class Decision(msgspec.Struct, frozen=True):
    """A decision on one event.

    Parameters
    ----------
    decision_id
        Unique name: 32 hexadecimal digits made from the domain and the event's id, so that the
        same event can have no second one.
    event_id
        The event.
    decided_at
        When, by the service's clock, microseconds since 1970 UTC.
    score
        1 to 99; :func:`lagmark.decisions.levels.score` of the probability.
    probability
        Calibrated probability of fraud.
    level
        Risk for people.
    action
        What is done.
    intended
        What the policy wanted; differs from ``action`` in the control group only.
    propensity
        Probability with which ``action`` was drawn, 1 where nothing is drawn.
    reasons
        Loudest first.
    rules
        Names of the rules and lists that fired.
    fallback
        Why rules answered, empty where the model did.
    model_version
        Version of the champion, ``"rules"`` where rules answered.
    contract
        Hash of the features' definitions.
    policy
        Version of rules, lists and thresholds in force.
    others
        What challenger and shadows said.
    by
        What made the intended action: ``deny``, ``allow``, ``rules`` or ``model``; empty in
        decisions that were written before this was kept.
    """

    decision_id: str
    event_id: int | str
    decided_at: int
    score: int
    probability: float
    level: Level
    action: Action
    intended: Action
    propensity: float
    reasons: tuple[Reason, ...]
    rules: tuple[str, ...]
    fallback: Fallback
    model_version: str
    contract: str
    policy: str
    others: tuple[OtherScore, ...] = ()
    by: str = ""
