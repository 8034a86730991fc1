"""What is done about an event: lists, rules, thresholds or costs, control group; a pure function.

1. A deny list refuses, whatever else is known; nobody on it is let through at random.
2. An allow list lets through.
3. The model's probability is held against thresholds, or the action of least expected cost is
   chosen. Where no model answers, the model wants nothing, and the probability is the highest of
   the rules that fired.
4. Active rules that ask for more than the model wants harden its action. An ``allow`` rule takes
   back what the model wanted, and nothing that another rule wants.
5. Of the decisions that would be stepped up, reviewed or blocked, the control share is let
   through at random.
"""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from lagmark.decisions.control import uniform
from lagmark.decisions.lists import Lists, canonical_json
from lagmark.decisions.rules import PythonRule, ReadyRule, RuleSet
from lagmark.decisions.settings import Costs, PolicyFile, Thresholds, parse_policy_file
from lagmark.errors import ConfigError
from lagmark.schema.decision import Action, Reason

if TYPE_CHECKING:
    from lagmark.schema.events import Event
    from lagmark.schema.fields import Field

__all__ = ["Policy", "Verdict", "least_cost"]

_HARDNESS = {action: number for number, action in enumerate(Action)}


class Verdict(msgspec.Struct, frozen=True):
    """What a policy says about one event.

    Parameters
    ----------
    probability
        Probability of fraud it was decided by: the model's, or that of the rules.
    action, intended
        What is done, and what the policy wanted; they differ in the control group only.
    propensity
        Probability with which ``action`` was drawn, 1 where nothing was.
    by
        What made the intended action: ``deny``, ``allow``, ``rules`` or ``model``.
    reasons
        Lists and active rules that fired, hardest first.
    fired
        Their names.
    monitored
        Names of the rules that fired and only count.
    failed
        Names of Python rules that raised.
    """

    probability: float
    action: Action
    intended: Action
    propensity: float
    by: str
    reasons: tuple[Reason, ...]
    fired: tuple[str, ...]
    monitored: tuple[str, ...]
    failed: tuple[str, ...]


