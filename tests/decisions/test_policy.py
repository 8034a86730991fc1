"""Policies: who wins over whom, costs, lists, the control group, and deciding again."""

from __future__ import annotations

import dataclasses
import json
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lagmark.decisions.control import uniform
from lagmark.decisions.lists import ListEntry, Lists
from lagmark.decisions.policy import Policy, least_cost
from lagmark.decisions.rules import PythonRule, python_rule
from lagmark.decisions.settings import Costs, Thresholds, parse_policy_file
from lagmark.decisions.statistics import RuleHits
from lagmark.errors import ConfigError
from lagmark.schema.decision import Action
from lagmark.schema.events import Event
from lagmark.schema.fields import Field, Kind

FIELDS = (
    Field("card", Kind.ENTITY, integer=True),
    Field("device", Kind.ENTITY, required=False),
    Field("amount", Kind.MONEY, decimals=2),
)
NAMES = ("allow", "step_up", "review", "block", "watch")
RULES = [
    {
        "name": name,
        "when": name,
        "action": "block" if name == "watch" else name,
        "probability": 0.2 * number,
        "text": f"{name} it",
        "mode": "monitor" if name == "watch" else "active",
    }
    for number, name in enumerate(NAMES)
]
LADDER = {"step_up": 0.2, "review": 0.5, "block": 0.8}
ORDER = [Action.ALLOW, Action.STEP_UP, Action.REVIEW, Action.BLOCK]


def policy(lists: Lists | None = None, python: tuple[PythonRule, ...] = (), **more: Any) -> Policy:
    content = {"thresholds": LADDER, "rules": RULES, **more}
    file = parse_policy_file(content, where="test")
    return Policy(file, fields=FIELDS, names=NAMES, amount="amount", lists=lists, python=python)


def entry(kind: Any, field: str = "card", value: int | str = 7, **more: Any) -> ListEntry:
    return ListEntry(kind, field, value, "because", "ann", 0, **more)


def event(event_id: int | str = "e", at: int = 50, amount: int = 10_000) -> Event:
    return Event(event_id, 0, at, {"card": 7, "device": None, "amount": amount})


def row(*fired: str) -> list[float]:
    return [1.0 if name in fired else 0.0 for name in NAMES]


@pytest.mark.parametrize("probability", [0.1, 0.2, 0.5, 0.79, 0.8, None])
@pytest.mark.parametrize("fired", list(product([False, True], repeat=5)))
@pytest.mark.parametrize("listed", [(), ("allow",), ("deny",), ("allow", "deny")])
def test_who_wins(
    probability: float | None, fired: tuple[bool, ...], listed: tuple[str, ...]
) -> None:
    """The rule of combination as a plain list of cases."""
    names = [name for name, on in zip(NAMES, fired, strict=True) if on]
    active = [name for name in names if name != "watch"]
    lists = Lists(entry(kind) for kind in listed)
    verdict = policy(lists).decide(event(), row(*names), probability)
    wanted = 0
    if probability is not None:
        wanted = sum(probability >= limit for limit in LADDER.values())
    if "allow" in active:
        wanted = 0
    wanted = max([wanted, *(NAMES.index(name) for name in active)])
    expected = ORDER[wanted]
    if listed:
        expected = Action.BLOCK if "deny" in listed else Action.ALLOW
    assert verdict.intended is verdict.action is expected
    assert verdict.propensity == 1.0
    assert set(verdict.fired) == {*active, *(f"{kind}:card" for kind in listed)}
    assert verdict.monitored == (("watch",) if "watch" in names else ())
    assert len(verdict.reasons) == len(verdict.fired)
    if probability is None:
        alone = [0.2 * NAMES.index(name) for name in active]
        assert verdict.probability == max(alone, default=0.01)
        assert verdict.by != "model"
    else:
        assert verdict.probability == probability
    if listed:
        assert verdict.by == ("deny" if "deny" in listed else "allow")
        assert verdict.reasons[0].feature == f"list:{verdict.by}:card"


def test_thresholds_that_are_never_reached() -> None:
    none = policy(thresholds={"step_up": None, "review": None, "block": None})
    assert none.decide(event(), row(), 1.0).action is Action.ALLOW


