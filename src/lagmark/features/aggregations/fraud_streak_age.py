"""Time since known frauds began without a break."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lagmark.features.columns import Column, Columns
from lagmark.features.definition import FraudAggregation
from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.layout import P_DEFAULT, R_A, ROW_TIME
from lagmark.features.kernel.rows import streak_start

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = ["FraudStreakAge", "read"]


@dataclass(frozen=True)
class FraudStreakAge(FraudAggregation):
    """Seconds since the first of the known frauds without a break at the end of a window."""

    OP: ClassVar[int] = 22

    def columns(self) -> Columns:
        """Running number of known frauds."""
        return Columns(a=Column.fraud())


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
    row = streak_start(mem, start, width, lo, hi, r[j, R_A])
    if row >= hi:
        return p[j, P_DEFAULT]
    return float(t - mem[start + row * width + ROW_TIME]) / 1e6
