"""Sum of a number."""

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

__all__ = ["Sum", "read"]


@dataclass(frozen=True)
class Sum(FieldAggregation):
    """Sum of a money amount or quantity over a window, in the source's units."""

    OP: ClassVar[int] = 1
    tileable: ClassVar[bool] = True
    additive: ClassVar[bool] = True
    empty: ClassVar[float] = 0.0

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
    if selected(mem, start, width, lo, hi, r[j, R_N]) == 0:
        return p[j, P_DEFAULT]
    return float(total(mem, start, width, lo, hi, r[j, R_A])) / p[j, P_SCALE]
