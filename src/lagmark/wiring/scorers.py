"""From the directory of a trained model to something that answers one row at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.learning.bundle import TrainedModel
    from lagmark.learning.calibration import Calibration
    from lagmark.ports.scorer import Scorer
    from lagmark.serving.trees.calibrate import Curve
    from lagmark.serving.trees.forest import Forest

__all__ = ["BundleScorer", "curve_of", "open_scorer"]


def open_scorer(path: Path, *, version: str, contract_hash: str | None = None) -> Scorer:
    """Scorer of a bundle directory.

    XGBoost and LightGBM are evaluated by compiled kernels without their libraries. Every other
    kind, and trees that the kernels cannot say (categorical splits, linear leaves), answers
    through its own library.

    Parameters
    ----------
    path
        Directory written by :meth:`lagmark.learning.TrainedModel.save`.
    version
        Version in the registry.
    contract_hash
        The features that will be fed to it; not compared when absent.

    Raises
    ------
    StateError
        If a file is missing, added or altered, or the model reads other features.
    """
    from lagmark.errors import StateError
    from lagmark.learning.bundle import TrainedModel, checked_manifest

    manifest = checked_manifest(path, contract_hash=contract_hash)
    if manifest["kind"] in _READERS:
        try:
            return _tree_scorer(path, manifest, version)
        except StateError:
            # The library knows what the kernels do not, or says better what is wrong.
            pass
    return BundleScorer(TrainedModel.load(path, contract_hash=contract_hash), version)


def _tree_scorer(path: Path, manifest: dict[str, Any], version: str) -> Scorer:
    from lagmark.learning.bundle import CALIBRATION, MODEL
    from lagmark.learning.calibration import Calibration
    from lagmark.serving.scoring import TreeScorer

    return TreeScorer(
        _READERS[manifest["kind"]](path / MODEL),
        curve_of(Calibration.from_json((path / CALIBRATION).read_text())),
        version=version,
        kind=manifest["kind"],
        contract_hash=manifest["contract_hash"],
        names=manifest["names"],
    )


def _xgboost(directory: Path) -> Forest:
    from lagmark.learning.models.xgboost import FILE
    from lagmark.serving.trees import read_xgboost

    return read_xgboost(directory / FILE)


def _lightgbm(directory: Path) -> Forest:
    from lagmark.learning.models.lightgbm import FILE
    from lagmark.serving.trees import read_lightgbm

    return read_lightgbm(directory / FILE)


_READERS: dict[str, Callable[[Path], Forest]] = {"xgboost": _xgboost, "lightgbm": _lightgbm}


def curve_of(calibration: Calibration) -> Curve:
    """Calibration as the kernels take it."""
    from lagmark.serving.trees.calibrate import IDENTITY, ISOTONIC, LOGISTIC, Curve

    shapes = {"identity": IDENTITY, "logistic": LOGISTIC, "isotonic": ISOTONIC}
    return Curve(
        shapes[calibration.method],
        float(calibration.slope),
        float(calibration.intercept),
        np.array(calibration.knots, dtype=np.float64),
        np.array(calibration.levels, dtype=np.float64),
        float(calibration.floor),
        float(calibration.shift),
    )


class BundleScorer:
    """Scorer of any trained model through its own library, see the port.

    Rows are asked one by one: matrix products and vectorised functions give a row other last bits
    among others than alone.

    Parameters
    ----------
    trained
        The model.
    version
        Version in the registry.
    """

    def __init__(self, trained: TrainedModel, version: str) -> None:
        self._trained = trained
        self.version, self.kind = version, trained.kind
        self.contract_hash, self.names = trained.contract_hash, trained.names

    def probabilities(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated probability of fraud, shape (n,)."""
        found = [self._trained.probability(row) for row in _singly(X)]
        return np.concatenate(found) if found else np.empty(0)

    def contributions(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """SHAP values in the model's unit, shape (n, F + 1), the base value last."""
        found = [self._trained.model.contributions(row) for row in _singly(X)]
        return np.concatenate(found) if found else np.empty((0, len(self.names) + 1))

    def top_contributions(
        self, X: NDArray[np.float64], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Columns and values of the ``k`` greatest positive SHAP values, see the port."""
        columns = np.full((X.shape[0], k), -1)
        parts = np.zeros((X.shape[0], k))
        for i, values in enumerate(self.contributions(X)[:, :-1]):
            order = np.argsort(-values, kind="stable")[:k]
            order = order[values[order] > 0]
            columns[i, : order.shape[0]], parts[i, : order.shape[0]] = order, values[order]
        return columns, parts


def _singly(X: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    return [X[i : i + 1] for i in range(X.shape[0])]
