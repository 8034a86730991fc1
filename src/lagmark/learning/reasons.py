"""Why a score is what it is, by feature name and value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lagmark.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Reason", "top_reasons"]


@dataclass(frozen=True, slots=True)
class Reason:
    """One feature's part in a score.

    Parameters
    ----------
    name
        Feature name.
    value
        Its value, ``None`` where absent.
    contribution
        Exact SHAP value in the model's unit; positive speaks for fraud.
    """

    name: str
    value: float | None
    contribution: float


def top_reasons(
    names: Sequence[str],
    values: NDArray[np.float64],
    contributions: NDArray[np.float64],
    k: int = 3,
) -> list[tuple[Reason, ...]]:
    """The ``k`` features that speak loudest for fraud, for each row.

    Parameters
    ----------
    names
        F feature names.
    values
        Feature values, shape (n, F).
    contributions
        Contributions of a model, shape (n, F + 1); the base value, last, is no reason.
    k
        Reasons per row. Only features with a positive contribution are reasons, so there may be
        fewer.

    Returns
    -------
    list of tuple of Reason
        Largest contribution first, of equal ones the earlier column.

    Raises
    ------
    DataError
        If the shapes disagree.

    Examples
    --------
    >>> top_reasons(["a", "b"], np.array([[1.0, 2.0]]), np.array([[-0.5, 0.7, 0.1]]))
    [(Reason(name='b', value=2.0, contribution=0.7),)]
    """
    if values.shape[1:] != (len(names),) or contributions.shape != (
        values.shape[0],
        len(names) + 1,
    ):
        raise DataError(
            f"values {values.shape} and contributions {contributions.shape} do not fit "
            f"{len(names)} names",
            where="reasons",
        )
    parts = contributions[:, :-1]
    order = np.argsort(-parts, axis=1, kind="stable")[:, :k]
    return [
        tuple(
            Reason(
                names[j],
                None if np.isnan(values[i, j]) else float(values[i, j]),
                float(parts[i, j]),
            )
            for j in columns
            if parts[i, j] > 0
        )
        for i, columns in enumerate(order)
    ]
