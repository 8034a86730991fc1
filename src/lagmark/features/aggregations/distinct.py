"""Number of different values of a field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lagmark.features.columns import Column, Columns
from lagmark.features.definition import FieldAggregation
from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.kept import count_distinct
from lagmark.features.kernel.layout import P_DEFAULT, R_A, R_B, R_SECOND, R_STATE

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = ["Distinct", "read"]


@dataclass(frozen=True)
class Distinct(FieldAggregation):
    """Number of different values of an entity or category in a window.

    With the device as key and the customer as field it counts customers per device.
    """

    OP: ClassVar[int] = 7
    numeric: ClassVar[bool] = False
    stateful: ClassVar[bool] = True
    additive: ClassVar[bool] = True
    empty: ClassVar[float] = 0.0

    def columns(self) -> Columns:
        """Values, each with links to its neighbours of the same value."""
        raw = Column.raw_of(self.field, self.where)
        return Columns(a=raw, b=Column.same(raw))


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
    n = count_distinct(
        mem, head + r[j, R_STATE], start, width, lo, hi, r[j, R_A], r[j, R_B], r[j, R_SECOND]
    )
    return float(n) if n > 0 else p[j, P_DEFAULT]
