"""Boosted trees as a scorer: compiled, exact, the same bits for a row in any company."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lagmark.errors import DataError, StateError
from lagmark.serving.trees.blocks import blocks_of
from lagmark.serving.trees.codes import codes_of
from lagmark.serving.trees.predict import walk_of
from lagmark.serving.trees.run import ROWS, explain, loudest, score
from lagmark.serving.trees.shap import work_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.serving.trees.calibrate import Curve
    from lagmark.serving.trees.forest import Forest

__all__ = ["TreeScorer"]


class TreeScorer:
    """Scorer of boosted trees, see :class:`lagmark.ports.scorer.Scorer`.

    Parameters
    ----------
    forest
        The trees.
    curve
        Calibration.
    version, kind, contract_hash, names
        See the port.

    Raises
    ------
    StateError
        If there is not one name for each feature, or a tree is too deep.
    """

    def __init__(
        self,
        forest: Forest,
        curve: Curve,
        *,
        version: str,
        kind: str,
        contract_hash: str,
        names: Sequence[str],
    ) -> None:
        if forest.features != len(names):
            raise StateError(
                f"model reads {forest.features} features, its header names {len(names)}",
                where="model",
                hint="train again",
            )
        self.version, self.kind, self.contract_hash = version, kind, contract_hash
        self.names = tuple(names)
        self._codes, column, rank = codes_of(forest)
        columns = self._codes.columns.shape[0]
        self._walk, self._curve = walk_of(forest, column, rank), curve
        self._blocks = blocks_of(forest, column, rank, columns)
        self._work = work_for(self._blocks)
        self._scratch = np.zeros((1 + ROWS, columns + len(names) + 1), dtype=np.int64)
        self._values = np.empty(len(names) + 1)

    def probabilities(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated probability of fraud, shape (n,).

        Raises
        ------
        DataError
            If the columns disagree with the names or a value is infinite.
        """
        X = self._rows(X)
        out = np.empty(X.shape[0])
        self._refuse(X, score(self._codes, self._walk, self._curve, X, self._scratch, out))
        return out

    def contributions(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Exact SHAP values of the log-odds, shape (n, F + 1), the base value last.

        Raises
        ------
        DataError
            As for :meth:`probabilities`.
        """
        X = self._rows(X)
        out = np.empty((X.shape[0], len(self.names) + 1))
        self._refuse(X, explain(self._codes, self._blocks, self._work, X, self._scratch, out))
        return out

    def top_contributions(
        self, X: NDArray[np.float64], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Columns and values of the ``k`` greatest positive SHAP values, see the port.

        Raises
        ------
        DataError
            As for :meth:`probabilities`.
        """
        X = self._rows(X)
        columns = np.empty((X.shape[0], k), dtype=np.int64)
        parts = np.empty((X.shape[0], k))
        bad = loudest(
            self._codes, self._blocks, self._work, X, self._scratch, self._values, columns, parts
        )
        self._refuse(X, bad)
        return columns, parts

    def _rows(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        # Kernels know no bounds and are compiled for this layout alone.
        if X.ndim != 2 or X.shape[1] != len(self.names):
            raise DataError(
                f"values have shape {X.shape}, expected (n, {len(self.names)})",
                where="model",
                hint="compute the features of the contract this model was trained on",
            )
        return np.ascontiguousarray(X, dtype=np.float64)

    def _refuse(self, X: NDArray[np.float64], row: int) -> None:
        if row >= 0:
            name = self.names[int(np.flatnonzero(np.isinf(X[row]))[0])]
            raise DataError("infinite value", where=f"feature {name}", hint="use NaN")
