"""Whether a key is seen for the first time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lagmark.features.columns import Columns
from lagmark.features.definition import Aggregation
from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.layout import R_N
from lagmark.features.kernel.totals import selected

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = ["NewEntity", "read"]


@dataclass(frozen=True)
class NewEntity(Aggregation):
    """1 if no earlier event of the key is in the window, else 0.

    With two fields as key: the first time this customer meets this merchant or device.
    """

    OP: ClassVar[int] = 15
    current: ClassVar[bool | None] = False
    additive: ClassVar[bool] = True
    empty: ClassVar[float] = 0.0

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
    return 1.0 if selected(mem, start, width, lo, hi, r[j, R_N]) == 0 else 0.0
