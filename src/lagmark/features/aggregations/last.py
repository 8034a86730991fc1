"""Previous value of a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lagmark.features.columns import Column, Columns
from lagmark.features.definition import FieldAggregation
from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.layout import P_DEFAULT, P_SCALE, R_A, R_N
from lagmark.features.kernel.rows import latest
from lagmark.features.kernel.totals import total

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = ["Last", "read"]


@dataclass(frozen=True)
class Last(FieldAggregation):
    """Value of the latest earlier event of the window, in the source's units."""

    OP: ClassVar[int] = 6
    current: ClassVar[bool | None] = False
    latest: ClassVar[bool] = True

    def columns(self) -> Columns:
        """Running sum, whose steps are the values, and how many it has."""
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
    row = latest(mem, start, width, lo, hi, r[j, R_N])
    if row < lo:
        return p[j, P_DEFAULT]
    return float(total(mem, start, width, row, row + 1, r[j, R_A])) / p[j, P_SCALE]