@given(
    probability=st.floats(0, 1),
    amount=st.integers(0, 10**8),
    costs=st.builds(
        Costs,
        loss=st.floats(0, 1),
        review=st.floats(0, 100),
        false_block=st.floats(0, 100),
        step_up=st.floats(0, 10),
        step_up_stops=st.floats(0, 1),
    ),
)
def test_least_expected_cost(probability: float, amount: int, costs: Costs) -> None:
    def cost(action: Action, *, fraud: bool) -> float:
        lost = amount / 100 * costs.loss if fraud else 0.0
        if action is Action.ALLOW:
            return lost
        if action is Action.STEP_UP:
            return lost * (1 - costs.step_up_stops) if fraud else costs.step_up
        if action is Action.REVIEW:
            return costs.review
        return 0.0 if fraud else costs.false_block

    def expected(action: Action) -> float:
        return probability * cost(action, fraud=True) + (1 - probability) * cost(
            action, fraud=False
        )

    chosen = least_cost(probability, amount / 100, costs)
    assert expected(chosen) <= min(map(expected, ORDER)) * (1 + 1e-9) + 1e-9
    by_cost = policy(choose="cost", costs=costs.model_dump())
    assert by_cost.decide(event(amount=amount), row(), probability).action is chosen


def test_the_control_group() -> None:
    one = policy(control={"share": 0.1})
    verdicts = [one.decide(event(n), row(), 0.6) for n in range(20_000)]
    free = [each for each in verdicts if each.action is Action.ALLOW]
    assert 0.092 < len(free) / 20_000 < 0.108
    assert {each.propensity for each in free} == {0.1}
    kept = [each for each in verdicts if each.action is not Action.ALLOW]
    assert {(each.action, each.propensity) for each in kept} == {(Action.REVIEW, 0.9)}
    assert {each.intended for each in verdicts} == {Action.REVIEW}
    # An inverse-propensity count of all is right on average.
    assert abs(sum(1 / each.propensity for each in verdicts) - 40_000) < 2_000
    assert [one.decide(event(n), row(), 0.6) for n in range(100)] == verdicts[:100]
    salted = policy(control={"share": 0.1, "salt": "other"})
    assert [salted.decide(event(n), row(), 0.6).action for n in range(200)] != [
        each.action for each in verdicts[:200]
    ]
    unlikely = [one.decide(event(n), row(), 0.1) for n in range(100)]
    assert {(each.action, each.propensity) for each in unlikely} == {(Action.ALLOW, 1.0)}


def test_the_deny_list_has_no_control_group() -> None:
    one = policy(Lists([entry("deny")]), control={"share": 0.5})
    verdicts = {one.decide(event(n), row(), 0.9).action for n in range(200)}
    assert verdicts == {Action.BLOCK}
    ruled = policy(control={"share": 0.5})
    assert len({ruled.decide(event(n), row("block"), 0.1).action for n in range(200)}) == 2


def test_draws_are_uniform() -> None:
    draws = sorted(uniform("salt", n) for n in range(10_000))
    assert max(abs(draw - n / 10_000) for n, draw in enumerate(draws)) < 0.02
    assert uniform("salt", 7) == uniform("salt", "7")


def test_expiry_is_a_matter_of_the_ingest_time() -> None:
    one = policy(Lists([entry("deny", expires_at=60), entry("allow", "device", "d")]))
    assert one.decide(event(at=59), row(), 0.1).action is Action.BLOCK
    assert one.decide(event(at=60), row(), 0.1).action is Action.ALLOW
    assert one.decide(event(at=60), row(), 0.1).fired == ()
    assert one.lists.expire(at=60) == Lists([entry("allow", "device", "d")])
    assert one.lists.expire(at=59) == one.lists


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["deny", "allow"]),
            st.integers(0, 3),
            st.one_of(st.none(), st.integers(0, 9)),
            st.booleans(),
        )
    ),
    st.integers(0, 9),
)
def test_lists_agree_with_a_plain_dictionary(changes: list[Any], at: int) -> None:
    lists, plain = Lists(), {}
    for kind, value, until, add in changes:
        before = lists.as_json()
        if add:
            new = lists.add(entry(kind, value=value, expires_at=until))
            plain[kind, value] = until
        else:
            new = lists.remove(kind, "card", value)
            plain.pop((kind, value), None)
        assert lists.as_json() == before
        lists = new
    for card in range(4):
        found = [each.kind for each in lists.hits({"card": card, "device": None}, at=at)]
        expected = [
            kind
            for kind in ("deny", "allow")
            if (kind, card) in plain and (plain[kind, card] is None or at < plain[kind, card])
        ]
        assert found == expected
    assert Lists.from_json(json.loads(json.dumps(lists.as_json()))) == lists
    assert len(lists) == len(plain)


