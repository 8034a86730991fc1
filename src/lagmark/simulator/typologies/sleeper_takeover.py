"""Sleeper takeover: an account wakes after a month, is linked many times, and is emptied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.schema.time import HOUR
from lagmark.simulator.draws import ranges
from lagmark.simulator.traffic import Act, Channel, Traffic
from lagmark.simulator.typologies.link_burst import burst, bursts
from lagmark.simulator.typologies.typology import Scene, Typology

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

__all__ = ["TYPOLOGY"]

_FEWEST, _MOST = 5, 10
_DORMANT_DAYS = 30
_LARGE = 10
"""Withdrawals are at least this many times a usual payment, in units of 10 currency units."""


def _plan(scene: Scene, stealth: NDArray[np.bool_], rng: np.random.Generator) -> Traffic:
    life, bank = scene.life, scene.bank
    if bank is None or scene.day < _DORMANT_DAYS:
        return Traffic.empty()
    slept = life.asleep & (life.last_day < scene.day - _DORMANT_DAYS)
    dormant = slept & (scene.people.opened < scene.day - _DORMANT_DAYS) & ~life.closed
    who = scene.victims(len(stealth), rng, dormant & (bank.balance > 50_000))
    stealth = stealth[: len(who)]
    life.closed[who] = True
    sizes = rng.integers(_FEWEST, _MOST + 1, len(who))
    links = burst(scene, who, sizes, np.where(stealth, 90.0, 12.0), rng)
    moves = rng.integers(1, 4, len(who))
    campaign = np.repeat(np.arange(len(who)), moves)
    user, number = who[campaign], ranges(moves)
    end = np.full(len(who), scene.midnight)
    np.maximum.at(end, links.campaign, links.time)
    wait = (rng.uniform(0.3, 1.5, len(user)) + 2 * number) * HOUR
    share = rng.uniform(0.35, 0.5, len(user)) * 0.5**number
    money = Traffic.of(
        end[campaign] + wait.astype(np.int64),
        user,
        act=int(Act.WITHDRAWAL),
        amount=(bank.balance[user] * share).astype(np.int64) // 1_000 * 1_000,
        channel=int(Channel.ATM),
        campaign=campaign,
    )
    return Traffic.join([links, money])


def _tell(view: pl.DataFrame) -> pl.Series:
    import polars as pl

    time, start = pl.col("time"), view["time"].min()
    gaps = (
        view.filter(pl.col("kind").is_in(["salary", "deposit", "returned"]).not_())
        .with_columns(last=time.shift().over("account"))
        .with_columns(
            # An account that was opened before the history and is first seen late has slept too.
            last=pl.when(pl.col("last").is_null() & (pl.col("account_age") > _DORMANT_DAYS))
            .then(pl.lit(start))
            .otherwise(pl.col("last"))
        )
        .filter(time - pl.col("last") >= pl.duration(days=_DORMANT_DAYS - 1))
        .group_by("account")
        .agg(woke=time.max())
    )
    near = (time - pl.col("woke")).is_between(pl.duration(), pl.duration(hours=72))
    woken = view.join(gaps, on="account").join(bursts(view), on="account").filter(near)
    large = woken.filter(
        (pl.col("kind") == "withdrawal") & (time >= pl.col("burst") - pl.duration(hours=24))
    ).filter(pl.col("amount") >= _LARGE * 1_000)
    return woken.join(large.select("account").unique(), on="account").filter(
        pl.col("kind").is_in(["link", "withdrawal"])
    )["event_id"]


TYPOLOGY = Typology(
    name="sleeper_takeover",
    title="A dormant account wakes, is linked many times and emptied",
    domains={"bank_link": (_FEWEST + _MOST) / 2 + 2},
    text="no act for thirty days or more, then five or more links within 24 hours and a withdrawal "
    "of 100 or more within three days",
    plan=_plan,
    tell=_tell,
)
