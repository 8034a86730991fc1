"""Lagmark's model flavour in MLflow: a bundle directory that ``mlflow.pyfunc`` can load."""

from __future__ import annotations

import platform
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lagmark.learning.bundle import TrainedModel, read_manifest

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["BUNDLE", "FLAVOR", "write_model"]

FLAVOR = "lagmark"
BUNDLE = "bundle"
"""Directory of the bundle inside an MLflow model."""


def write_model(
    directory: Path, bundle: Path, names: Sequence[str], model_id: str | None = None
) -> None:
    """MLflow model around a bundle: its files, signature and loader, without a pickle.

    Parameters
    ----------
    directory
        Existing empty directory to write to.
    bundle
        Directory of a trained model.
    names
        Feature names, the columns of the signature.
    model_id
        MLflow's id of the model, where it has one.

    Raises
    ------
    StateError
        If the bundle is unreadable.
    """
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, Schema

    manifest = read_manifest(bundle)
    shutil.copytree(bundle, directory / BUNDLE)
    model = Model(
        model_id=model_id,
        signature=ModelSignature(
            inputs=Schema([ColSpec("double", name) for name in names]),
            outputs=Schema([ColSpec("double", "probability")]),
        ),
    )
    model.add_flavor(
        FLAVOR,
        bundle=BUNDLE,
        kind=manifest["kind"],
        contract_hash=manifest["contract_hash"],
    )
    # What mlflow.pyfunc.add_to_model writes, without importing all that module brings.
    model.add_flavor(
        "python_function",
        loader_module=__name__,
        data=BUNDLE,
        python_version=platform.python_version(),
    )
    model.save(str(directory / "MLmodel"))


class _Scorer:
    """What ``mlflow.pyfunc`` calls: a frame of features in, calibrated probabilities out."""

    def __init__(self, model: TrainedModel) -> None:
        self._model = model

    def predict(self, model_input: Any) -> NDArray[np.float64]:
        """Calibrated probability of fraud, shape (n,)."""
        columns = model_input[list(self._model.names)]
        return self._model.probability(columns.to_numpy(dtype="float64"))


def _load_pyfunc(data_path: str) -> _Scorer:
    return _Scorer(TrainedModel.load(Path(data_path)))
