"""Rules: the language against a plain oracle, missing values, messages, examples, Python rules."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lagmark.decisions.expression import compile_condition
from lagmark.decisions.inputs import Inputs
from lagmark.decisions.rules import Example, Rule, RuleSet, python_rule
from lagmark.decisions.settings import load_policy_file
from lagmark.errors import ConfigError
from lagmark.schema.fields import Field, Kind, Known

FIELDS = (
    Field("card", Kind.ENTITY, integer=True),
    Field("device", Kind.ENTITY, required=False),
    Field("other", Kind.ENTITY, required=False),
    Field("channel", Kind.CATEGORY, vocabulary=("web", "app")),
    Field("amount", Kind.MONEY, decimals=2),
    Field("gift", Kind.FLAG, required=False),
    Field("balance_after", Kind.MONEY, decimals=2, known=Known.AFTER_DECISION),
)
NAMES = ("count_1h", "ratio", "amount")


def holds(text: str, *, row: tuple[float, ...] = (1.0, math.nan, -1.0), **values: Any) -> bool:
    inputs = Inputs(FIELDS, NAMES)
    test = compile_condition(text, inputs)
    return test(inputs.facts(values, row))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("amount == 12.34", True),  # money in the source's units, the field before the feature
        ("amount > 12.34", False),
        ("amount in (12.34, 5)", True),
        ("amount + 0.01 - amount < 0.02", True),
        ("12 < amount <= 12.34", True),
        ("count_1h", True),
        ("count_1h - 1", False),
        ("ratio", False),
        ("not ratio", True),
        ("ratio is missing", True),
        ("ratio is not missing", False),
        ("amount / (count_1h - 1) is missing", True),
        ("ratio != 5 or ratio == 5 or ratio < 5 or ratio >= 5", False),
        ("ratio not in (1, 2)", False),
        ("count_1h not in (2, 3)", True),
        ("max(ratio, 1) is missing and min(1, ratio) is missing", True),
        ("max(count_1h, 7, 3) == 7 and min(count_1h, 7) == 1 and abs(-3) == 3", True),
        ("-count_1h == -1 and +count_1h == 1 and 2 * 3 - 1 == 5", True),
        ("device == 'd' and device != 'e' and device in ('d', 'e')", True),
        ("device not in ('e',) and channel == 'web'", True),
        ("other == 'd' or other != 'd' or other in ('d',) or other not in ('d',)", False),
        ("device == other or device != other", False),
        ("device == device", True),
        ("other is missing and device is not missing", True),
        ("card == 9007199254740993", True),
        ("card != 9007199254740992 and card in (1, 9007199254740993)", True),
        ("'d' == device", True),
        ("gift and gift == true and not gift == false", True),
        ("true and not false", True),
        ("count_1h > 5 or (device == 'd' and amount > 1)", True),
        ("\n  count_1h == 1\n", True),
        ("1e308 * 10 > 1", True),
        ("1e308 * 10 - 1e308 * 10 is missing", True),
    ],
)
def test_conditions(text: str, expected: bool) -> None:
    values = {"card": 2**53 + 1, "device": "d", "amount": 1234, "gift": True, "channel": "web"}
    assert holds(text, **values) is expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("amuont > 5", "no field or feature 'amuont'; did you mean 'amount'"),
        ("zzzzzz > 5", "no field or feature 'zzzzzz'; there are card, device"),
        ("balance_after > 5", "not known when the decision is taken"),
        ("channel == 'fax'", "channel is never 'fax'; its values are web, app"),
        ("channel == 'wep'", "did you mean 'web'"),
        ("card == '7'", "cannot be compared"),
        ("card == 7.5", "cannot be compared"),
        ("device == 7", "cannot be compared"),
        ("device == card", "cannot be compared"),
        ("device > 'a'", "have no order"),
        ("device + 1 > 2", "'device' is no number"),
        ("device", "'device' is no number"),
        ("amount > 'x'", "no number or condition"),
        ("amount in device", "no list"),
        ("amount in (device,)", "no plain value"),
        ("amount in ()", "no list"),
        ("amount is 5", "write `is missing`"),
        ("missing > 5", "`missing` is no value"),
        ("amount >", "no condition: invalid syntax"),
        ("", "no condition"),
        ("sqrt(amount) > 1", "no function 'sqrt'"),
        ("abs(amount, 1) > 1", "abs takes one number"),
        ("max(amount) > 1", "takes two numbers"),
        ("min(amount, 1, key=abs) > 1", "no function"),
        ("amount ** 9 > 1", "no number or condition"),
        ("amount % 2 > 1", "no number or condition"),
        ("amount if gift else 1", "no number or condition"),
        ("[x for x in (1,)]", "no number or condition"),
        ("lambda: 1", "no number or condition"),
        ("__import__('os').system('true')", "no function"),
        ("amount.real > 1", "no number or condition"),
        ("(amount := 5) > 1", "no number or condition"),
        ("f'{amount}' == device", "cannot be compared"),
        ("1e999 > amount", "beyond all bounds"),
        ("9" * 400 + " > amount", "beyond all bounds"),
        ("not " * 200 + "gift", "nested too deep"),
        ("(" * 300 + "gift" + ")" * 300, "no condition"),
        ("-" * 3000 + "amount > 1", "no condition|too deep"),
        ("gift and " * 1000 + "gift", "characters"),
    ],
)
def test_what_is_no_condition(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        compile_condition(text, Inputs(FIELDS, NAMES))


# Conditions as trees: written as text for the compiler, walked by the oracle with None for missing.
NUMBER = st.one_of(st.none(), st.integers(-3, 3).map(float))
LEAF = st.one_of(
    st.sampled_from([("name", n) for n in ("count_1h", "ratio", "gift")]),
    st.sampled_from([("number", x) for x in (0.0, 1.0, 2.5)]),
)
TERM = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["+", "-", "*", "/", "min", "max"]), inner, inner),
        st.tuples(st.sampled_from(["abs", "neg"]), inner),
    ),
    max_leaves=4,
)
TEST = st.one_of(
    st.tuples(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), TERM, TERM),
    st.tuples(st.sampled_from(["in", "not in", "is missing", "is not missing", "bare"]), TERM),
    st.tuples(st.sampled_from(["same", "differs"]), st.sampled_from(["device", "other"])),
)
CONDITION = st.recursive(
    TEST,
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner),
        st.tuples(st.sampled_from(["and", "or"]), inner, inner),
    ),
    max_leaves=5,
)
INFIX = ("+", "-", "*", "/", "<", "<=", ">", ">=", "==", "!=", "and", "or")


def written(tree: Any) -> str:
    kind, *parts = tree
    if kind in ("name", "number"):
        return str(parts[0])
    if kind in ("same", "differs"):
        return f"{parts[0]} {'==' if kind == 'same' else '!='} 'd'"
    texts = [written(part) for part in parts]
    if kind in INFIX:
        return f"({texts[0]}) {kind} ({texts[1]})"
    if kind in ("in", "not in"):
        return f"({texts[0]}) {kind} (0, 1, -2)"
    if kind.startswith("is"):
        return f"({texts[0]}) {kind}"
    if kind == "bare":
        return texts[0]
    return {"neg": "-", "not": "not "}.get(kind, kind) + f"({', '.join(texts)})"


def number(tree: Any, facts: dict[str, Any]) -> float | None:
    kind, *parts = tree
    if kind == "name":
        return facts[parts[0]]
    if kind == "number":
        return parts[0]
    values = [number(part, facts) for part in parts]
    if None in values or (kind == "/" and values[1] == 0):
        return None
    if kind in ("neg", "abs"):
        return -values[0] if kind == "neg" else abs(values[0])
    if kind in ("min", "max"):
        return min(values) if kind == "min" else max(values)
    left, right = values
    return {"+": left + right, "-": left - right, "*": left * right}.get(kind) or (
        left / right if kind == "/" else 0.0
    )


def true(tree: Any, facts: dict[str, Any]) -> bool:
    kind, *parts = tree
    if kind == "not":
        return not true(parts[0], facts)
    if kind == "and":
        return true(parts[0], facts) and true(parts[1], facts)
    if kind == "or":
        return true(parts[0], facts) or true(parts[1], facts)
    if kind in ("same", "differs"):
        value = facts[parts[0]]
        return value is not None and (value == "d") is (kind == "same")
    values = [number(part, facts) for part in parts]
    if kind.startswith("is"):
        return (values[0] is None) is (kind == "is missing")
    if None in values:
        return False
    if kind == "bare":
        return values[0] != 0
    if kind in ("in", "not in"):
        return (values[0] in (0, 1, -2)) is (kind == "in")
    left, right = values
    return {
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
        "==": left == right,
        "!=": left != right,
    }[kind]


@given(
    tree=CONDITION,
    facts=st.fixed_dictionaries(
        {
            "count_1h": NUMBER,
            "ratio": NUMBER,
            "gift": st.sampled_from([None, 0.0, 1.0]),
            "device": st.sampled_from([None, "d", "e"]),
            "other": st.sampled_from([None, "d", "e"]),
        }
    ),
)
def test_conditions_agree_with_a_plain_oracle(tree: Any, facts: dict[str, Any]) -> None:
    row = tuple(math.nan if facts[n] is None else facts[n] for n in ("count_1h", "ratio"))
    gift = None if facts["gift"] is None else facts["gift"] == 1
    found = holds(
        written(tree), row=(*row, 0.0), gift=gift, device=facts["device"], other=facts["other"]
    )
    assert found is true(tree, facts)


@given(st.text(max_size=30))
def test_any_text_is_a_condition_or_refused(text: str) -> None:
    try:
        found = holds(text)
    except ConfigError as problem:
        found = False
        refusal = str(problem)
    else:
        refusal = "none"
    assert found in (True, False)
    assert refusal


def rule(name: str = "big", when: str = "amount > 5", **more: Any) -> Rule:
    values = {"name": name, "when": when, "action": "review", "probability": 0.5, "text": "big"}
    return Rule.model_validate(values | more)


def test_examples_are_tried_at_load() -> None:
    good = [Example(values={"amount": 5.01}, fires=True), Example(values={}, fires=False)]
    RuleSet([rule(examples=good)], FIELDS, NAMES)
    for values, fires, told in (
        ({"amount": 5.01}, False, "fires on"),
        ({"amount": 5}, True, "does not fire on"),
        ({"amuont": 5}, True, "did you mean 'amount'"),
        ({"amount": "much"}, True, "amount is no number"),
        ({"card": 1.5}, True, "card is no integer"),
    ):
        bad = rule(examples=[Example(values=values, fires=fires)], enabled=False)
        with pytest.raises(ConfigError, match=told) as caught:
            RuleSet([bad], FIELDS, NAMES)
        assert "rule 'big', example 1" in caught.value.where


def test_rules_of_one_name() -> None:
    with pytest.raises(ConfigError, match="two rules have this name"):
        RuleSet([rule(), rule()], FIELDS, NAMES)


def test_rules_that_name_what_is_not_served() -> None:
    rules = [rule("a", "count_9h > 1"), rule("b"), rule("c", "amount > 'x'")]
    with pytest.raises(ConfigError, match="no field or feature 'count_9h'") as caught:
        RuleSet(rules, FIELDS, NAMES)
    assert caught.value.where == "rules, rule 'a'"
    loaded = RuleSet(rules[:2], FIELDS, NAMES, lenient=True)
    assert loaded.left_out == ("a",)
    assert [each.name for each in loaded.ready] == ["b"]
    with pytest.raises(ConfigError, match="no number or condition"):
        RuleSet(rules, FIELDS, NAMES, lenient=True)


def test_which_rules_fire() -> None:
    rules = [
        rule("a"),
        rule("b", "count_1h > 1"),
        rule("c", enabled=False),
        rule("d", mode="monitor"),
    ]
    fired, failed = RuleSet(rules, FIELDS, NAMES).fired({"amount": 600}, (1.0, 0.0, 0.0))
    assert [each.name for each in fired] == ["a", "d"]
    assert failed == []
    assert fired[0].reason.feature == "rule:a"


@python_rule(
    action="block",
    probability=0.9,
    text="more than usual",
    examples=[
        Example(values={"amount": 9, "ratio": 2}, fires=True),
        Example(values={"ratio": 2}, fires=False),
    ],
)
def above_ratio(amount: float, ratio: float = 1.0) -> bool:
    return amount / ratio > 4


@python_rule(action="review", probability=0.5, text="always fails")
def broken(amount: float) -> bool:
    return amount / 0 > 1


def test_rules_in_python() -> None:
    rules = RuleSet([above_ratio, broken, rule()], FIELDS, NAMES)
    fired, failed = rules.fired({"amount": 900}, (0.0, 2.0, 0.0))
    assert [each.name for each in fired] == ["above_ratio", "big"]
    assert failed == ["broken"]
    missing, failed = rules.fired({"amount": None}, (0.0, 2.0, 0.0))
    assert (missing, failed) == ([], [])
    default, _ = rules.fired({"amount": 500}, (0.0, math.nan, 0.0))
    assert [each.name for each in default] == ["above_ratio"]
    assert set(above_ratio.content) >= {"name", "python", "action"}
    assert above_ratio.content["python"] != broken.content["python"]


def test_python_rules_that_cannot_be_used() -> None:
    @python_rule(action="review", probability=0.5, text="x")
    def unknown(amuont: float) -> bool:
        return amuont > 1

    with pytest.raises(ConfigError, match="did you mean 'amount'"):
        RuleSet([unknown], FIELDS, NAMES)

    @python_rule(action="review", probability=0.5, text="x", examples=broken_example())
    def fails(amount: float) -> bool:
        return amount / 0 > 1

    with pytest.raises(ConfigError, match="the rule raises ZeroDivisionError"):
        RuleSet([fails], FIELDS, NAMES)
    with pytest.raises(ValueError, match="action"):
        python_rule(action="shout", probability=0.5, text="x")(lambda amount: amount > 1)


def broken_example() -> list[Example]:
    return [Example(values={"amount": 1}, fires=True)]


FILE = """
version: spring
choose: budget
thresholds: {review: 0.4, block: 0.9}
rules:
  - name: big
    when: amount > 5
    action: review
    probability: 0.5
    text: big
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version: spring", "vresion: spring", "vresion: there is no such value"),
        ("choose: budget", "choose: luck", "choose: input should be"),
        ("review: 0.4", "review: 1.4", "thresholds.review: input should be less"),
        ("block: 0.9", "block: 0.1", "thresholds fall; write step_up <= review <= block"),
        ("review: 0.4, ", "review: null, ", "a budget needs a first threshold"),
        ("action: review", "action: shout", "rule 'big': action"),
        ("    text: big", "    txet: big", "rule 'big'"),
        ("name: big", "name: 'b g'", "rule 'b g': name"),
        ("probability: 0.5", "probability: .nan", "rule 'big': probability"),
        ("rules:", "rules: [7]\nother:", "rule number 1"),
    ],
)
def test_a_policy_file_that_cannot_be_used(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(FILE, encoding="utf-8")
    assert load_policy_file(path).version == "spring"
    path.write_text(FILE.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_policy_file(path)
    assert message in str(caught.value)
