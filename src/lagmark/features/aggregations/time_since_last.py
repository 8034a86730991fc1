"""Time since the previous event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lagmark.features.columns import Columns
from lagmark.features.definition import Aggregation
from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.layout import P_DEFAULT, R_N, ROW_TIME
from lagmark.features.kernel.rows import latest

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = ["TimeSinceLast", "read"]


@dataclass(frozen=True)
class TimeSinceLast(Aggregation):
    """Seconds since the previous event of a key in a window."""

    OP: ClassVar[int] = 14
    current: ClassVar[bool | None] = False
    latest: ClassVar[bool] = True

    def columns(self) -> Columns:
        """Running count where a predicate selects."""
        return Columns(n=self.counter())


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
    return float(t - mem[start + row * width + ROW_TIME]) / 1e6
