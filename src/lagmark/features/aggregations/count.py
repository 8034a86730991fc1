"""Number of events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lagmark.features.columns import Columns
from lagmark.features.definition import Aggregation
from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.layout import P_DEFAULT, R_N
from lagmark.features.kernel.totals import selected

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = ["Count", "read"]


@dataclass(frozen=True)
class Count(Aggregation):
    """Number of events of a key in a window (velocity).

    Examples
    --------
    >>> Count("customer", window="1d").label
    'customer_count_1d'
    """

    OP: ClassVar[int] = 0
    tileable: ClassVar[bool] = True
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
    n = selected(mem, start, width, lo, hi, r[j, R_N])
    return float(n) if n > 0 else p[j, P_DEFAULT]
