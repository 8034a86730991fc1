"""What every kind of model can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Model"]


class Model(Protocol):
    """A classifier of fraud over a float64 matrix with named columns.

    A model is created with its parameters (those given override the kind's defaults), fitted
    once, and then only read. NaN means "no value" and is always allowed; infinity never is.
    """

    kind: ClassVar[str]
    """Name in the registry of kinds."""

    unit: ClassVar[str]
    """What contributions add up to: ``"log-odds"`` or ``"probability"``."""

    params: dict[str, Any]
    """Parameters in force, JSON values."""

    names: tuple[str, ...]
    """Feature names in column order; empty until fitted."""

    def __init__(self, params: Mapping[str, Any] | None = None) -> None: ...

    def fit(
        self,
        X: NDArray[np.float64],
        y: NDArray[np.int8],
        *,
        names: Sequence[str],
        weights: NDArray[np.float64] | None = None,
        seed: int = 0,
        n_jobs: int = 1,
    ) -> Self:
        """The model itself, fitted.

        Parameters
        ----------
        X, y
            Values, shape (n, F), and labels (0/1), shape (n,).
        names
            F feature names.
        weights
            Weight of each example, shape (n,).
        seed
            The same seed, data and thread count give the same model.
        n_jobs
            Threads to fit with.

        Raises
        ------
        DataError
            If the shapes disagree, a value is infinite, or a class is missing.
        ConfigError
            If a parameter is not one of this kind.
        """

    def predict_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Uncalibrated probability of fraud, shape (n,).

        Raises
        ------
        DataError
            If the columns disagree with the names or a value is infinite.
        StateError
            If the model is not fitted.
        """

    def contributions(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Exact SHAP values in :attr:`unit`, shape (n, F + 1).

        The last column is the base value; a row adds up to the prediction in that unit.
        """

    def save(self, directory: Path) -> None:
        """Write the model as files of an existing directory, none of them a pickle."""

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Model from the files of :meth:`save`.

        Raises
        ------
        StateError
            If a file is missing, unreadable, or holds anything but this kind of model.
        """
