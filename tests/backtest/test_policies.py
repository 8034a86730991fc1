"""Policy files are read with precise refusals."""

from __future__ import annotations

from pathlib import Path

import pytest

from lagmark.backtest import load_policies, policy_files
from lagmark.errors import ConfigError

GOOD = """
defaults: {cadence: 3, budget: {analysts: 2, cases: 30}}
costs: {review: 2.5}
policies:
  - name: a
    maturity: naive
  - name: b
    model: {kind: logistic_regression}
    cadence: 5
    maturity: {policy: fixed_delay, params: {delay: 14d}}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "policies.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", policy_files())
def test_packaged_files_load(name: str) -> None:
    found = load_policies(name)
    assert len(found.policies) >= 3
    assert found.per_day == 20


def test_defaults_are_taken_over_and_names_stand_for_records(tmp_path: Path) -> None:
    found = load_policies(write(tmp_path, GOOD))
    a, b = found.policies
    assert (a.cadence, b.cadence) == (3, 5)
    assert (a.maturity.policy, b.maturity.params) == ("naive", {"delay": "14d"})
    assert (a.model.kind, b.model.kind) == (None, "logistic_regression")
    assert a.budget.alerts == b.budget.alerts == found.per_day == 60
    assert found.costs.review == 2.5


def test_a_reference_stands_beside_others(tmp_path: Path) -> None:
    found = load_policies(write(tmp_path, "policies: [{name: a}, {name: b, maturity: truth}]"))
    assert [policy.reference for policy in found.policies] == [False, True]
    assert [policy.reference for policy in load_policies("reference").policies].count(True) == 1


def one(line: str) -> str:
    return f"policies:\n  - name: a\n    {line}\n"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (one("cadance: 7"), ("policy 'a'", "cadance", "did you mean 'cadence'?")),
        (one("cadence: 0"), ("policy 'a'", "cadence=0", "greater than or equal to 1")),
        (one("control: 1.0"), ("control=1.0",)),
        (one("maturity: nave"), ("policy 'a'", "no maturity policy 'nave'", "naive")),
        (one("maturity: {policy: naive, params: {delay: 3d}}"), ("naive", "takes no arguments")),
        (one("maturity: {policy: fixed_delay, params: {delay: soon}}"), ("'soon'", "duration")),
        (one("maturity: truth"), ("the only policy is taught the truth", "add one that learns")),
        (
            "policies: [{name: a}, {name: b, maturity: truth}, {name: c, maturity: truth}]\n",
            ("'b' and 'c' are both taught the truth", "keep one"),
        ),
        (
            one("maturity: {policy: truth, params: {delay: 3d}}"),
            ("policy 'a'", "the truth takes no parameters"),
        ),
        (one("model: xgbost"), ("no model kind 'xgbost'", "xgboost")),
        (one("model: {kind: xgboost, params: {depth: 3}}"), ("model", "depth")),
        (one("model: {params: {max_depth: 3}}"), ("without a kind", "give kind")),
        (one("budget: {analyst: 3}"), ("budget.analyst", "did you mean 'analysts'?")),
        (one("block_above: 0.5"), ("block_above is given", "say action: block")),
        (one("action: refuse"), ("action='refuse'", "'alert' or 'block'")),
        ("policies:\n  - cadence: 3\n", ("policy number 1", "name", "field required")),
        ("policies:\n  - {name: a}\n  - {name: A}\n", ("two policies are named 'a'",)),
        ("policies:\n  - name: ../x\n", ("name='../x'",)),
        ("policies: []\n", ("no list of policies",)),
        ("polices:\n  - name: a\n", ("no list of policies",)),
        (
            "policies:\n  - name: a\nkost: {}\n",
            ("kost: there is no such value", "did you mean 'costs'?"),
        ),
        ("costs: {reviews: 3}\npolicies: [{name: a}]\n", ("costs.reviews", "did you mean")),
        ("policies: [naive]\n", ("policy number 1",)),
        ("a: [\n", ("no YAML",)),
        ("- a\n", ("no mapping",)),
        ("defaults: 3\npolicies: [{name: a}]\n", ("defaults is no mapping",)),
    ],
)
def test_refusals_name_the_place_and_the_way_out(
    tmp_path: Path, text: str, parts: tuple[str, ...]
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_policies(write(tmp_path, text))
    told = str(caught.value)
    assert [part for part in parts if part not in told] == [], told
    assert "policies.yaml" in told
    assert caught.value.hint


def test_an_unknown_name_suggests_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'default'"):
        load_policies("defualt")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_policies(tmp_path / "none.yaml")
