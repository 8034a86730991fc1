"""Two computations of the same features held against each other, bit by bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Difference", "Parity", "compare"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One cell that differs.

    Parameters
    ----------
    row
        Row of the matrices.
    event_id
        Event of that row.
    feature
        Name of the feature.
    one, other
        The two values; ``repr`` shows every digit.
    """

    row: int
    event_id: int | str
    feature: str
    one: float
    other: float

    def text(self, one: str, other: str) -> str:
        """The difference in words, with names for the two computations."""
        return (
            f"event {self.event_id}, feature {self.feature}: "
            f"{one} {self.one!r}, {other} {self.other!r}"
        )

    def as_dict(self, one: str, other: str) -> dict[str, Any]:
        """The difference in values JSON has; the numbers as text, so that NaN can be told."""
        values = asdict(self)
        return {
            "row": values["row"],
            "event_id": values["event_id"],
            "feature": values["feature"],
            one: repr(values["one"]),
            other: repr(values["other"]),
        }


@dataclass(frozen=True, slots=True)
class Parity:
    """Number of cells that differ, and the first of them in the order of rows."""

    differences: int = 0
    first: Difference | None = None

    def then(self, later: Parity) -> Parity:
        """Both comparisons as one, where ``later`` is of later rows."""
        return Parity(self.differences + later.differences, self.first or later.first)

    def text(self, one: str, other: str) -> str:
        """The differences in words, with names for the two computations."""
        if self.first is None:
            return "no value differs"
        values = (
            "1 value differs" if self.differences == 1 else f"{self.differences:,} values differ"
        )
        return f"{values}, first {self.first.text(one, other)}"


def compare(
    one: Any, other: Any, names: Sequence[str], event_ids: Any, *, start: int = 0
) -> Parity:
    """Cells of two matrices that are not the same 64 bits.

    Parameters
    ----------
    one, other
        Shape (rows, features), float64.
    names
        What the columns are.
    event_ids
        What the rows are: a list or series.
    start
        Number of the first row.

    Examples
    --------
    >>> import numpy as np
    >>> compare(np.array([[0.0]]), np.array([[-0.0]]), ["amount"], [7]).differences
    1
    """
    import numpy as np

    left = np.ascontiguousarray(one)
    right = np.ascontiguousarray(other)
    differs = left.view(np.int64) != right.view(np.int64)
    count = int(np.count_nonzero(differs))
    if not count:
        return Parity()
    row, column = (int(part) for part in np.unravel_index(np.argmax(differs), differs.shape))
    cells = float(left[row, column]), float(right[row, column])
    return Parity(count, Difference(start + row, event_ids[row], names[column], *cells))
