"""Time since the latest known fraud."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lagmark.features.columns import Column, Columns
from lagmark.features.definition import FraudAggregation
from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.layout import P_DEFAULT, R_A, ROW_TIME
from lagmark.features.kernel.rows import latest

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = ["TimeSinceFraud", "read"]


@dataclass(frozen=True)
class TimeSinceFraud(FraudAggregation):
    """Seconds since the latest event of a key in a window that is a known fraud."""

    OP: ClassVar[int] = 23

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
    row = latest(mem, start, width, lo, hi, r[j, R_A])
    if row < lo:
        return p[j, P_DEFAULT]
    return float(t - mem[start + row * width + ROW_TIME]) / 1e6
