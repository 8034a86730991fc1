"""Training: from a dataset to a model that can be stored and served."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.errors import DataError
from lagmark.learning.bundle import TrainedModel
from lagmark.learning.calibration import Calibration, Method
from lagmark.learning.models import create_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from lagmark.learning.dataset import Dataset

__all__ = ["later_predictions", "train"]


def train(
    dataset: Dataset,
    kind: str,
    params: Mapping[str, Any] | None = None,
    *,
    seed: int = 0,
    calibrate: bool = True,
    method: Method = "logistic",
    n_jobs: int = 1,
) -> TrainedModel:
    """Model fitted on a whole dataset, calibrated on predictions of later parts of it.

    Parameters
    ----------
    dataset
        Training examples; every label in it was known at its ``as_of``, so the calibration
        sees no later one either.
    kind, params
        Kind of model, and parameters over its defaults.
    seed
        The same seed, data and thread count give the same model.
    calibrate
        Whether to calibrate; costs two further fits on a third and two thirds of the data.
    method
        Kind of calibration.
    n_jobs
        Threads to fit with.

    Raises
    ------
    ConfigError
        If there is no such kind or parameter.
    DataError
        If the dataset cannot be learnt from.
    """
    model = create_model(kind, params).fit(
        dataset.X, dataset.y, names=dataset.names, seed=seed, n_jobs=n_jobs
    )
    calibration = Calibration()
    if calibrate:
        index, probability = later_predictions(dataset, kind, params, seed=seed, n_jobs=n_jobs)
        calibration = Calibration.fit(probability, dataset.y[index], method)
    return TrainedModel(
        model=model,
        calibration=calibration,
        contract_hash=dataset.contract_hash,
        as_of=dataset.as_of,
        fingerprint=dataset.fingerprint,
        seed=seed,
        train_start=dataset.start,
        train_end=dataset.end,
        train_events=len(dataset),
        train_frauds=dataset.frauds,
    )


def later_predictions(
    dataset: Dataset,
    kind: str,
    params: Mapping[str, Any] | None = None,
    *,
    parts: int = 3,
    seed: int = 0,
    n_jobs: int = 1,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Predictions for each part of a dataset by a model fitted on the parts before it.

    The examples are cut by event time into parts of equal size, events of one instant staying
    together. A model that sees the future of its examples looks better calibrated than it
    will be; this one never does.

    Parameters
    ----------
    dataset
        Examples.
    kind, params, seed, n_jobs
        As for :func:`train`.
    parts
        Number of parts; the first has no predictions.

    Returns
    -------
    index : int64 array
        Positions of the predicted examples.
    probability : float64 array
        Uncalibrated probability of each.
        Both are empty if no earlier part can be learnt from.
    """
    order = np.argsort(dataset.event_time, kind="stable")
    time = dataset.event_time[order]
    wished = np.linspace(0, len(dataset), parts + 1)[1:-1].astype(np.int64)
    cuts = [*np.searchsorted(time, time[wished]).tolist(), len(dataset)] if len(dataset) else []
    index, probability = [np.empty(0, dtype=np.int64)], [np.empty(0)]
    for a, b in pairwise(cuts):
        before, part = order[:a], order[a:b]
        model = create_model(kind, params)
        try:
            model.fit(
                dataset.X[before],
                dataset.y[before],
                names=dataset.names,
                seed=seed,
                n_jobs=n_jobs,
            )
        except DataError:
            # An early part without a fraud teaches nothing; later ones may.
            continue
        index.append(part)
        probability.append(model.predict_proba(dataset.X[part]))
    return np.concatenate(index), np.concatenate(probability)
