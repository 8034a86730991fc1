"""Largest value of a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lagmark.features.columns import Column, Columns
from lagmark.features.definition import FieldAggregation
from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.kept import greatest
from lagmark.features.kernel.layout import NULL, P_DEFAULT, P_SCALE, R_A, R_B, R_STATE

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = ["Max", "read"]


@dataclass(frozen=True)
class Max(FieldAggregation):
    """Largest value over a window, in the source's units."""

    OP: ClassVar[int] = 4
    stateful: ClassVar[bool] = True

    def columns(self) -> Columns:
        """Values, each with a link to the latest earlier one beyond it."""
        raw = Column.raw_of(self.field, self.where, sign=1)
        return Columns(a=raw, b=Column.greater(raw))


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
    value = greatest(mem, head + r[j, R_STATE], start, width, lo, hi, r[j, R_A], r[j, R_B])
    return p[j, P_DEFAULT] if value == NULL else float(value) / p[j, P_SCALE]
