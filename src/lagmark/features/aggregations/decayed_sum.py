"""Sum that forgets by half-lives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from lagmark.features.columns import Column, Columns
from lagmark.features.definition import FieldAggregation
from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.layout import P_SCALE, R_B
from lagmark.features.kernel.predicate import as_float
from lagmark.schema.time import format_duration, parse_duration

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = ["DecayedSum", "read"]


@dataclass(frozen=True)
class DecayedSum(FieldAggregation):
    """Exponentially decayed sum over all of a key's events, in the source's units.

    Times are counted in 64 steps per half-life, so that the weights come from a fixed table.
    """

    half_life: str | timedelta

    OP: ClassVar[int] = 12
    windowless: ClassVar[bool] = True
    empty: ClassVar[float] = 0.0
    current: ClassVar[bool | None] = True

    def __post_init__(self) -> None:
        """Refuse a half-life that is no time."""
        super().__post_init__()
        self._refuse(self._micros(self.half_life) <= 0, "its half-life is not positive")

    @property
    def suffix(self) -> str:
        """The half-life in the automatic name."""
        return format_duration(parse_duration(self.half_life))

    def columns(self) -> Columns:
        """Values, and the decayed total at each."""
        raw = Column.raw_of(self.field, self.where)
        return Columns(a=raw, b=Column.decay(raw, parse_duration(self.half_life)))


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
    return as_float(mem, start + (hi - 1) * width + r[j, R_B]) / p[j, P_SCALE]
