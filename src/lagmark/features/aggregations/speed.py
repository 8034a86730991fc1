"""Speed since the previous event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from lagmark.features.columns import Column, Columns
from lagmark.features.definition import PlaceAggregation
from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.layout import (
    NULL,
    P_DEFAULT,
    P_SCALE,
    R_A,
    R_B,
    R_FIELD,
    R_FIELD_B,
    ROW_TIME,
)
from lagmark.features.kernel.rows import latest_pair
from lagmark.features.kernel.sphere import metres_between

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = ["Speed", "read"]


@dataclass(frozen=True)
class Speed(PlaceAggregation):
    """Speed in km/h that the way from the previous event of a key would have taken."""

    OP: ClassVar[int] = 17
    current: ClassVar[bool | None] = False

    def columns(self) -> Columns:
        """Coordinates."""
        return Columns(
            a=Column.raw_of(self.latitude, self.where), b=Column.raw_of(self.longitude, self.where)
        )


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
    if lo >= hi or x[r[j, R_FIELD]] == NULL or x[r[j, R_FIELD_B]] == NULL:
        return p[j, P_DEFAULT]
    row = latest_pair(mem, start, width, lo, hi, r[j, R_A], r[j, R_B])
    if row < lo:
        return p[j, P_DEFAULT]
    cell = start + row * width
    metres = metres_between(
        float(mem[cell + r[j, R_A]]) / p[j, P_SCALE],
        float(mem[cell + r[j, R_B]]) / p[j, P_SCALE],
        float(x[r[j, R_FIELD]]) / p[j, P_SCALE],
        float(x[r[j, R_FIELD_B]]) / p[j, P_SCALE],
    )
    passed = t - mem[cell + ROW_TIME]
    if passed == 0:
        return np.nan
    return float(metres) / 1000.0 * 3600.0 / (float(passed) / 1e6)
