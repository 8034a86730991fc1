"""Rules: typed, versioned, tested by their own examples, compiled once for the names served."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from lagmark.decisions.expression import Condition, compile_condition
from lagmark.decisions.inputs import Facts, Inputs
from lagmark.errors import ConfigError
from lagmark.schema.decision import Action, Reason

if TYPE_CHECKING:
    from lagmark.schema import fields as schema_fields

__all__ = ["Example", "PythonRule", "ReadyRule", "Rule", "RuleSet", "python_rule"]

Mode = Literal["active", "monitor"]


class Example(BaseModel):
    """Values on which a rule is tried.

    Parameters
    ----------
    values
        Fields and features by name, in the source's units; the others are missing.
    fires
        Whether the rule fires.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    values: dict[str, bool | int | float | str | None]
    fires: bool


class Rule(BaseModel):
    """A rule of a file.

    Parameters
    ----------
    name
        Its name in answers and counts.
    when
        Condition, see :mod:`lagmark.decisions.expression`.
    action
        What it asks for. ``allow`` takes back what the model wanted, never what a rule or a list
        wanted.
    probability
        Probability of fraud it stands for where rules answer alone.
    text
        The reason in words.
    mode
        ``monitor`` counts and does nothing.
    enabled
        Whether it is asked at all.
    examples
        Tried whenever the rules are loaded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]{0,63}$")]
    when: str
    action: Action
    probability: Annotated[float, Field(ge=0.0, le=1.0)]
    text: Annotated[str, Field(min_length=1, max_length=300)]
    mode: Mode = "active"
    enabled: bool = True
    examples: tuple[Example, ...] = ()

    @property
    def content(self) -> dict[str, Any]:
        """All that decides, as JSON values."""
        return self.model_dump(mode="json", exclude={"examples"})

    def compile(self, inputs: Inputs) -> Condition:
        """Function of its condition.

        Raises
        ------
        ConfigError
            If the condition is none.
        """
        return compile_condition(self.when, inputs)


@dataclass(frozen=True, slots=True)
class PythonRule:
    """A rule written as a Python function; see :func:`python_rule`.

    Parameters
    ----------
    name, action, probability, text, mode, enabled, examples
        As for :class:`Rule`.
    test
        Function whose parameters are names of fields and features.
    """

    name: str
    test: Callable[..., bool]
    action: Action
    probability: float
    text: str
    mode: Mode = "active"
    enabled: bool = True
    examples: tuple[Example, ...] = ()

    @property
    def content(self) -> dict[str, Any]:
        """All that decides, as JSON values; of the function, the hash of its source."""
        try:
            source = inspect.getsource(self.test)
        except (OSError, TypeError):
            raise ConfigError(
                "the function has no source", where=f"rule {self.name!r}", hint="write it in a file"
            ) from None
        return {
            "name": self.name,
            "python": hashlib.sha256(source.encode()).hexdigest(),
            "action": self.action.value,
            "probability": self.probability,
            "text": self.text,
            "mode": self.mode,
            "enabled": self.enabled,
        }

    def compile(self, inputs: Inputs) -> Condition:
        """Function of facts; it does not hold where a parameter without default is missing.

        Raises
        ------
        ConfigError
            If a parameter is no name of a field or feature.
        """
        parameters = inspect.signature(self.test).parameters.values()
        takes = [
            (inputs.find(each.name).position, each.default is each.empty, each.default)
            for each in parameters
        ]
        test = self.test

        def holds(facts: Facts) -> bool:
            arguments = []
            for position, needed, default in takes:
                value = facts[position]
                if value is None or value != value:  # noqa: PLR0124 - NaN differs from itself
                    if needed:
                        return False
                    value = default
                arguments.append(value)
            return bool(test(*arguments))

        return holds


def python_rule(
    *,
    action: Action | str,
    probability: float,
    text: str,
    mode: Mode = "active",
    examples: Sequence[Example] = (),
) -> Callable[[Callable[..., bool]], PythonRule]:
    """Decorator that makes a function a rule of the function's name.

    Its parameters are names of fields and features; it is not asked where one of them is missing,
    unless the parameter has a default, which then stands in. One that raises does not fire, and
    is counted.

    Parameters
    ----------
    action, probability, text, mode, examples
        As for :class:`Rule`.

    Examples
    --------
    >>> @python_rule(action="review", probability=0.6, text="much, and at night")
    ... def much_at_night(amount: float, is_night: float) -> bool:
    ...     return amount > 500 and is_night == 1
    >>> much_at_night.name
    'much_at_night'
    """

    def make(test: Callable[..., bool]) -> PythonRule:
        name = getattr(test, "__name__", "rule")
        shared = {"action": action, "probability": probability, "text": text, "mode": mode}
        # The same checks as for a rule of a file.
        checked = Rule.model_validate({"name": name, "when": "true", **shared})
        return PythonRule(
            name, test, checked.action, probability, text, mode, examples=tuple(examples)
        )

    return make


class ReadyRule:
    """A rule that is ready to be asked.

    Parameters
    ----------
    rule
        The rule.
    holds
        Its compiled condition.
    """

    __slots__ = ("action", "active", "holds", "name", "probability", "reason")

    def __init__(self, rule: Rule | PythonRule, holds: Condition) -> None:
        self.name = rule.name
        self.holds = holds
        self.action = rule.action
        self.active = rule.mode == "active"
        self.probability = rule.probability
        self.reason = Reason(f"rule:{rule.name}", None, 0.0, rule.text)


class RuleSet:
    """Rules compiled for the fields of a domain and the features that are served.

    Parameters
    ----------
    rules
        The rules; those that are not enabled are left aside.
    fields
        Fields of the domain.
    names
        Names of the features, in the order of a vector.
    where
        What messages call the rules' file.
    lenient
        Whether rules that name what is not served are left out instead of refused: for rules that
        come with a domain, and must do for any of its feature sets.

    Raises
    ------
    ConfigError
        If two rules share a name, a condition is none, or an example does not hold.
    """

    def __init__(
        self,
        rules: Sequence[Rule | PythonRule],
        fields: Sequence[schema_fields.Field],
        names: Sequence[str],
        *,
        where: str = "rules",
        lenient: bool = False,
    ) -> None:
        self._inputs = Inputs(fields, names)
        self.ready: tuple[ReadyRule, ...] = ()
        left_out: list[str] = []
        seen: set[str] = set()
        for rule in rules:
            spot = f"{where}, rule {rule.name!r}"
            if rule.name in seen:
                raise ConfigError("two rules have this name", where=spot, hint="rename one")
            seen.add(rule.name)
            trial = Inputs(fields, names)
            try:
                holds = rule.compile(trial)
            except ConfigError as problem:
                if lenient and problem.what.startswith("there is no field or feature"):
                    left_out.append(rule.name)
                    continue
                raise ConfigError(problem.what, where=spot, hint=problem.hint) from None
            _try_examples(rule, holds, trial, spot)
            if rule.enabled:
                self.ready += (ReadyRule(rule, rule.compile(self._inputs)),)
        self.left_out = tuple(left_out)

    def fired(
        self, values: Mapping[str, Any], row: Sequence[float]
    ) -> tuple[list[ReadyRule], list[str]]:
        """Rules that fire, in their order, and the names of Python rules that raised.

        Parameters
        ----------
        values
            Canonical values by field.
        row
            Features as Python floats, in the order of ``names``.
        """
        facts = self._inputs.facts(values, row)
        fired: list[ReadyRule] = []
        failed: list[str] = []
        for rule in self.ready:
            try:
                if rule.holds(facts):
                    fired.append(rule)
            except Exception:  # noqa: BLE001 - a user's function must not stop decisions
                failed.append(rule.name)
        return fired, failed


def _try_examples(rule: Rule | PythonRule, holds: Condition, inputs: Inputs, where: str) -> None:
    for number, example in enumerate(rule.examples, 1):
        spot = f"{where}, example {number}"
        facts = inputs.facts_of(example.values, where=spot)
        try:
            fires = holds(facts)
        except Exception as problem:
            raise ConfigError(
                f"the rule raises {type(problem).__name__}: {problem}", where=spot, hint="mend it"
            ) from problem
        if fires is not example.fires:
            told = "fires" if not example.fires else "does not fire"
            raise ConfigError(
                f"the rule {told} on {example.values}", where=spot, hint="mend the rule or it"
            )
