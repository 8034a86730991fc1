"""Every typology is found by its tell in a query over the events, and not without it."""

from __future__ import annotations

import polars as pl
import pytest

from lagmark.errors import ConfigError
from lagmark.schema.time import DAY, HOUR
from lagmark.simulator import load_scenario
from lagmark.simulator.tells import find, view
from lagmark.simulator.typologies import TYPOLOGIES

from .worlds import Lived, live, lived

HONEST_HITS = {"account_takeover": 1e-4, "liquidity_crunch": 1e-4, "bust_out": 1e-4}
"""Honest rate that a tell may have, as a share of all events; none for the others."""
BURN_IN = 14
"""Days after which an account has a past to stand out from."""
CASES = [
    *(("bank_link_attack", name) for name in TYPOLOGIES),
    *(
        ("card_clear", name)
        for name, kind in TYPOLOGIES.items()
        if "card" in kind.domains and name != "fake_shop"
    ),
]


def attacked(world: str) -> Lived:
    if world == "bank_link_attack":
        return lived(world, 200_000, 100)
    scenario = load_scenario(
        "card_stable", events=150_000, days=80, fraud={"rate": 0.012, "stealth": 0.0}
    )
    return live(scenario)


WORLDS: dict[str, Lived] = {}


def world_of(name: str) -> Lived:
    if name not in WORLDS:
        WORLDS[name] = attacked(name)
    return WORLDS[name]


@pytest.mark.parametrize(("world", "typology"), CASES)
def test_the_tell_finds_the_campaigns(world: str, typology: str) -> None:
    lived_in = world_of(world)
    found = find(lived_in.events, lived_in.scenario.domain, typology).unique()
    truth = lived_in.truth.with_columns(
        hit=pl.col("event_id").is_in(found.implode()), time=lived_in.time
    )
    mine = truth.filter(pl.col("typology") == typology)
    campaigns = mine.group_by("campaign").agg(pl.col("hit").any(), pl.col("time").min())
    late = campaigns.filter(pl.col("time") >= lived_in.scenario.start + BURN_IN * DAY)
    assert campaigns.height >= 5
    assert late["hit"].mean() >= 0.85
    # Collateral: the honest acts of the same accounts, and kinds that share a part of the tell.
    assert truth.filter(pl.col("hit") & ~pl.col("fraud")).height < 0.001 * truth.height


@pytest.mark.parametrize(("world", "typology"), CASES)
def test_honest_traffic_does_not_have_it(world: str, typology: str) -> None:
    name = "card_stable" if world == "card_clear" else world
    clean = lived(name, 150_000, 90, 0, rate=0.0)
    assert clean.truth["fraud"].sum() == 0
    found = find(clean.events, clean.scenario.domain, typology).unique()
    assert len(found) <= HONEST_HITS.get(typology, 0.0) * clean.events.height


MIXED = load_scenario("bank_link_stable").mix(0)


def honest_like(stealth: float, rate: float = 0.006) -> Lived:
    name = f"bank_link_stable {stealth} {rate}"
    if name not in WORLDS:
        fraud = {"stealth": stealth, "rate": rate}
        WORLDS[name] = live(load_scenario("bank_link_stable", events=400_000, fraud=fraud))
    return WORLDS[name]


@pytest.mark.parametrize("typology", MIXED)
def test_lookalikes_hide_no_campaign_from_its_tell(typology: str) -> None:
    world = honest_like(stealth=0.0)
    found = find(world.events, "bank_link", typology).unique()
    truth = world.truth.with_columns(hit=pl.col("event_id").is_in(found.implode()), time=world.time)
    campaigns = (
        truth.filter(pl.col("typology") == typology)
        .group_by("campaign")
        .agg(pl.col("hit").any(), pl.col("time").min())
    )
    late = campaigns.filter(pl.col("time") >= world.scenario.start + BURN_IN * DAY)
    assert late.height >= 5
    assert late["hit"].mean() >= 0.85


@pytest.mark.parametrize("typology", sorted(set(MIXED) - {"bust_out"}))
def test_lookalikes_show_the_tell_without_a_fraud(typology: str) -> None:
    world = honest_like(stealth=0.0, rate=0.0)
    assert world.truth["fraud"].sum() == 0
    assert world.truth["campaign"].null_count() == world.truth.height
    found = find(world.events, "bank_link", typology).unique()
    share = world.scenario.population.lookalikes
    assert 0 < len(found) < share * world.events.height


def test_lookalikes_leave_size_and_fraud_as_they_are() -> None:
    world = honest_like(stealth=0.0)
    assert world.truth.height == pytest.approx(400_000, rel=0.03)
    assert world.truth["fraud"].mean() == pytest.approx(0.006, rel=0.15)


def campaigns_of(typology: str) -> tuple[Lived, pl.DataFrame]:
    world = world_of("bank_link_attack")
    events = world.events.join(
        world.truth.select("event_id", "typology", "campaign"), on="event_id"
    )
    return world, events.filter(pl.col("typology") == typology)


