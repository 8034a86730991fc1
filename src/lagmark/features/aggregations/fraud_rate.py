"""Share of known frauds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lagmark.features.columns import Column, Columns
from lagmark.features.definition import FraudAggregation
from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.layout import P_DEFAULT, R_A
from lagmark.features.kernel.totals import total

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = ["FraudRate", "read"]


@dataclass(frozen=True)
class FraudRate(FraudAggregation):
    """Known frauds over all events of a key in a window: its risk."""

    OP: ClassVar[int] = 19
    additive: ClassVar[bool] = True
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
    if lo >= hi:
        return p[j, P_DEFAULT]
    return float(total(mem, start, width, lo, hi, r[j, R_A])) / float(hi - lo)
