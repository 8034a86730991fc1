"""Whether the latest event is a known fraud."""

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

__all__ = ["LastLabel", "read"]


@dataclass(frozen=True)
class LastLabel(FraudAggregation):
    """1 if the latest event of a key in a window is a known fraud, else 0."""

    OP: ClassVar[int] = 20
    empty: ClassVar[float] = 0.0
    latest: ClassVar[bool] = True

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
    return float(total(mem, start, width, hi - 1, hi, r[j, R_A]))
