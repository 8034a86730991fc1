"""Bust-out: an account that builds trust with small payments, then spends all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.schema.time import HOUR
from lagmark.simulator.categories import CATEGORY_NAMES
from lagmark.simulator.draws import ranges
from lagmark.simulator.traffic import Channel, Traffic
from lagmark.simulator.typologies.typology import Scene, Typology

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

__all__ = ["TYPOLOGY"]

_TRUST = (20, 50)
"""Honest payments before."""
_FEWEST, _MOST = 4, 9
_KINDS = tuple(map(CATEGORY_NAMES.index, ("shopping_pos", "shopping_net", "travel", "home")))


def _plan(scene: Scene, stealth: NDArray[np.bool_], rng: np.random.Generator) -> Traffic:
    paid, opened = scene.life.paid, scene.people.opened
    # Those of the last days count to the spree when somebody looks back.
    ripe = (paid >= _TRUST[0] + 6) & (paid <= _TRUST[1] - 6) & (opened >= 0)
    who = scene.victims(len(stealth), rng, ripe & scene.life.awake(scene.day))
    stealth = stealth[: len(who)]
    scene.life.closed[who] = True
    sizes = rng.integers(_FEWEST, _MOST + 1, len(who))
    campaign = np.repeat(np.arange(len(who)), sizes)
    user, hidden = who[campaign], stealth[campaign]
    begin = scene.at_hours(9.0, 16.0, len(who), rng)
    pause = np.where(hidden, 9.0, 0.8) * rng.uniform(0.3, 1.0, len(user))
    time = begin[campaign] + (ranges(sizes) * pause * HOUR).astype(np.int64)
    factor = np.where(hidden, rng.uniform(1.5, 4.0, len(user)), rng.uniform(5.5, 13.0, len(user)))
    category, party = scene.shops(user, _KINDS, rng)
    device, ip = scene.own_access(user, category)
    return Traffic.of(
        time,
        user,
        category=category.astype(np.int8),
        party=party,
        amount=np.rint(scene.mean(user) * factor).astype(np.int64),
        channel=np.where(device >= 0, int(Channel.APP), int(Channel.CHIP)).astype(np.int8),
        device=device,
        ip=ip,
        campaign=campaign,
    )


def _tell(view: pl.DataFrame) -> pl.Series:
    import polars as pl

    spent = view.filter(pl.col("kind").is_in(["payment", "withdrawal", "transfer"])).with_columns(
        day=pl.col("time").dt.truncate("1d")
    )
    start = view["time"].min()
    daily = spent.group_by("account", "day", maintain_order=True).agg(
        total=pl.col("amount").sum(), count=pl.len()
    )
    # Two days are one spree: the comparison is with the days before the last one.
    last = daily.group_by("account").agg(end=pl.col("day").max())
    trust = (
        spent.join(last, on="account")
        .filter(pl.col("day") < pl.col("end") - pl.duration(days=2))
        .group_by("account")
        .agg(
            earlier=pl.len(),
            mean=pl.col("amount").mean(),
            first=pl.col("time").min(),
        )
        .filter(pl.col("earlier").is_between(*_TRUST))
        .filter(pl.col("first") > pl.lit(start) + pl.duration(days=1))
    )
    spree = (
        spent.join(last, on="account")
        .join(trust, on="account")
        .filter(pl.col("day") >= pl.col("end") - pl.duration(days=2))
        .filter(pl.col("amount") > 5 * pl.col("mean"))
    )
    return spree.filter(pl.len().over("account") >= 3)["event_id"]


TYPOLOGY = Typology(
    name="bust_out",
    title="A new account builds trust, then spends all at once",
    domains=dict.fromkeys(("card", "bank_link"), (_FEWEST + _MOST) / 2),
    text="a young account whose first 20 to 50 payments are ordinary ends with three or more, "
    "within its last three days, above five times their mean",
    plan=_plan,
    tell=_tell,
)
