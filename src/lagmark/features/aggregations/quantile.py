"""Quantile of a number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lagmark.features.columns import Column, Columns
from lagmark.features.definition import FieldAggregation
from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.layout import NULL, P_DEFAULT, P_PARAM, P_SCALE, R_A
from lagmark.features.kernel.rows import smallest

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = ["Quantile", "read"]


@dataclass(frozen=True)
class Quantile(FieldAggregation):
    """Nearest-rank quantile of the earlier values in a window, in the source's units.

    The one aggregation whose cost grows with the window: it selects among all its entries.
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
    rank = max(1, math.ceil(p[j, P_PARAM] * float(n)))
    return float(smallest(work, n, rank - 1)) / p[j, P_SCALE]
