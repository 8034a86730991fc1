"""What a policy file says: budget, costs, thresholds, control group, rules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lagmark.decisions.rules import Rule
from lagmark.errors import ConfigError
from lagmark.yaml_files import read_mapping

__all__ = [
    "Budget",
    "Control",
    "Costs",
    "PolicyFile",
    "Thresholds",
    "load_policy_file",
    "parse_policy_file",
]

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Money = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Budget(_Part):
    """How many alerts can be worked in a day, and how often the threshold is set anew.

    Parameters
    ----------
    analysts
        People.
    cases
        Cases that one of them works in a day.
    every
        Decisions between two proposals; a new day of events brings one too.
    days
        Days of events that a proposal looks back on.
    floor
        Probability below which nothing is reviewed, however idle the analysts are.
    """

    analysts: Annotated[int, Field(ge=0, le=100_000)] = 1
    cases: Annotated[int, Field(ge=1, le=100_000)] = 20
    every: Annotated[int, Field(ge=100)] = 5_000
    days: Annotated[int, Field(ge=1, le=90)] = 3
    floor: Share = 0.02

    @property
    def alerts(self) -> int:
        """Cases worked in a day at most."""
        return self.analysts * self.cases


class Costs(_Part):
    """What fraud and each action cost, units of the currency.

    Parameters
    ----------
    loss
        Share of the amount of a fraud that is lost when nobody stops it.
    review
        Cost of one case; an analyst finds the fraud.
    false_block
        Cost of refusing an honest payment.
    step_up
        Cost of asking an honest payer to prove who they are.
    step_up_stops
        Share of frauds that such a question stops.
    """

    loss: Share = 1.0
    review: Money = 5.0
    false_block: Money = 15.0
    step_up: Money = 0.5
    step_up_stops: Share = 0.8


class Thresholds(_Part):
    """Probabilities from which on an action is taken, the hardest that is reached; ``None`` never.

    Parameters
    ----------
    step_up, review, block
        Probabilities of fraud.
    """

    step_up: Share | None = None
    review: Share | None = 0.5
    block: Share | None = None


class Control(_Part):
    """Decisions that are let through at random, so that their truth is seen.

    Parameters
    ----------
    share
        Share of those that would be stepped up, reviewed or blocked.
    salt
        Text that the draw depends on beside the event; who knows it can tell who is let through.
    """

    share: Annotated[float, Field(ge=0.0, le=0.5)] = 0.0
    salt: Annotated[str, Field(min_length=1, max_length=128)] = "control"


class PolicyFile(_Part):
    """One policy.

    Parameters
    ----------
    version
        The author's own name of this state of the file.
    choose
        ``fixed``: by the thresholds given. ``budget``: the threshold of reviews follows the alert
        budget, from the one given on. ``cost``: per event the action of least expected cost.
    thresholds, budget, costs, control
        See there.
    base_probability
        Probability of fraud where rules answer alone and none fires.
    rules
        In the order they are asked.
    """

    version: int | str = 1
    choose: Literal["fixed", "budget", "cost"] = "fixed"
    thresholds: Thresholds = Thresholds()
    budget: Budget = Budget()
    costs: Costs = Costs()
    control: Control = Control()
    base_probability: Share = 0.01
    rules: tuple[Rule, ...] = ()

    @model_validator(mode="after")
    def _thresholds_rise(self) -> PolicyFile:
        given = [self.thresholds.step_up, self.thresholds.review, self.thresholds.block]
        known = [each for each in given if each is not None]
        if known != sorted(known):
            raise ValueError("thresholds fall; write step_up <= review <= block")
        if self.choose == "budget" and self.thresholds.review is None:
            raise ValueError("a budget needs a first threshold; give thresholds.review")
        return self

    @property
    def content(self) -> dict[str, Any]:
        """All that decides, as JSON values."""
        values = self.model_dump(mode="json", exclude={"rules"})
        return {**values, "rules": [rule.content for rule in self.rules]}


def load_policy_file(path: Path) -> PolicyFile:
    """Policy of a YAML file.

    Raises
    ------
    ConfigError
        If it cannot be read or used.
    """
    return parse_policy_file(read_mapping(path, what="policy file"), where=str(path))


def parse_policy_file(content: Mapping[str, Any], *, where: str) -> PolicyFile:
    """Policy of the values of a file.

    Parameters
    ----------
    content
        The values.
    where
        What messages call them.

    Raises
    ------
    ConfigError
        With the first thing that is wrong, and in which rule.
    """
    try:
        return PolicyFile.model_validate(content)
    except ValidationError as problem:
        first = problem.errors()[0]
    path = list(first["loc"])
    spot = where
    if len(path) > 1 and path[0] == "rules" and isinstance(path[1], int):
        one = content["rules"][path[1]]
        name = one.get("name") if isinstance(one, Mapping) else None
        spot = f"{where}, rule {name!r}" if name else f"{where}, rule number {path[1] + 1}"
        path = path[2:]
    field = ".".join(str(part) for part in path)
    told = first["msg"].removeprefix("Value error, ")
    what, _, hint = (told[:1].lower() + told[1:]).partition("; ")
    if first["type"] == "extra_forbidden":
        what = "there is no such value"
    raise ConfigError(
        f"{field}: {what}" if field else what,
        where=spot,
        hint=hint or "docs/decisions.md lists what a policy file may say",
    )
