"""Card testing: a row of tiny payments that only ask whether the card works, then a large one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.schema.time import HOUR, MINUTE
from lagmark.simulator.categories import CATEGORY_NAMES
from lagmark.simulator.draws import ranges
from lagmark.simulator.traffic import Channel, Traffic
from lagmark.simulator.typologies.typology import Scene, Typology

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

__all__ = ["TYPOLOGY"]

_FEWEST, _MOST = 5, 10
_TINY = 300
"""Minor units that a test stays below."""
_TESTS = tuple(map(CATEGORY_NAMES.index, ("misc_net", "shopping_net", "grocery_net")))
_PRIZES = tuple(map(CATEGORY_NAMES.index, ("shopping_net", "misc_net")))


def _plan(scene: Scene, stealth: NDArray[np.bool_], rng: np.random.Generator) -> Traffic:
    victim = scene.victims(len(stealth), rng)
    stealth = stealth[: len(victim)]
    scene.hold(victim, 3)
    tests = rng.integers(_FEWEST, _MOST + 1, len(victim))
    sizes = tests + 1
    campaign = np.repeat(np.arange(len(victim)), sizes)
    user, hidden = victim[campaign], stealth[campaign]
    number = ranges(sizes)
    last = number == tests[campaign]
    # Testers work around the clock; those who hide leave hours between two tests.
    begin = scene.at_hours(0.0, 20.0, len(victim), rng)
    pause = np.where(hidden, 2.5 * HOUR, 1.6 * MINUTE)
    time = begin[campaign] + ((number + rng.random(len(user))) * pause).astype(np.int64)
    time += np.where(last, rng.uniform(0.2, 2.0, len(user)) * HOUR, 0).astype(np.int64)
    tiny = rng.integers(50, _TINY, len(user))
    prize = scene.usual[user] * rng.uniform(1.5, 5.0, len(user))
    category, party = scene.shops(user, _TESTS, rng)
    aim, shop = scene.shops(user, _PRIZES, rng)
    return Traffic.of(
        time,
        user,
        category=np.where(last, aim, category).astype(np.int8),
        party=np.where(last, shop, party),
        amount=np.where(last, np.rint(prize), tiny).astype(np.int64),
        channel=int(Channel.WEB),
        device=scene.fresh_device(campaign),
        ip=scene.fresh_address(campaign),
        campaign=campaign,
    )


def _tell(view: pl.DataFrame) -> pl.Series:
    import polars as pl

    tiny = view.filter((pl.col("kind") == "payment") & (pl.col("amount") < _TINY))
    counted = tiny.with_columns(
        count=pl.len().rolling(index_column="time", period="30m").over("account")
    ).filter(pl.col("count") >= 4)
    last = counted.group_by("account").agg(seen=pl.col("time").max())
    near = (pl.col("seen") - pl.col("time")).abs() < pl.duration(minutes=30)
    return tiny.join(last, on="account").filter(near)["event_id"]


TYPOLOGY = Typology(
    name="card_testing",
    title="Tiny payments that try a stolen number, then a large one",
    domains=dict.fromkeys(("card", "bank_link"), (_FEWEST + _MOST) / 2 + 1),
    text="four or more payments below 3.00 of one account within half an hour",
    plan=_plan,
    tell=_tell,
)
