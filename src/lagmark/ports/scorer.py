"""What says how likely an event is fraud, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Scorer"]


class Scorer(Protocol):
    """A model that is ready to answer.

    Ordering and repetition: answers depend on nothing but the row; a row gets the same bits alone
    and among others, today and after a restart. Absence: a missing feature is NaN. Failure:
    what goes wrong is raised, never answered with a default. One thread uses it at a time.
    """

    @property
    def version(self) -> str:
        """Version in the registry."""

    @property
    def kind(self) -> str:
        """Kind of model."""

    @property
    def contract_hash(self) -> str:
        """Definition hash of the features it reads."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in column order."""

    def probabilities(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated probability of fraud, shape (n,), for rows of shape (n, F), C-contiguous."""

    def contributions(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Exact SHAP values in the model's unit, shape (n, F + 1), the base value last."""

    def top_contributions(
        self, X: NDArray[np.float64], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Columns and SHAP values of the ``k`` features that speak loudest for fraud.

        Both of shape (n, k), greatest first, of equal values the earlier column. Only positive
        values speak for fraud; where there are fewer, the rest is -1 and 0.
        """
