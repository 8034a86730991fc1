"""Merchant compromise: cards skimmed at one shop, used elsewhere from a few devices."""

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

_FEWEST, _MOST = 6, 12
_USES = 2
_DEVICES = 2
_DAYS = 3
_KINDS = tuple(
    map(CATEGORY_NAMES.index, ("shopping_net", "misc_net", "grocery_net", "shopping_pos"))
)


def _plan(scene: Scene, stealth: NDArray[np.bool_], rng: np.random.Generator) -> Traffic:
    campaign, victim = _skimmed(scene, len(stealth), rng)
    if not len(victim):
        return Traffic.empty()
    scene.hold(victim, _DAYS + 1)
    uses = rng.integers(1, _USES + 1, len(victim))
    which = np.repeat(np.arange(len(victim)), uses)
    campaign, user = campaign[which], victim[which]
    hidden = stealth[campaign]
    begin = scene.at_hours(9.0, 9.0 + 24 * (_DAYS - 1), len(victim), rng)
    time = begin[which] + (ranges(uses) * rng.uniform(0.1, 5.0, len(user)) * HOUR).astype(np.int64)
    time = scene.by_day(time, 8.0, 23.5, rng)
    amount = scene.usual[user] * np.exp(rng.normal(1.05, 0.55, len(user)))
    category, party = scene.shops(user, _KINDS[:3], rng)
    tool = np.where(hidden, which + _DEVICES, rng.integers(0, _DEVICES, len(user)))
    return Traffic.of(
        time,
        user,
        category=category.astype(np.int8),
        party=party,
        amount=np.maximum(np.rint(amount), 100).astype(np.int64),
        channel=int(Channel.WEB),
        device=scene.fresh_device(campaign, tool),
        ip=scene.fresh_address(campaign, tool),
        campaign=campaign,
    )


def _skimmed(
    scene: Scene, count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Campaign and person for the visitors of shops with a skimmer, of the last days."""
    nobody = np.empty(0, np.int64)
    if not scene.life.recent:
        return nobody, nobody
    user = np.concatenate([pair[0] for pair in scene.life.recent])
    party = np.concatenate([pair[1] for pair in scene.life.recent])
    free = (scene.life.victim_until < scene.day) & scene.life.open(scene.day)
    pairs = np.sort((party * scene.people.count + user)[free[user]])
    pairs = pairs[np.diff(pairs, prepend=-1) != 0]
    visited, visitor = np.divmod(pairs, scene.people.count)
    first = np.flatnonzero(np.diff(visited, prepend=-1))
    visitors = np.diff(first, append=len(visited))
    popular = np.flatnonzero(visitors >= _FEWEST + 2)
    chosen = rng.choice(popular, min(count, len(popular)), replace=False)
    campaigns: list[NDArray[np.int64]] = []
    victims: list[NDArray[np.int64]] = []
    used = np.zeros(scene.people.count, np.bool_)
    for number, shop in enumerate(chosen.tolist()):
        there = visitor[first[shop] : first[shop] + visitors[shop]]
        there = there[~used[there]]
        wanted = int(rng.integers(_FEWEST, _MOST + 1))
        hit = rng.choice(there, min(wanted, len(there)), replace=False)
        used[hit] = True
        victims.append(hit)
        campaigns.append(np.full(len(hit), number))
    if not victims:
        return nobody, nobody
    return np.concatenate(campaigns), np.concatenate(victims)


def _tell(view: pl.DataFrame) -> pl.Series:
    import polars as pl

    far = view.filter(pl.col("device").is_not_null() & (pl.col("kind") == "payment"))
    busy = (
        far.group_by("device")
        .agg(
            accounts=pl.col("account").n_unique(),
            lasted=pl.col("time").max() - pl.col("time").min(),
        )
        .filter((pl.col("accounts") >= 3) & (pl.col("lasted") < pl.duration(days=_DAYS)))
    )
    return far.filter(pl.col("device").is_in(busy["device"].implode()))["event_id"]


TYPOLOGY = Typology(
    name="merchant_compromise",
    title="Cards skimmed at one shop are used from a few devices",
    domains=dict.fromkeys(("card", "bank_link"), (_FEWEST + _MOST) / 2 * (1 + _USES) / 2),
    text="one device pays with three or more accounts, first and last time within three days; "
    "those accounts paid at one and the same counter in the week before",
    plan=_plan,
    tell=_tell,
)
