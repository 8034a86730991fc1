"""Mean of a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lagmark.features.columns import Column, Columns
from lagmark.features.definition import FieldAggregation
from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.layout import P_DEFAULT, P_SCALE, R_A, R_N
from lagmark.features.kernel.totals import selected, total

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = ["Mean", "read"]


@dataclass(frozen=True)
class Mean(FieldAggregation):
    """Mean of a money amount or quantity over a window, in the source's units."""

    OP: ClassVar[int] = 2
    tileable: ClassVar[bool] = True
    additive: ClassVar[bool] = True

    def columns(self) -> Columns:
        """Running sum, and how many it has."""
        return Columns(a=Column.sum(self.field, self.where), n=self.counter())


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
    n = selected(mem, start, width, lo, hi, r[j, R_N])
    if n == 0:
        return p[j, P_DEFAULT]
    return float(total(mem, start, width, lo, hi, r[j, R_A])) / (float(n) * p[j, P_SCALE])
