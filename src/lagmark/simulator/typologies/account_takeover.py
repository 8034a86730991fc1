"""Account takeover: a stranger at night, on a new device, with amounts the owner never spends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.schema.time import HOUR, MINUTE
from lagmark.simulator.categories import CATEGORY_NAMES
from lagmark.simulator.draws import ranges
from lagmark.simulator.traffic import Act, Channel, Traffic
from lagmark.simulator.typologies.typology import Scene, Typology

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

__all__ = ["TYPOLOGY"]

_FEWEST, _MOST = 3, 7
_KINDS = tuple(map(CATEGORY_NAMES.index, ("shopping_net", "misc_net", "travel", "shopping_pos")))


def _plan(scene: Scene, stealth: NDArray[np.bool_], rng: np.random.Generator) -> Traffic:
    victim = scene.victims(len(stealth), rng)
    stealth = stealth[: len(victim)]
    scene.hold(victim, 3)
    sizes = rng.integers(_FEWEST, _MOST + 1, len(victim))
    campaign = np.repeat(np.arange(len(victim)), sizes)
    user, hidden = victim[campaign], stealth[campaign]
    begin = scene.at_hours(0.2, 3.5, len(victim), rng)
    begin = np.where(stealth, scene.at_hours(9.0, 20.0, len(victim), rng), begin)
    gap = (rng.exponential(13, len(user)) + 1) * MINUTE
    time = begin[campaign] + (ranges(sizes) * 2 * MINUTE + gap).astype(np.int64)
    factor = np.where(hidden, rng.uniform(0.6, 3.0, len(user)), rng.uniform(5.5, 12.0, len(user)))
    amount = np.rint(scene.mean(user) * factor).astype(np.int64)
    device = np.where(
        hidden & (rng.random(len(victim)) < 0.5)[campaign],
        scene.people.own_device(user, scene.life.generation[user]),
        scene.fresh_device(campaign),
    )
    category, party = scene.shops(user, _KINDS[:3], rng)
    acts = np.full(len(user), int(Act.PAYMENT), np.int8)
    channel = np.where(rng.random(len(user)) < 0.7, int(Channel.WEB), int(Channel.APP))
    if scene.bank is not None:
        sends = rng.random(len(user)) < 0.6
        acts = np.where(sends, int(Act.TRANSFER), acts).astype(np.int8)
        party = np.where(sends, scene.bank.stranger(campaign + scene.first_campaign), party)
    planned = Traffic.of(
        time,
        user,
        act=acts,
        category=category.astype(np.int8),
        party=party,
        amount=amount,
        channel=channel.astype(np.int8),
        device=device,
        ip=scene.fresh_address(campaign),
        campaign=campaign,
    )
    if scene.bank is None:
        return planned
    ahead = rng.uniform(0.1, 6.0, len(victim)) * HOUR
    each = np.arange(len(victim))
    change = Traffic.of(
        begin - np.minimum(ahead, begin - scene.midnight).astype(np.int64),
        victim,
        act=int(Act.IDENTITY_CHANGE),
        channel=int(Channel.WEB),
        device=scene.fresh_device(each),
        ip=scene.fresh_address(each),
        campaign=each,
    )
    return Traffic.join([change, planned])


def _tell(view: pl.DataFrame) -> pl.Series:
    import polars as pl

    spent = pl.col("kind").is_in(["payment", "transfer", "withdrawal"])
    night = pl.col("time").dt.hour() < 6
    outgoing = view.filter(spent).with_columns(day=pl.col("time").dt.truncate("1d"))
    daily = (
        outgoing.group_by("account", "day", maintain_order=True)
        .agg(total=pl.col("amount").sum(), count=pl.len())
        .with_columns(
            before=(pl.col("total").cum_sum() - pl.col("total")).over("account"),
            events=(pl.col("count").cum_sum() - pl.col("count")).over("account"),
        )
    )
    # A device is new on the day on which the account uses it first.
    first = (
        view.filter(pl.col("device").is_not_null())
        .group_by("account", "device")
        .agg(device_since=pl.col("time").min())
    )
    found = (
        outgoing.join(daily, on=["account", "day"], how="left")
        .join(first, on=["account", "device"], how="inner")
        .filter(
            night
            & (pl.col("events") >= 5)
            & (pl.col("amount") * pl.col("events") > 5 * pl.col("before"))
            & (pl.col("time") - pl.col("device_since") < pl.duration(hours=24))
        )
    )
    changed = view.filter(pl.col("kind") == "identity_change").select(
        "account", changed=pl.col("time")
    )
    if changed.is_empty():  # a card carries no identity
        return found["event_id"]
    since = pl.col("time") - pl.col("changed")
    return (
        found.join(changed, on="account")
        .filter(since.is_between(pl.duration(), pl.duration(hours=24)))["event_id"]
        .unique(maintain_order=True)
    )


TYPOLOGY = Typology(
    name="account_takeover",
    title="A stranger empties somebody's account or card",
    domains={
        "card": (_FEWEST + _MOST) / 2,
        # The identity change comes before.
        "bank_link": (_FEWEST + _MOST) / 2 + 1,
    },
    text="between midnight and six, on a device the account did not use a day before, an amount "
    "above five times the mean of the account's earlier days; in bank_link an identity change "
    "comes in the hours before",
    plan=_plan,
    tell=_tell,
)
