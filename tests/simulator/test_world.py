"""A world follows from scenario, seed and feedback, and has the size and prevalence asked for."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import polars as pl
import pytest

from lagmark.domains.registry import get_domain
from lagmark.errors import ConfigError, DataError, StateError
from lagmark.schema.time import DAY
from lagmark.simulator import Day, World, load_scenario

from .worlds import lived

DOMAINS = ("card_stable", "bank_link_attack")


def days(name: str, count: int, seed: int = 0, **over: Any) -> list[Day]:
    world = World(load_scenario(name, **({"events": 6_000, "days": 20} | over)), seed=seed)
    return [world.day(number) for number in range(count)]


def same(one: Day, other: Day) -> bool:
    return (
        one.events.equals(other.events)
        and one.truth.equals(other.truth)
        and one.labels.equals(other.labels)
    )


@pytest.mark.parametrize("name", DOMAINS)
def test_same_seed_same_world_and_another_seed_another(name: str) -> None:
    first, again, other = days(name, 8), days(name, 8), days(name, 8, seed=1)
    assert all(same(a, b) for a, b in zip(first, again, strict=True))
    assert not any(a.events.equals(b.events) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("name", DOMAINS)
def test_columns_and_order(name: str) -> None:
    world = lived(name)
    domain = get_domain(world.scenario.domain)
    columns = {field.column for field in domain.fields}
    assert domain.label is not None
    assert columns | {domain.event_id, domain.event_time.source, domain.label.source} == set(
        world.events.columns
    )
    assert world.events[domain.label.source].null_count() == world.events.height
    assert world.time.is_sorted()
    assert world.time[0] >= world.scenario.start
    assert world.time[-1] < world.scenario.end
    assert world.events[domain.event_id].equals(
        world.truth["event_id"].rename(domain.event_id or "")
    )
    assert world.truth["event_id"].is_unique().all()
    assert world.truth.columns == [
        "event_id", "fraud", "typology", "campaign", "reported_at", "chargeback_at",
        "reversed_at", "analyst_fraud", "analyst_delay",
    ]  # fmt: skip
    honest = world.truth.filter(~pl.col("fraud"))
    assert honest["typology"].null_count() == honest["campaign"].null_count() == honest.height
    assert world.truth.filter("fraud")["typology"].null_count() == 0


@pytest.mark.parametrize("name", DOMAINS)
@pytest.mark.parametrize("events", [20_000, 100_000])
def test_the_number_of_events_is_about_what_was_asked_for(name: str, events: int) -> None:
    # Who sleeps and who is new is drawn for each account: a few hundred accounts vary together.
    tolerance = 0.06 if events < 50_000 else 0.03
    assert lived(name, events).events.height == pytest.approx(events, rel=tolerance)


def test_users_and_rate_may_be_given() -> None:
    world = World(load_scenario("card_stable", users=400, days=30), seed=2)
    found = sum(world.day(number).events.height for number in range(30))
    assert world.users == 400
    assert found == pytest.approx(400 * 1.6 * 30 * 0.95 * 1.045, rel=0.1)


@pytest.mark.parametrize("name", DOMAINS)
def test_prevalence_is_the_scenarios_within_sampling_error(name: str) -> None:
    shares, errors = [], []
    for seed in range(4):
        world = lived(name, 50_000, 60, seed)
        sizes = world.truth.filter("fraud").group_by("campaign").len()["len"].to_numpy()
        shares.append(sizes.sum() / world.truth.height)
        # Frauds come in campaigns: the variance is that of a compound Poisson number.
        errors.append(np.sqrt((sizes.astype(float) ** 2).sum()) / world.truth.height)
    error = np.sqrt(np.mean(np.square(errors)) / len(errors))
    assert abs(np.mean(shares) - load_scenario(name).fraud.rate) < 3 * error


def test_the_mix_is_the_scenarios() -> None:
    world = lived("card_stable", 300_000, 60)
    frauds = world.truth.filter("fraud")
    shares = dict(frauds["typology"].value_counts(normalize=True).iter_rows())
    for name, wanted in world.scenario.mix(0).items():
        assert shares[name] == pytest.approx(wanted, abs=0.08)


@pytest.mark.parametrize("name", ["card_rate_jump", "card_new_pattern", "card_slow_labels"])
def test_nothing_differs_before_the_change(name: str) -> None:
    plain = days("card_stable", 16, events=50_000)
    changed = days(name, 16, events=50_000, change_day=9)
    equal = [same(a, b) for a, b in zip(plain, changed, strict=True)]
    assert all(equal[:9])
    assert not all(equal[9:])


def test_the_rate_jumps() -> None:
    world = lived("card_rate_jump", 300_000, 60)
    change = world.scenario.start + world.scenario.change_days[0] * DAY
    fraud = world.truth["fraud"].to_numpy()
    after = world.time.to_numpy() >= change
    assert fraud[after].mean() / fraud[~after].mean() == pytest.approx(2.3, rel=0.25)


def test_days_come_in_order() -> None:
    world = World(load_scenario("card_stable", events=500, days=3))
    with pytest.raises(StateError, match="day 1 was asked for; next is day 0"):
        world.day(1)
    for number in range(3):
        world.day(number)
    with pytest.raises(StateError, match="day 3"):
        world.day(3)


def test_what_cannot_be_given() -> None:
    with pytest.raises(ConfigError, match="seed=-1"):
        World(load_scenario("card_stable"), seed=-1)
    world = World(load_scenario("card_stable", events=500, days=3))
    with pytest.raises(DataError, match="no event id"):
        world.day(0, blocked=np.array(["what"]))


def test_the_fingerprint_names_scenario_and_seed() -> None:
    one, two = load_scenario("card_stable"), load_scenario("card_stable", days=99)
    prints = {World(one).fingerprint, World(one, 1).fingerprint, World(two).fingerprint}
    assert len(prints) == 3
    assert World(one).fingerprint in prints


@pytest.mark.parametrize("name", DOMAINS)
def test_memory_stays_flat(name: str) -> None:
    world = World(load_scenario(name, events=60_000, days=120))
    sizes = []
    for number in range(120):
        world.day(number)
        if number in (30, 119):
            sizes.append(len(pickle.dumps(world)))
    assert sizes[1] < 1.2 * sizes[0]


@pytest.mark.parametrize("name", DOMAINS)
def test_a_world_goes_on_after_it_was_stored(name: str) -> None:
    world = World(load_scenario(name, events=4_000, days=12))
    for number in range(5):
        world.day(number)
    copy = pickle.loads(pickle.dumps(world))
    assert all(same(world.day(number), copy.day(number)) for number in range(5, 12))
