"""Attackers of an adaptive world react to blocks; those of others do not, and nobody foresees."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from lagmark.simulator import Day, Scenario, World, load_scenario
from lagmark.simulator.tells import find

DAYS = 40


def scenario(*, adaptive: bool) -> Scenario:
    name = "card_adaptive" if adaptive else "card_stable"
    return load_scenario(name, events=120_000, days=DAYS, fraud={"rate": 0.012, "stealth": 0.0})


def live(adaptive: bool, share: float, upto: int = DAYS, *, noise: bool = False) -> list[Day]:
    """A world whose frauds are blocked with a probability, known on the day after."""
    world = World(scenario(adaptive=adaptive))
    rng = np.random.default_rng(5)
    found: list[Day] = []
    blocked = None
    for number in range(upto):
        found.append(world.day(number, blocked))
        ids = found[-1].truth.filter("fraud")["event_id"].to_numpy()
        if noise:
            ids = found[-1].truth.filter(~pl.col("fraud"))["event_id"].to_numpy()
        blocked = ids[rng.random(len(ids)) < share]
    return found


def equal(one: list[Day], other: list[Day]) -> list[bool]:
    pairs = zip(one, other, strict=True)
    return [a.events.equals(b.events) and a.truth.equals(b.truth) for a, b in pairs]


@pytest.fixture(scope="module")
def free() -> list[Day]:
    return live(adaptive=True, share=0.0)


@pytest.fixture(scope="module")
def hunted() -> list[Day]:
    return live(adaptive=True, share=0.9)


def test_a_block_changes_nothing_where_nobody_adapts(free: list[Day]) -> None:
    plain = live(adaptive=False, share=0.9, upto=12)
    assert all(equal(plain, free[:12]))


def test_blocks_change_what_follows_and_nothing_before(free: list[Day], hunted: list[Day]) -> None:
    same = equal(free, hunted)
    assert same[0]
    assert not all(same[1:])
    # The same feedback up to a day gives the same days, whatever follows.
    world = World(scenario(adaptive=True))
    rng = np.random.default_rng(5)
    blocked = None
    for number in range(20):
        day = world.day(number, blocked)
        if number == 15:
            blocked = np.array(["000000000000"])
            continue
        if number < 16:
            assert day.events.equals(hunted[number].events)
        ids = day.truth.filter("fraud")["event_id"].to_numpy()
        blocked = ids[rng.random(len(ids)) < 0.9]


def test_blocked_honest_payments_teach_nobody(free: list[Day]) -> None:
    assert all(equal(live(adaptive=True, share=0.05, upto=10, noise=True), free[:10]))


def test_who_is_hunted_shows_less(free: list[Day], hunted: list[Day]) -> None:
    def shown(days: list[Day]) -> float:
        late = days[15:]
        events = pl.concat([day.events for day in days])
        frauds = pl.concat([day.truth for day in late]).filter(
            pl.col("typology").is_in(["account_takeover", "card_testing"])
        )
        hits = [find(events, "card", name) for name in ("account_takeover", "card_testing")]
        return frauds["event_id"].is_in(pl.concat(hits).implode()).mean()

    assert shown(free) > 0.7
    assert shown(hunted) < 0.6 * shown(free)


def test_a_blocked_campaign_changes_amount_time_or_channel(
    free: list[Day], hunted: list[Day]
) -> None:
    def rows(days: list[Day]) -> dict[int, set[tuple[object, ...]]]:
        found: dict[int, set[tuple[object, ...]]] = {}
        for day in days:
            both = day.events.join(day.truth, left_on="trans_num", right_on="event_id")
            columns = ["campaign", "trans_date_trans_time", "amt", "channel"]
            for campaign, *values in both.filter("fraud").select(columns).iter_rows():
                found.setdefault(campaign, set()).add(tuple(values))
        return found

    # Campaigns that ran when the first blocks came are the same ones in both worlds.
    begun = free[0].truth["campaign"].drop_nulls().unique().to_list()
    plain, changed = rows(free[:8]), rows(hunted[:8])
    moved = [campaign for campaign in begun if plain[campaign] != changed[campaign]]
    assert len(moved) > 0.3 * len(begun)
    before = hunted[0].events["trans_date_trans_time"][-1]
    for campaign in moved:
        old = {values for values in plain[campaign] if values[0] <= before}
        assert old <= changed[campaign]
        for time, amount, channel in changed[campaign] - plain[campaign]:
            assert time > before
            same_hour = {(t.time(), a, c) for t, a, c in plain[campaign]}
            assert (time.time(), amount, channel) not in same_hour
