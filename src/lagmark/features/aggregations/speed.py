"""Speed since the previous event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from lagmark.features.definition import Aggregation, Column, Columns, PlaceAggregation
from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.layout import NULL, P_DEFAULT, P_SCALE, R_A, R_B, R_FIELD, R_FIELD_B, ROW_TIME
from lagmark.features.kernel.rows import latest_pair
from lagmark.features.kernel.sphere import metres_between

__all__ = ["Speed", "read"]


@dataclass(frozen=True)
class Speed(PlaceAggregation):
    """Speed in km/h that the way from the previous event of a key would have taken."""

    OP: ClassVar[int] = 17
    current: ClassVar[bool | None] = False

    def columns(self) -> Columns:
        """Coordinates."""
        return Columns(
            a=Column.raw_of(self.latitude, self.where), b=Column.raw(self.longitude, self.where)
        )


@jit
def read(
    mem: Any, head: int, start: int, width: int, lo: int, hi: int, t: int, x: Any, r: Any, p: Any,
    work: Any,
) -> float:
    if lo >= hi or x[r[R_FIELD]] == NULL or x[r[R_FIELD_B]] == NULL:
        return p[P_DEFAULT]
    row = latest_pair(mem, start, width, lo, hi, r[R_A], r[R_B])
    if row < lo:
        return p[P_DEFAULT]
    cell = start + row * width
    metres = metres_between(
        float(mem[cell + r[R_A]]) / p[P_SCALE],
        float(mem[cell + r[R_B]]) / p[P_SCALE],
        float(x[r[R_FIELD]]) / p[P_SCALE],
        float(x[r[R_FIELD_B]]) / p[P_SCALE],
    )
    passed = t - mem[cell + ROW_TIME]
    if passed == 0:
        return p[P_DEFAULT]
    return float(metres) / 1000.0 * 3600.0 / (float(passed) / 1e6)
