"""Random streams that depend on nothing but the seed, the part of the world and the day."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Part", "hashed", "ranges", "stream"]

_BEFORE = 1_000
"""Days before the first that may have a stream of their own."""


class Part(IntEnum):
    """Parts of a world, each with its own stream on every day."""

    PLACES = 1
    PEOPLE = 2
    MERCHANTS = 3
    LIFE = 4
    PAYMENTS = 5
    BANKING = 6
    LABELS = 7
    ADAPTATION = 8
    NOTICES = 9
    CAMPAIGNS = 100
    """And one for each typology from here on."""
    LOOKALIKES = 200
    """Likewise."""


def stream(seed: int, part: int, day: int = 0) -> np.random.Generator:
    """Generator of one part of the world on one day.

    Parameters
    ----------
    seed
        Seed of the world, not negative.
    part
        See :class:`Part`.
    day
        Day number; those of the warm-up are negative.
    """
    key = np.random.SeedSequence(entropy=seed, spawn_key=(part, day + _BEFORE))
    return np.random.Generator(np.random.PCG64(key))


def hashed(*parts: NDArray[np.integer] | int) -> NDArray[np.uint64]:
    """Well-mixed 64-bit numbers of integer arrays of one shape (the finaliser of SplitMix64).

    Who needs the same choice again (a person's favourite shop, a household's address) gets it
    from here without storing it.
    """
    state = np.zeros(np.broadcast_shapes(*(np.shape(part) for part in parts)), np.uint64)
    with np.errstate(over="ignore"):
        for part in parts:
            state = state * np.uint64(0x9E3779B97F4A7C15) + np.asarray(part).astype(np.uint64)
            state = state + np.uint64(0x9E3779B97F4A7C15)
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state = state ^ (state >> np.uint64(31))
    return state


def ranges(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers 0, 1, ... within each group of the given sizes, shape (sum of sizes,).

    Examples
    --------
    >>> ranges(np.array([2, 0, 3])).tolist()
    [0, 1, 0, 1, 2]
    """
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) - np.repeat(ends - sizes, sizes)