def test_lists_that_do_not_fit() -> None:
    for bad, told in (
        (entry("deny", "amount"), "no entity field"),
        (entry("deny", "card", "7"), "not a whole number"),
        (entry("deny", "card", value=True), "not a whole number"),
        (entry("deny", "device", 7), "not text"),
    ):
        with pytest.raises(ConfigError, match=told):
            policy(Lists([bad]))
    with pytest.raises(ConfigError, match="no list entries"):
        Lists.from_json([{"kind": "maybe"}])
    with pytest.raises(ConfigError, match="10001 list entries"):
        Lists(entry("deny", value=n) for n in range(10_001))


@python_rule(action="review", probability=0.5, text="a lot")
def a_lot(amount: float) -> bool:
    return amount > 1000


@python_rule(action="block", probability=0.5, text="a lot")
def far_too_much(amount: float) -> bool:
    return amount > 9000


def test_a_policy_is_decided_again_from_its_record() -> None:
    one = policy(Lists([entry("allow", "device", "d")]), (a_lot,), control={"share": 0.3})
    one = one.revised(
        thresholds=Thresholds(review=0.4), lists=one.lists.add(entry("deny", value=8))
    )
    content = json.loads(json.dumps(one.content))
    bound = {"fields": FIELDS, "names": NAMES, "amount": "amount"}
    again = Policy.from_content(content, **bound, python=(a_lot,))
    assert again.version == one.version
    for number, probability in enumerate((0.1, 0.3, 0.5, 0.95, None)):
        each = event(number, amount=number * 50_000)
        for fired in ((), ("review",), ("allow", "watch")):
            assert again.decide(each, row(*fired), probability) == one.decide(
                each, row(*fired), probability
            )
    changed = python_rule(action="review", probability=0.5, text="a lot")(far_too_much.test)
    changed = dataclasses.replace(changed, name="a_lot")
    for python in ((), (changed,)):
        with pytest.raises(ConfigError, match="rules in Python"):
            Policy.from_content(content, **bound, python=python)


def test_lists_can_be_emptied() -> None:
    one = policy(Lists([entry("deny")]))
    assert one.revised(thresholds=Thresholds()).decide(event(), row(), 0.1).by == "deny"
    assert one.revised(lists=Lists()).decide(event(), row(), 0.1).by == "model"
    with pytest.raises(ConfigError, match="no entity field"):
        one.revised(lists=Lists([entry("deny", "amount")]))


def test_the_version_is_that_of_the_content() -> None:
    one = policy()
    others = [
        policy(control={"share": 0.1}),
        policy(version=2),
        policy(rules=RULES[:-1]),
        policy(thresholds={"review": 0.4}),
        policy(Lists([entry("deny")])),
        policy(python=(a_lot,)),
        one.revised(thresholds=Thresholds(review=0.3)),
    ]
    versions = [each.version for each in (one, *others)]
    assert len(set(versions)) == len(versions)
    assert policy().version == one.revised().version == one.version
    examples = [{**each, "examples": [{"values": {}, "fires": False}]} for each in RULES]
    assert policy(rules=examples).version == one.version


def test_rules_that_are_not_served_are_not_in_the_record() -> None:
    file = parse_policy_file({"rules": RULES}, where="test")
    narrow = Policy(file, fields=FIELDS, names=("review",), amount="amount", lenient=True)
    assert [rule["name"] for rule in narrow.content["file"]["rules"]] == ["review"]
    bound = {"fields": FIELDS, "names": ("review",), "amount": "amount"}
    assert Policy.from_content(narrow.content, **bound).version == narrow.version


def test_counts_of_rules() -> None:
    hits, one = RuleHits(), policy()
    for fired in ((), ("review",), ("review", "allow"), ("watch",)):
        hits.count([one.decide(event(), row(*fired), 0.1)])
    assert hits.as_dict() == {
        "allow": {"seen": 4, "fired": 1, "by_action": {"review": 1}, "failed": 0},
        "review": {"seen": 4, "fired": 2, "by_action": {"review": 2}, "failed": 0},
        "watch": {"seen": 4, "fired": 1, "by_action": {"allow": 1}, "failed": 0},
    }
