"""What a decision system does all day, as one typed record: learn, score, alert, block."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from lagmark.schema.time import DAY

__all__ = ["TRUTH", "Budget", "Costs", "MaturityChoice", "ModelSpec", "Policy", "PolicyFile"]

TRUTH = "truth"
"""In the place of a maturity policy: a reference, taught what really was."""

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Money = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MaturityChoice(_Part):
    """How a policy learns while labels are out.

    Parameters
    ----------
    policy
        Name of a maturity policy, see :func:`lagmark.learning.create_policy`, or :data:`TRUTH`,
        which there is in a backtest alone.
    params
        Its parameters, durations as text (``"30d"``).
    """

    policy: str = "fixed_delay"
    params: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _exists(self) -> MaturityChoice:
        from lagmark.errors import LagmarkError
        from lagmark.learning import create_policy

        if self.policy == TRUTH:
            if self.params:
                raise ValueError("the truth takes no parameters; leave params away")
            return self
        try:
            create_policy(self.policy, self.params)
        except LagmarkError as problem:
            raise ValueError(f"{problem.what}; {problem.hint or 'see docs/learning.md'}") from None
        return self


class ModelSpec(_Part):
    """Kind of model and its parameters; the first choice of the domain where no kind is given.

    Parameters
    ----------
    kind
        Kind of model, see :func:`lagmark.learning.models.create_model`.
    params
        Parameters over the kind's defaults.
    """

    kind: str | None = None
    params: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _exists(self) -> ModelSpec:
        from lagmark.errors import LagmarkError
        from lagmark.learning.models import create_model

        if self.kind is None and self.params:
            raise ValueError("parameters without a kind of model; give kind")
        try:
            if self.kind is not None:
                create_model(self.kind, self.params)
        except LagmarkError as problem:
            raise ValueError(f"{problem.what}; {problem.hint or 'see docs/learning.md'}") from None
        return self


# Budget and Costs share a few words with those of a live policy (lagmark.decisions.settings) and
# stay apart: each holds what the other would read and ignore, pace and step-ups there, the minutes
# of a case here.


class Budget(_Part):
    """How many alerts can be worked in a day.

    Parameters
    ----------
    analysts
        People.
    cases
        Cases that one of them works in a day.
    """

    analysts: Annotated[int, Field(ge=0, le=100_000)] = 1
    cases: Annotated[int, Field(ge=1, le=100_000)] = 20

    @property
    def alerts(self) -> int:
        """Cases worked in a day at most."""
        return self.analysts * self.cases


class Policy(_Part):
    """What one decision system does all day.

    Parameters
    ----------
    name
        Its name in results and folders.
    cadence
        Days from one training to the next.
    window
        Days of events before a training that it may learn from; all when ``None``.
    maturity
        What it makes of events whose label is still out; a name alone is also read.
    model
        What is trained; a kind alone is also read.
    budget
        Cases that analysts can work in a day.
    threshold
        ``"budget"``: the events of highest probability are alerted, as many as can be worked.
        ``"cost"``: those whose expected loss exceeds the cost of a review, the dearest first.
    action
        ``"alert"``: analysts look at the alerts of a day from its end on. ``"block"``: payments
        above a threshold are refused at once as well, and nobody looks at those.
    block_above
        Probability from which on a payment is refused; where ``None``, when the expected loss
        exceeds the expected friction.
    control
        Share of all events that are let through whatever the score says, drawn at random.
    warm_up
        Days at the start in which nothing is decided and labels come as without a system.
    calibrate
        Whether probabilities are calibrated.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]{0,63}$")]
    cadence: Annotated[int, Field(ge=1, le=3660)] = 7
    window: Annotated[int, Field(ge=1, le=3660)] | None = 90
    maturity: MaturityChoice = MaturityChoice()
    model: ModelSpec = ModelSpec()
    budget: Budget = Budget()
    threshold: Literal["budget", "cost"] = "budget"
    action: Literal["alert", "block"] = "alert"
    block_above: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None
    control: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    warm_up: Annotated[int, Field(ge=1, le=3660)] = 60
    calibrate: bool = True

    @field_validator("maturity", mode="before")
    @classmethod
    def _maturity_name(cls, value: object) -> object:
        return {"policy": value} if isinstance(value, str) else value

    @field_validator("model", mode="before")
    @classmethod
    def _model_name(cls, value: object) -> object:
        return {"kind": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _consistent(self) -> Policy:
        if self.action == "alert" and self.block_above is not None:
            raise ValueError("block_above is given, but action is alert; say action: block")
        return self

    @property
    def reference(self) -> bool:
        """Whether it is taught the truth: a bound for the others, which nobody can reach."""
        return self.maturity.policy == TRUTH

    @property
    def window_micros(self) -> int | None:
        """Length of the training window, microseconds."""
        return None if self.window is None else self.window * DAY

    def trains_on(self, day: int) -> bool:
        """Whether a model is trained when a day begins."""
        return day >= self.warm_up and (day - self.warm_up) % self.cadence == 0


class Costs(_Part):
    """What fraud, reviews and refused customers cost; the same for all policies compared.

    Parameters
    ----------
    loss
        Share of the amount of a fraud that is lost when nobody stops it.
    review
        Cost of one case, units of the currency.
    minutes
        Minutes that an analyst works on one case.
    friction
        Cost of refusing an honest payment, units of the currency.
    """

    loss: Share = 1.0
    review: Money = 5.0
    minutes: Annotated[float, Field(gt=0.0, le=1440.0)] = 10.0
    friction: Money = 15.0


class PolicyFile(_Part):
    """Policies that are compared, and what they are measured by.

    Parameters
    ----------
    policies
        At least one that is no reference, of which the first is the baseline of the report, and
        at most one reference.
    costs
        Costs of all.
    k
        Subjects per day of card precision; the smallest alert budget where ``None``.
    """

    policies: Annotated[tuple[Policy, ...], Field(min_length=1)]
    costs: Costs = Costs()
    k: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _names_differ(self) -> PolicyFile:
        # Folders carry the names, and some file systems know no case.
        names = [policy.name.casefold() for policy in self.policies]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two policies are named {twice[0]!r}; give each its own name")
        return self

    @model_validator(mode="after")
    def _reference_is_beside_others(self) -> PolicyFile:
        references = [policy.name for policy in self.policies if policy.reference]
        if len(references) > 1:
            told = " and ".join(map(repr, references[:2]))
            raise ValueError(f"{told} are both taught the truth; keep one reference")
        if len(references) == len(self.policies):
            raise ValueError(
                "the only policy is taught the truth; add one that learns from known labels"
            )
        return self

    @property
    def warm_up(self) -> int:
        """First day on which all policies decide: the comparison begins there."""
        return max(policy.warm_up for policy in self.policies)

    @property
    def per_day(self) -> int:
        """Subjects per day of card precision."""
        least = min(policy.budget.alerts for policy in self.policies)
        return self.k if self.k is not None else max(least, 1)
