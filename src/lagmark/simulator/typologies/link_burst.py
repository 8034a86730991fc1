"""Link burst: many bank connections within a day, then money through the new ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.schema.time import HOUR
from lagmark.simulator.draws import ranges
from lagmark.simulator.traffic import Act, Channel, Traffic
from lagmark.simulator.typologies.typology import Scene, Typology

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

__all__ = ["TYPOLOGY", "burst", "bursts"]

_FEWEST, _MOST = 5, 15
_INSTITUTIONS = 40


def burst(
    scene: Scene,
    who: NDArray[np.int64],
    sizes: NDArray[np.int64],
    hours: NDArray[np.float64],
    rng: np.random.Generator,
) -> Traffic:
    """Links of each account from a device of its campaign, spread over some hours."""
    assert scene.bank is not None
    campaign = np.repeat(np.arange(len(who)), sizes)
    begin = scene.at_hours(6.0, 14.0, len(who), rng)
    part = (ranges(sizes) + rng.random(len(campaign))) / sizes[campaign]
    return Traffic.of(
        begin[campaign] + (part * hours[campaign] * HOUR).astype(np.int64),
        who[campaign],
        act=int(Act.LINK),
        party=scene.bank.stranger(rng.integers(0, _INSTITUTIONS, len(campaign))),
        channel=int(Channel.WEB),
        device=scene.fresh_device(campaign),
        ip=scene.fresh_address(campaign),
        campaign=campaign,
    )


def bursts(view: pl.DataFrame) -> pl.DataFrame:
    """Accounts with five or more links within 24 hours: columns ``account``, ``burst`` (end)."""
    import polars as pl

    links = view.filter(pl.col("kind") == "link").with_columns(
        count=pl.len().rolling(index_column="time", period="24h").over("account")
    )
    return (
        links.filter(pl.col("count") >= _FEWEST).group_by("account").agg(burst=pl.col("time").max())
    )


def _plan(scene: Scene, stealth: NDArray[np.bool_], rng: np.random.Generator) -> Traffic:
    if scene.bank is None:
        return Traffic.empty()
    who = scene.victims(len(stealth), rng)
    stealth = stealth[: len(who)]
    scene.hold(who, 6)
    sizes = rng.integers(_FEWEST, _MOST + 1, len(who))
    hours = np.where(stealth, 96.0, rng.uniform(2.0, 20.0, len(who)))
    links = burst(scene, who, sizes, hours, rng)
    moves = rng.integers(1, 3, len(who))
    campaign = np.repeat(np.arange(len(who)), moves)
    user = who[campaign]
    end = np.full(len(who), scene.midnight)
    np.maximum.at(end, links.campaign, links.time)
    part = scene.bank.balance[user].clip(10_000) * rng.uniform(0.15, 0.4, len(user))
    money = Traffic.of(
        end[campaign] + (rng.uniform(0.2, 5.0, len(user)) * HOUR).astype(np.int64),
        user,
        act=int(Act.TRANSFER),
        party=scene.bank.stranger(scene.first_campaign + campaign),
        amount=np.rint(part).astype(np.int64),
        channel=int(Channel.WEB),
        device=scene.fresh_device(campaign),
        ip=scene.fresh_address(campaign),
        campaign=campaign,
    )
    return Traffic.join([links, money])


def _tell(view: pl.DataFrame) -> pl.Series:
    import polars as pl

    near = (pl.col("burst") - pl.col("time")).is_between(pl.duration(), pl.duration(hours=24))
    return view.join(bursts(view), on="account").filter((pl.col("kind") == "link") & near)[
        "event_id"
    ]


TYPOLOGY = Typology(
    name="link_burst",
    title="Many bank connections within a day, then a transfer",
    domains={"bank_link": (_FEWEST + _MOST) / 2 + 1.5},
    text="five to fifteen links of one account within 24 hours",
    plan=_plan,
    tell=_tell,
)