class Policy:
    """A policy that is ready to decide on events of one domain with one set of features.

    Parameters
    ----------
    file
        What the policy file says.
    fields
        Fields of the domain.
    names
        Names of the features, in the order of a vector.
    amount
        Money field that a fraud costs.
    lists
        Allow and deny lists.
    thresholds
        Thresholds in force; those of the file when ``None``.
    python
        Rules in Python, asked after those of the file.
    lenient
        Whether rules that name what is not served are left out, see
        :class:`~lagmark.decisions.rules.RuleSet`.
    where
        What messages call the file.

    Raises
    ------
    ConfigError
        If rules or lists do not fit the domain.
    """

    def __init__(
        self,
        file: PolicyFile,
        *,
        fields: Sequence[Field],
        names: Sequence[str],
        amount: str,
        lists: Lists | None = None,
        thresholds: Thresholds | None = None,
        python: Sequence[PythonRule] = (),
        lenient: bool = False,
        where: str = "policy file",
    ) -> None:
        self.file = file
        self.rules = RuleSet((*file.rules, *python), fields, names, where=where, lenient=lenient)
        self._fields = tuple(fields)
        self._amount = amount
        self._unit = next(float(each.scale) for each in fields if each.name == amount)
        left_out = self.rules.left_out
        served = [rule.content for rule in file.rules if rule.name not in left_out]
        self._fixed_content: dict[str, Any] = {
            "file": {**file.content, "rules": served},
            "python": [rule.content for rule in python if rule.name not in left_out],
        }
        self._put_in_force(lists or Lists(), thresholds or file.thresholds)

    def _put_in_force(self, lists: Lists, thresholds: Thresholds) -> None:
        lists.check(self._fields)
        self.lists, self.thresholds = lists, thresholds
        given = (thresholds.block, thresholds.review, thresholds.step_up)
        self._ladder = tuple(
            (math.inf if limit is None else limit, action)
            for limit, action in zip(
                given, (Action.BLOCK, Action.REVIEW, Action.STEP_UP), strict=True
            )
        )
        limits = thresholds.model_dump(mode="json")
        self.content: dict[str, Any] = {
            **self._fixed_content,
            "lists": lists.as_json(),
            "thresholds": limits,
        }
        short = {**self._fixed_content, "lists": lists.digest, "thresholds": limits}
        self.version = hashlib.sha256(canonical_json(short)).hexdigest()[:16]

    @classmethod
    def from_content(
        cls,
        content: Mapping[str, Any],
        *,
        fields: Sequence[Field],
        names: Sequence[str],
        amount: str,
        python: Sequence[PythonRule] = (),
    ) -> Policy:
        """Policy of a record in the ledger, to decide again.

        Raises
        ------
        ConfigError
            If the content is none, or its Python rules are not those given.
        """
        recorded = {rule["name"] for rule in content["python"]}
        policy = cls(
            parse_policy_file(content["file"], where="policy record"),
            fields=fields,
            names=names,
            amount=amount,
            lists=Lists.from_json(content["lists"]),
            thresholds=Thresholds.model_validate(content["thresholds"]),
            python=[rule for rule in python if rule.name in recorded],
            where="policy record",
        )
        if policy.content["python"] != content["python"]:
            raise ConfigError(
                "the rules in Python are not those it was recorded with",
                where="policy record",
                hint="run the version of the code that was in force then",
            )
        return policy

    def revised(
        self, *, lists: Lists | None = None, thresholds: Thresholds | None = None
    ) -> Policy:
        """The same policy with other lists or thresholds; nothing is compiled again.

        Raises
        ------
        ConfigError
            If the lists do not fit the domain.
        """
        other = copy.copy(self)
        kept = self.lists if lists is None else lists
        other._put_in_force(kept, thresholds or self.thresholds)  # noqa: SLF001 - its own kind
        return other

    def decide(self, event: Event, row: Sequence[float], probability: float | None) -> Verdict:
        """What is done about an event.

        Parameters
        ----------
        event
            The event.
        row
            Its features as Python floats, in the order of ``names``.
        probability
            The model's probability of fraud; ``None`` where rules answer alone.
        """
        values = event.values
        fired, failed = self.rules.fired(values, row)
        hits = self.lists.hits(values, at=event.ingest_time)
        active = [rule for rule in fired if rule.active] if fired else fired
        by, intended = "model", Action.ALLOW
        if probability is not None:
            intended = self._wanted(probability, values)
        else:
            probability = max(
                (rule.probability for rule in active), default=self.file.base_probability
            )
            by = "rules"
        if active:
            intended, by = _ruled(active, intended, by)
        if hits:
            by = hits[0].kind
            intended = Action.BLOCK if by == "deny" else Action.ALLOW
        action, propensity = intended, 1.0
        share = self.file.control.share
        if share and intended is not Action.ALLOW and by != "deny":
            let_through = uniform(self.file.control.salt, event.event_id) < share
            action = Action.ALLOW if let_through else intended
            propensity = share if let_through else 1.0 - share
        if not hits and not fired and not failed:
            return Verdict(probability, action, intended, propensity, by, (), (), (), ())
        active.sort(key=_softness)
        return Verdict(
            probability=probability,
            action=action,
            intended=intended,
            propensity=propensity,
            by=by,
            reasons=(*(hit.grounds for hit in hits), *(rule.reason for rule in active)),
            fired=(*(hit.name for hit in hits), *(rule.name for rule in active)),
            monitored=tuple(rule.name for rule in fired if not rule.active),
            failed=tuple(failed),
        )

    def _wanted(self, probability: float, values: Mapping[str, Any]) -> Action:
        if self.file.choose == "cost":
            amount = (values.get(self._amount) or 0) / self._unit
            return least_cost(probability, amount, self.file.costs)
        for limit, action in self._ladder:
            if probability >= limit:
                return action
        return Action.ALLOW


def _ruled(active: Sequence[ReadyRule], wanted: Action, by: str) -> tuple[Action, str]:
    """Action and its maker once rules have spoken."""
    if any(rule.action is Action.ALLOW for rule in active) and wanted is not Action.ALLOW:
        wanted, by = Action.ALLOW, "rules"
    hardest = max((rule.action for rule in active), key=_HARDNESS.__getitem__)
    if hardest is not Action.ALLOW and _HARDNESS[hardest] >= _HARDNESS[wanted]:
        return hardest, "rules"
    return wanted, by


def _softness(rule: ReadyRule) -> int:
    return -_HARDNESS[rule.action]


def least_cost(probability: float, amount: float, costs: Costs) -> Action:
    """Action of least expected cost, of equal ones the mildest.

    Parameters
    ----------
    probability
        Probability of fraud.
    amount
        Money at stake, units of the currency.
    costs
        What each outcome costs.

    Examples
    --------
    >>> [str(least_cost(p, 100.0, Costs())) for p in (0.001, 0.02, 0.4, 0.99)]
    ['allow', 'step_up', 'review', 'block']
    """
    loss, honest = probability * amount * costs.loss, 1.0 - probability
    expected = (
        loss,
        honest * costs.step_up + (1.0 - costs.step_up_stops) * loss,
        costs.review,
        honest * costs.false_block,
    )
    return tuple(Action)[expected.index(min(expected))]
