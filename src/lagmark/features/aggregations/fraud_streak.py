"""Number of known frauds in a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lagmark.features.columns import Column, Columns
from lagmark.features.definition import FraudAggregation
from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.layout import P_DEFAULT, R_A
from lagmark.features.kernel.rows import streak_start

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = ["FraudStreak", "read"]


@dataclass(frozen=True)
class FraudStreak(FraudAggregation):
    """Number of known frauds without a break at the end of a window."""

    OP: ClassVar[int] = 21
    empty: ClassVar[float] = 0.0

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
    return float(hi - row) if hi > row else p[j, P_DEFAULT]
