"""Fake shop: a new online shop charges many people one ordinary price and delivers nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.schema.time import DAY
from lagmark.simulator.draws import ranges
from lagmark.simulator.traffic import Channel, Traffic
from lagmark.simulator.typologies.typology import Scene, Typology

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

__all__ = ["TYPOLOGY"]

_FEWEST, _MOST = 8, 18
_CHARGES = 2
_DAYS = 5


def _plan(scene: Scene, stealth: NDArray[np.bool_], rng: np.random.Generator) -> Traffic:
    wanted = rng.integers(_FEWEST, _MOST + 1, len(stealth))
    victim = scene.victims(int(wanted.sum()), rng)
    campaign = np.repeat(np.arange(len(stealth)), wanted)[: len(victim)]
    scene.hold(victim, _DAYS)
    charges = rng.integers(1, _CHARGES + 1, len(victim))
    which = np.repeat(np.arange(len(victim)), charges)
    campaign, user = campaign[which], victim[which]
    begin = scene.at_hours(0.0, 24.0 * (_DAYS - 2), len(victim), rng)
    time = scene.by_day(begin[which] + ranges(charges) * DAY, 8.0, 23.5, rng)
    price = (rng.integers(19, 70, len(stealth)) * 100 + 90)[campaign]
    # Those who hide ask everybody another price.
    varied = price + rng.integers(-15, 15, len(user)) * 100
    shop = scene.merchants.spare(scene.first_campaign + campaign)
    own, home = (
        scene.people.own_device(user, scene.life.generation[user]),
        scene.people.address(user),
    )
    return Traffic.of(
        time,
        user,
        category=scene.merchants.category[shop],
        party=shop,
        amount=np.where(stealth[campaign], varied, price),
        channel=int(Channel.WEB),
        device=own,
        ip=home,
        campaign=campaign,
    )


def _tell(view: pl.DataFrame) -> pl.Series:
    import polars as pl

    paid = view.filter(pl.col("kind") == "payment")
    shops = (
        paid.group_by("party")
        .agg(
            accounts=pl.col("account").n_unique(),
            prices=pl.col("amount").n_unique(),
            lasted=pl.col("time").max() - pl.col("time").min(),
        )
        .filter(
            (pl.col("accounts") >= 5)
            & (pl.col("prices") == 1)
            & (pl.col("lasted") < pl.duration(days=2 * _DAYS))
        )
    )
    return paid.filter(pl.col("party").is_in(shops["party"].implode()))["event_id"]


TYPOLOGY = Typology(
    name="fake_shop",
    title="A new online shop charges many people one price and vanishes",
    domains=dict.fromkeys(("card", "bank_link"), (_FEWEST + _MOST) / 2 * (1 + _CHARGES) / 2),
    text="a shop that exists for less than ten days takes one and the same price from five or "
    "more accounts",
    plan=_plan,
    tell=_tell,
)