def test_a_link_burst_has_five_to_fifteen_links_in_a_day() -> None:
    _, events = campaigns_of("link_burst")
    links = (
        events.filter(pl.col("kind") == "link")
        .group_by("campaign")
        .agg(pl.len(), lasted=pl.col("time").max() - pl.col("time").min())
    )
    assert links["len"].min() >= 5
    assert links["len"].max() <= 15
    assert links["lasted"].dt.total_hours().max() < 24


def test_a_sleeper_slept_for_thirty_days() -> None:
    world, events = campaigns_of("sleeper_takeover")
    first = events.group_by("account").agg(woke=pl.col("time").min())
    before = (
        world.events.join(first, on="account")
        .filter((pl.col("time") < pl.col("woke")) & (pl.col("kind") != "returned"))
        .group_by("account")
        .agg(gap=(pl.col("woke") - pl.col("time")).min())
    )
    assert before["gap"].dt.total_days().min() >= 29
    assert before.height > 0


def test_a_bust_out_had_twenty_to_fifty_honest_payments_and_jumps_past_500_percent() -> None:
    world, events = campaigns_of("bust_out")
    first = events.group_by("account").agg(began=pl.col("time").min())
    trust = (
        world.events.filter(pl.col("kind") == "payment")
        .join(first, on="account")
        .filter(pl.col("time") < pl.col("began"))
        .group_by("account")
        .agg(pl.len(), mean=pl.col("amount").mean())
    )
    assert trust["len"].min() >= 20
    assert trust["len"].max() <= 56
    jump = events.join(trust, on="account")
    assert (jump["amount"] > 5 * jump["mean"]).mean() > 0.95


def test_an_account_takeover_follows_an_identity_change_at_night_on_a_new_device() -> None:
    world, events = campaigns_of("account_takeover")
    change = events.filter(pl.col("kind") == "identity_change").select(
        "campaign", changed=pl.col("time")
    )
    spent = events.filter(pl.col("kind") != "identity_change").join(change, on="campaign")
    assert spent["campaign"].n_unique() == change.height
    hours = (spent["time"] - spent["changed"]).dt.total_seconds() / 3600
    assert hours.min() > 0
    assert hours.max() < 24
    assert (spent["time"].dt.hour() < 6).all()
    honest = world.events.filter(~world.truth["fraud"])
    assert not spent["device"].is_in(honest["device"].drop_nulls().implode()).any()


def test_a_crunch_asks_for_more_than_there_is_and_is_returned() -> None:
    _, events = campaigns_of("liquidity_crunch")
    attempts = events.filter(pl.col("kind") == "payment")
    assert attempts["returned"].mean() > 0.95


def test_mules_pass_on_most_of_what_they_get() -> None:
    _, events = campaigns_of("mule_ring")
    sums = events.group_by("campaign", "kind").agg(pl.col("amount").sum())
    wide = sums.pivot("kind", index="campaign", values="amount").drop_nulls()
    assert (wide["transfer"] / (wide["deposit"] - wide["transfer"])).is_between(0.75, 1.0).all()
    devices = (
        events.filter(pl.col("kind") == "transfer")
        .group_by("campaign")
        .agg(pl.col("device").n_unique(), accounts=pl.col("account").n_unique())
    )
    assert devices["device"].max() == 1
    assert devices["accounts"].min() >= 2


def test_card_tests_are_tiny_and_quick() -> None:
    _, events = campaigns_of("card_testing")
    tests = (
        events.filter(pl.col("amount") < 3)
        .group_by("campaign")
        .agg(pl.len(), lasted=(pl.col("time").max() - pl.col("time").min()).dt.total_microseconds())
    )
    assert tests["len"].min() >= 4
    assert tests["lasted"].max() < HOUR / 2


def test_skimmed_cards_visited_one_counter() -> None:
    world, events = campaigns_of("merchant_compromise")
    honest = world.events.filter(~world.truth["fraud"] & pl.col("device").is_null())
    for _, part in events.group_by("campaign"):
        began = part["time"].min()
        if began.date() < world.events["time"][0].date().replace(day=20):
            continue
        earlier = honest.filter(
            pl.col("account").is_in(part["account"].unique().implode())
            & (pl.col("time") < began)
            & (pl.col("kind") == "payment")
        )
        shared = earlier.group_by("counterparty").agg(pl.col("account").n_unique())["account"]
        assert shared.max() == part["account"].n_unique()


def test_a_fake_shop_charges_one_price() -> None:
    _, events = campaigns_of("fake_shop")
    shops = events.group_by("campaign").agg(
        pl.col("counterparty").n_unique(), pl.col("amount").n_unique()
    )
    assert shops["counterparty"].max() == shops["amount"].max() == 1


def test_a_view_holds_no_truth() -> None:
    for name in ("card_stable", "bank_link_attack"):
        world = lived(name)
        seen = view(world.events, world.scenario.domain)
        assert not {"fraud", "is_fraud", "typology", "returned", "balance_after"} & set(
            seen.columns
        )
        assert seen.height == world.events.height


def test_what_there_is_no_tell_for() -> None:
    events = lived("card_stable").events
    with pytest.raises(ConfigError, match="'mule_ring' in domain 'card'"):
        find(events, "card", "mule_ring")
    with pytest.raises(ConfigError, match="not simulated"):
        view(events, "handbook")
