"""Scenarios: the packaged ones hold together, overrides apply, refusals name the value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lagmark.errors import ConfigError
from lagmark.schema.time import DAY, parse_instant, to_micros
from lagmark.simulator import Scenario, load_scenario, scenario_names, scenarios
from lagmark.simulator.typologies import TYPOLOGIES

MINE = """
title: My world
domain: card
start: 2024-02-01
days: 10
fraud: {rate: 0.01, mix: {card_testing: 1}}
"""


def test_the_packaged_scenarios_are_there() -> None:
    assert set(scenario_names()) >= {
        "card_stable", "card_rate_jump", "card_new_pattern", "card_slow_labels", "card_adaptive",
        "card_drift", "card_long_delay", "card_short_delay", "bank_link_stable",
        "bank_link_attack",
    }  # fmt: skip
    for name, scenario in scenarios().items():
        assert scenario.name == name
        assert scenario.title
        assert scenario.start % DAY == 0
        assert sum(scenario.mix(0).values()) == pytest.approx(1.0)


def test_every_typology_is_in_the_attacked_world() -> None:
    assert set(load_scenario("bank_link_attack").mix(0)) == set(TYPOLOGIES)


def test_changes_hold_from_their_day_on() -> None:
    jump = load_scenario("card_rate_jump", days=100)
    assert jump.change_days == (60,)
    assert jump.fraud_rate(60) == pytest.approx(2.3 * jump.fraud_rate(59))
    slow = load_scenario("card_slow_labels", change_day=7)
    assert (slow.delay(6), slow.delay(7)) == (1.0, 1.8)
    pattern = load_scenario("card_new_pattern", days=100)
    assert "fake_shop" not in pattern.mix(59)
    assert pattern.mix(60)["fake_shop"] == pytest.approx(0.5)


def test_overrides_replace_only_what_they_name() -> None:
    base = load_scenario("card_stable")
    other = load_scenario("card_stable", days=30, labels={"customer": {"median_days": 3}})
    assert other.days == 30
    assert other.labels.customer.median_days == 3
    assert other.labels.customer.sigma == base.labels.customer.sigma
    assert load_scenario("card_stable", users=300).events is None
    both = load_scenario("card_stable", users=300, events=5_000)
    assert (both.users, both.events) == (300, 5_000)


def test_a_scenario_survives_its_own_text(tmp_path: Path) -> None:
    import yaml

    for name, scenario in scenarios().items():
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(scenario.model_dump(mode="json")))
        assert load_scenario(path) == scenario


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(MINE)
    scenario = load_scenario(path)
    assert isinstance(scenario, Scenario)
    assert scenario.name == "mine"
    assert scenario.start == to_micros(parse_instant("2024-02-01"))


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"days": 0}, "days=0"),
        ({"fraud": {"rate": 2}}, r"fraud\.rate=2"),
        ({"fraud": {"rat": 0.1}}, r"fraud\.rat.*did you mean 'rate'"),
        ({"fraud": {"mix": {"mule_ring": 1}}}, "'mule_ring' does not exist in domain 'card'"),
        ({"fraud": {"mix": {}}}, r"fraud\.mix is empty"),
        ({"labels": {"chargeback": {"median_days": -1}}}, r"labels\.chargeback\.median_days=-1"),
        ({"start": "2025-01-06T05:00:00"}, "must be a midnight"),
        ({"changes": [{"at": 0.5, "delai": 2}]}, r"changes\.0\.delai.*did you mean 'delay'"),
        ({"domain": "handbook"}, "domain='handbook'"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(overrides: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load_scenario("card_stable", **overrides)


@pytest.mark.parametrize(
    ("text", "says"),
    [("- 1", "no mapping"), ("a: [", "no YAML"), ("title: x\ndomain: card\n", "start")],
)
def test_a_file_that_is_no_scenario(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=says):
        load_scenario(path)


def test_no_such_scenario() -> None:
    with pytest.raises(ConfigError, match="did you mean 'card_stable'"):
        load_scenario("card_stabel")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_scenario("nowhere.yaml")
