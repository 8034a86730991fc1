"""Time since a key was first seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lagmark.features.columns import Columns
from lagmark.features.definition import Aggregation
from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.layout import H_FIRST

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = ["FirstSeenAge", "read"]


@dataclass(frozen=True)
class FirstSeenAge(Aggregation):
    """Seconds since the earliest event of a key; 0 when it is new."""

    OP: ClassVar[int] = 13
    windowless: ClassVar[bool] = True
    current: ClassVar[bool | None] = True
    plain: ClassVar[bool] = True
    additive: ClassVar[bool] = True

    def columns(self) -> Columns:
        """Nothing but the head of the log."""
        return Columns()


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
    return float(t - mem[head + H_FIRST]) / 1e6
