"""Liquidity crunch: the account is drained, then paid from until payments come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.schema.time import HOUR
from lagmark.simulator.categories import CATEGORY_NAMES
from lagmark.simulator.draws import ranges
from lagmark.simulator.traffic import Act, Channel, Traffic
from lagmark.simulator.typologies.typology import Scene, Typology

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

__all__ = ["TYPOLOGY"]

_FEWEST, _MOST = 3, 5
_KINDS = tuple(map(CATEGORY_NAMES.index, ("shopping_pos", "shopping_net", "home", "misc_net")))


def _plan(scene: Scene, stealth: NDArray[np.bool_], rng: np.random.Generator) -> Traffic:
    bank = scene.bank
    if bank is None:
        return Traffic.empty()
    who = scene.victims(len(stealth), rng, bank.steady() & scene.life.awake(scene.day))
    stealth = stealth[: len(who)]
    scene.hold(who, 3)
    sizes = rng.integers(_FEWEST, _MOST + 1, len(who))
    campaign = np.repeat(np.arange(len(who)), sizes)
    user = who[campaign]
    begin = scene.at_hours(7.0, 11.0, len(who), rng)
    pause = rng.uniform(0.3, 1.0, len(user)) * HOUR * np.where(stealth[campaign], 6.0, 1.5)
    time = begin[campaign] + HOUR + (ranges(sizes) * pause).astype(np.int64)
    # Each asks for more than is left, overdraft included.
    rest = bank.balance[user] * rng.uniform(0.15, 0.5, len(user)) + bank.limit[user] + 5_000
    category, party = scene.shops(user, _KINDS, rng)
    device, ip = scene.own_access(user, category)
    attempts = Traffic.of(
        time,
        user,
        category=category.astype(np.int8),
        party=party,
        amount=np.rint(rest).astype(np.int64),
        channel=np.where(device >= 0, int(Channel.WEB), int(Channel.CHIP)).astype(np.int8),
        device=device,
        ip=ip,
        campaign=campaign,
    )
    each = np.arange(len(who))
    share = np.where(stealth, rng.uniform(0.6, 0.8, len(who)), rng.uniform(0.97, 0.995, len(who)))
    own = scene.people.own_device(who, scene.life.generation[who])
    drain = Traffic.of(
        begin,
        who,
        act=int(Act.TRANSFER),
        party=bank.stranger(each + scene.first_campaign),
        amount=np.rint(bank.balance[who] * share).astype(np.int64),
        channel=int(Channel.APP),
        device=own,
        ip=scene.people.address(who),
        campaign=each,
    )
    return Traffic.join([drain, attempts])


def _tell(view: pl.DataFrame) -> pl.Series:
    import polars as pl

    days = view.with_columns(day=pl.col("time").dt.truncate("1d"))
    daily = (
        days.group_by("account", "day", maintain_order=True)
        .agg(
            n=pl.len(),
            s=pl.col("balance").cast(pl.Float64).sum(),
            q=pl.col("balance").cast(pl.Float64).pow(2).sum(),
        )
        .with_columns((pl.col("n", "s", "q").cum_sum() - pl.col("n", "s", "q")).over("account"))
    )
    mean = pl.col("s") / pl.col("n")
    deviation = (pl.col("q") / pl.col("n") - mean.pow(2)).sqrt()
    notices = view.filter(pl.col("kind") == "returned").select(
        "account", "amount", noticed=pl.col("time")
    )
    return (
        days.filter((pl.col("kind") == "payment") & (pl.col("amount") > pl.col("balance")))
        .join(daily, on=["account", "day"])
        .filter((pl.col("n") >= 10) & ((pl.col("balance") - mean) / deviation < -2.5))
        .join(notices, on=["account", "amount"])
        .filter(
            (pl.col("noticed") - pl.col("time")).is_between(pl.duration(), pl.duration(days=2))
        )["event_id"]
        .unique(maintain_order=True)
    )


TYPOLOGY = Typology(
    name="liquidity_crunch",
    title="A drained account pays until its payments are returned",
    domains={"bank_link": 1 + (_FEWEST + _MOST) / 2},
    text="a payment above the balance, at a balance more than 2.5 standard deviations below the "
    "mean of the account's earlier days, that is returned within two days",
    plan=_plan,
    tell=_tell,
)
