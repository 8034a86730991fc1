"""Share of events for which a predicate holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lagmark.features.columns import Column, Columns
from lagmark.features.definition import Aggregation
from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.layout import P_DEFAULT, R_A
from lagmark.features.kernel.totals import total

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = ["Rate", "read"]


@dataclass(frozen=True)
class Rate(Aggregation):
    """Share of a key's events in a window for which ``where`` holds (declines, nights)."""

    OP: ClassVar[int] = 8
    tileable: ClassVar[bool] = True
    additive: ClassVar[bool] = True
    needs_where: ClassVar[bool] = True
    empty: ClassVar[float] = 0.0

    def columns(self) -> Columns:
        """Running count of the events for which the predicate holds."""
        return Columns(a=Column.sum(None, self.where))


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
