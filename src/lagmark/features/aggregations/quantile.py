"""Quantile of a number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lagmark.features.columns import Column, Columns
from lagmark.features.definition import FieldAggregation
from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.layout import NULL, P_DEFAULT, P_PARAM, P_SCALE, R_A, R_OUT
from lagmark.features.kernel.rows import first_at_least, smallest

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = ["Quantile", "read", "read_rows"]


@dataclass(frozen=True)
class Quantile(FieldAggregation):
    """Nearest-rank quantile of the earlier values in a window, in the source's units.

    The one aggregation whose cost grows with the window: online it selects among all its entries,
    over a key's whole history it keeps them sorted.
    """

    q: float

    OP: ClassVar[int] = 11
    current: ClassVar[bool | None] = False

    @property
    def argument(self) -> float:
        """The order of the quantile."""
        return self.q

    def __post_init__(self) -> None:
        """Refuse an order outside 0..1."""
        super().__post_init__()
        self._refuse(not 0.0 <= self.q <= 1.0, f"q={self.q} is not within 0..1")

    def columns(self) -> Columns:
        """Values."""
        return Columns(a=Column.raw_of(self.field, self.where))


@jit
def read(
    mem: Ints,
    head: int,
    start: int,
    width: int,
    lo: int,
    hi: int,
    t: int,
    x: Ints,
    r: Ints,
    p: Floats,
    j: int,
    work: Ints,
) -> float:
    n = 0
    for row in range(lo, hi):
        value = mem[start + row * width + r[j, R_A]]
        if value != NULL:
            work[n] = value
            n += 1
    if n == 0:
        return p[j, P_DEFAULT]
    return float(smallest(work, n, _rank(p, j, n))) / p[j, P_SCALE]


@jit
def _rank(p: Floats, j: int, n: int) -> int:
    return max(1, math.ceil(p[j, P_PARAM] * float(n))) - 1


@jit
def read_rows(
    mem: Ints,
    head: int,
    start: int,
    width: int,
    lows: Ints,
    highs: Ints,
    skip: int,
    xs: Ints,
    r: Ints,
    p: Floats,
    j: int,
    out: Floats,
    members: Ints,
    work: Ints,
) -> None:
    """The same for all events of a log in order: values enter and leave a sorted window."""
    low = high = lows[0]
    n = 0
    for i in range(members.size):
        while high < highs[i] - skip:
            value = mem[start + high * width + r[j, R_A]]
            if value != NULL:
                place = first_at_least(work, n, value)
                for k in range(n, place, -1):
                    work[k] = work[k - 1]
                work[place] = value
                n += 1
            high += 1
        while low < lows[i]:
            value = mem[start + low * width + r[j, R_A]]
            if value != NULL:
                n -= 1
                for k in range(first_at_least(work, n + 1, value), n):
                    work[k] = work[k + 1]
            low += 1
        value_found = p[j, P_DEFAULT] if n == 0 else float(work[_rank(p, j, n)]) / p[j, P_SCALE]
        out[members[i], r[j, R_OUT]] = value_found
