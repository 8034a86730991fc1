"""Whether a contender's columns are Lagmark's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Agreement", "compare", "tied_customers"]


@dataclass(frozen=True)
class Agreement:
    """How two tables of the twelve features differ.

    Parameters
    ----------
    values
        Values compared.
    counts
        Counts that are not equal.
    means
        Means and rates further apart than 1e-9.
    """

    values: int
    counts: int
    means: int

    @property
    def agree(self) -> bool:
        """Whether something was compared and nothing differed."""
        return self.values > 0 and self.counts == 0 and self.means == 0


def tied_customers(table: Any) -> Any:
    """Rows, as booleans, whose customer has another payment in the same instant."""
    import polars as pl

    return table.select(pl.struct("customer", "time").is_duplicated()).to_series().to_numpy()


def compare(ours: Any, theirs: Any, tied: Any) -> Agreement:
    """Compare all values that the other has (not NaN), less what ties make ambiguous.

    SQL and Polars take rows of the same instant for peers, Lagmark (as pandas) lets only the
    earlier of them count: customers' values of tied rows are left out. Terminals' windows end
    seven days earlier, where ties make no difference.
    """
    import numpy as np

    kept = ~np.isnan(theirs)
    kept[tied, :6] = False
    is_count = np.arange(12) % 2 == 0
    counts = kept & is_count & (ours != theirs)
    means = kept & ~is_count & (np.abs(ours - theirs) > 1e-9)
    return Agreement(int(kept.sum()), int(counts.sum()), int(means.sum()))
