"""Mule ring: accounts behind one device pass on what they receive within hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.schema.time import HOUR, MINUTE
from lagmark.simulator.traffic import Act, Channel, Traffic
from lagmark.simulator.typologies.typology import Scene, Typology

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

__all__ = ["TYPOLOGY"]

_FEWEST, _MOST = 3, 5
_STEPS = 4
"""Received, passed on to the next of the ring, received there, taken out."""


def _plan(scene: Scene, stealth: NDArray[np.bool_], rng: np.random.Generator) -> Traffic:
    bank = scene.bank
    if bank is None:
        return Traffic.empty()
    sizes = rng.integers(_FEWEST, _MOST + 1, len(stealth))
    # Mules are young accounts; where there are too few, anybody who can be bought.
    young = scene.life.awake(scene.day) & (scene.people.opened > scene.day - 150)
    mules = scene.victims(int(sizes.sum()), rng, young)
    rings = int(np.searchsorted(np.cumsum(sizes), len(mules), side="right"))
    sizes, stealth = sizes[:rings], stealth[:rings]
    mules = mules[: int(sizes.sum())]
    scene.hold(mules, 3)
    campaign = np.repeat(np.arange(rings), sizes)
    first = np.repeat(np.cumsum(sizes) - sizes, sizes)
    turn = np.arange(len(mules)) - first
    following = mules[first + (turn + 1) % sizes[campaign]] if rings else mules
    hidden = stealth[campaign]
    begin = scene.at_hours(7.0, 16.0, len(mules), rng)
    wait = np.where(hidden, 30.0, rng.uniform(0.3, 1.5, len(mules))) * HOUR
    sent = begin + wait.astype(np.int64)
    arrived = sent + (rng.uniform(1, 10, len(mules)) * MINUTE).astype(np.int64)
    taken = arrived + (wait * rng.uniform(0.5, 1.0, len(mules))).astype(np.int64)
    got = rng.integers(300, 2_500, len(mules)) * 100
    passed = (got * rng.uniform(0.85, 0.96, len(mules))).astype(np.int64)
    cash = (passed * rng.uniform(0.86, 0.97, len(mules))).astype(np.int64) // 1_000 * 1_000
    tool = np.where(hidden, turn + 1, 0)
    device, ip = scene.fresh_device(campaign, tool), scene.fresh_address(campaign, tool)

    def step(time: NDArray[np.int64], who: NDArray[np.int64], act: Act, **more: object) -> Traffic:
        return Traffic.of(time, who, act=int(act), campaign=campaign, **more)

    far = {"channel": int(Channel.WEB), "device": device, "ip": ip}
    victim = bank.stranger(scene.first_campaign * 100 + np.arange(len(mules)))
    batch = int(Channel.BATCH)
    return Traffic.join(
        [
            step(begin, mules, Act.DEPOSIT, party=victim, amount=got, channel=batch),
            step(sent, mules, Act.TRANSFER, party=-2 - following, amount=passed, **far),
            step(arrived, following, Act.DEPOSIT, party=-2 - mules, amount=passed, channel=batch),
            step(taken, following, Act.WITHDRAWAL, amount=cash, channel=int(Channel.ATM)),
        ]
    )


def _tell(view: pl.DataFrame) -> pl.Series:
    import polars as pl

    received = (
        view.filter((pl.col("kind") == "deposit") & (pl.col("amount") >= 20_000))
        .select("account", "time", got="amount", deposit="event_id")
        .sort("time")
    )
    sent = view.filter(pl.col("kind") == "transfer").sort("time")
    passed = sent.join_asof(
        received, on="time", by="account", tolerance="3h", check_sortedness=False
    ).filter(pl.col("amount") >= 0.8 * pl.col("got"))
    rings = passed.group_by("device").agg(n=pl.col("account").n_unique()).filter(pl.col("n") >= 3)
    found = passed.filter(pl.col("device").is_in(rings["device"].implode()))
    return pl.concat([found["event_id"], found["deposit"]])


TYPOLOGY = Typology(
    name="mule_ring",
    title="Accounts behind one device pass on what they receive",
    domains={"bank_link": (_FEWEST + _MOST) / 2 * _STEPS},
    text="three or more accounts that send, from one and the same device, at least four fifths of "
    "a deposit of 200 or more within three hours",
    plan=_plan,
    tell=_tell,
)
