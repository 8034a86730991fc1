"""How fraudsters change what was blocked: amount, timing or channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.schema.time import DAY, HOUR
from lagmark.simulator.categories import ONLINE
from lagmark.simulator.draws import hashed
from lagmark.simulator.people import device
from lagmark.simulator.traffic import NOBODY, Act, Channel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.simulator.places import Merchants
    from lagmark.simulator.traffic import Traffic

__all__ = ["evaded"]

_WAYS = 3


def evaded(
    events: Traffic,
    towns: NDArray[np.int64],
    merchants: Merchants,
    day: int,
    rng: np.random.Generator,
) -> Traffic:
    """Events of blocked campaigns as they are tried instead, each campaign in one way.

    The first way asks for a fraction of the amount; the second waits for the daytime of one of
    the next days; the third goes from a distance to a counter where the victim lives, or, where
    there is no merchant, to another device.

    Parameters
    ----------
    events
        What was planned.
    towns
        Town in which the victim of each event lives, shape (n,).
    merchants
        Where else to go.
    day
        Day of the reaction: another day, another way.
    rng
        Source of the details.
    """
    size = len(events)
    way = (hashed(events.campaign, day, 37) % np.uint64(_WAYS)).astype(np.int64)
    money = events.act < Act.LINK
    less = np.where(way == 0, rng.uniform(0.15, 0.4, size), 1.0)
    wait = rng.integers(1, 4, size) * DAY + (rng.uniform(9, 21, size) * HOUR).astype(np.int64)
    later = events.time - events.time % DAY + wait
    switch = (way == 2) & (events.party >= 0) & money
    category = np.where(switch, rng.choice(np.flatnonzero(~ONLINE), size), events.category)
    shop = merchants.any(merchants.group(towns, category), day, rng)
    tool = np.where(way == 2, device(hashed(events.campaign, day, 41)), events.device)
    amount = np.maximum(np.rint(events.amount * less), 50).astype(np.int64)
    return events.changed(
        amount=np.where(money, amount, 0),
        time=np.where(way == 1, later, events.time),
        category=category.astype(np.int8),
        party=np.where(switch, shop, events.party),
        channel=np.where(switch, int(Channel.SWIPE), events.channel).astype(np.int8),
        device=np.where(switch, NOBODY, tool),
        ip=np.where(switch, NOBODY, events.ip),
    )
