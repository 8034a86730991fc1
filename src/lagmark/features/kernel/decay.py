"""Powers of one half without a mathematical library, so that every machine gets the same bits."""

from __future__ import annotations

from decimal import Context, Decimal

import numpy as np

from lagmark.features.kernel._jit import jit

__all__ = ["STEPS", "TABLE", "decayed", "tick"]

STEPS = 64
"""Steps per half-life: a weight is at most 1.1 % off the continuous one."""


def _table() -> np.ndarray:
    context = Context(prec=60)
    root = context.power(Decimal(2), context.divide(Decimal(-1), Decimal(STEPS)))
    return np.array([float(context.power(root, Decimal(i))) for i in range(STEPS)])


TABLE = _table()
"""``2**(-i/64)`` correctly rounded, shape (64,)."""


@jit
def tick(time: int, half_life: int) -> int:
    """Number of whole steps from the epoch to an instant."""
    whole = time // half_life
    return whole * STEPS + (time - whole * half_life) * STEPS // half_life


@jit
def decayed(total: float, steps: int) -> float:
    """Total after a number of steps."""
    if steps >= 1000 * STEPS:
        return 0.0
    factor = TABLE[steps % STEPS]
    for _ in range(steps // STEPS):
        factor *= 0.5
    return total * factor
