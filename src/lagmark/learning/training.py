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
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from lagmark.learning.dataset import Dataset

__all__ = ["block_predictions", "later_predictions", "train"]


def train(
    dataset: Dataset,
    kind: str,
    params: Mapping[str, Any] | None = None,
    *,
    seed: int = 0,
    calibrate: bool = True,
    method: Method = "logistic",
    n_jobs: int = 1,
    prior: float | None = None,
    policy: str = "",
    share_known: float | None = None,
    blocks: bool = False,
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
    prior
        Share of frauds to expect, a nowcast's for example: the calibrated probabilities of the
        dataset are moved in log-odds to that mean. Not moved when absent.
    policy, share_known
        What the examples were chosen by and the share of their final fraud labels that was to be
        expected known; kept with the model.
    blocks
        Whether to calibrate on :func:`block_predictions` instead of :func:`later_predictions`:
        three fits on two thirds of the data, steadier where the last third is thin in labels.

    Raises
    ------
    ConfigError
        If there is no such kind or parameter.
    DataError
        If the dataset cannot be learnt from.
    """
    model = create_model(kind, params).fit(
        dataset.X,
        dataset.y,
        names=dataset.names,
        weights=dataset.weights,
        seed=seed,
        n_jobs=n_jobs,
    )
    calibration = Calibration()
    if calibrate:
        predictions = block_predictions if blocks else later_predictions
        index, probability = predictions(dataset, kind, params, seed=seed, n_jobs=n_jobs)
        weights = None if dataset.weights is None else dataset.weights[index]
        calibration = Calibration.fit(probability, dataset.y[index], method, weights)
    if prior is not None:
        calibration = calibration.matched(model.predict_proba(dataset.X), prior, dataset.weights)
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
        policy=policy,
        share_known=share_known,
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
    order, cuts = _parts(dataset, parts)
    return _predictions(
        dataset,
        [(order[:a], order[a:b]) for a, b in pairwise(cuts[1:])],
        kind,
        params,
        seed,
        n_jobs,
    )


def block_predictions(
    dataset: Dataset,
    kind: str,
    params: Mapping[str, Any] | None = None,
    *,
    parts: int = 3,
    seed: int = 0,
    n_jobs: int = 1,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Predictions for each part of a dataset by a model fitted on all other parts.

    The parts are those of :func:`later_predictions`. Events of one spell of fraud stay together,
    but a model may see what came after; in return it saw nearly as much as the final one.

    Parameters and result are those of :func:`later_predictions`, over every part.
    """
    order, cuts = _parts(dataset, parts)
    return _predictions(
        dataset,
        [(np.concatenate([order[:a], order[b:]]), order[a:b]) for a, b in pairwise(cuts)],
        kind,
        params,
        seed,
        n_jobs,
    )


def _parts(dataset: Dataset, parts: int) -> tuple[NDArray[np.int64], list[int]]:
    """Examples in order of time, and where each part begins and the last one ends."""
    order = np.argsort(dataset.event_time, kind="stable")
    time = dataset.event_time[order]
    if not len(dataset):
        return order, []
    wished = np.linspace(0, len(dataset), parts + 1)[1:-1].astype(np.int64)
    return order, [0, *np.searchsorted(time, time[wished]).tolist(), len(dataset)]


def _predictions(
    dataset: Dataset,
    splits: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
    kind: str,
    params: Mapping[str, Any] | None,
    seed: int,
    n_jobs: int,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    index, probability = [np.empty(0, dtype=np.int64)], [np.empty(0)]
    for seen, part in splits:
        model = create_model(kind, params)
        try:
            model.fit(
                dataset.X[seen],
                dataset.y[seen],
                names=dataset.names,
                weights=None if dataset.weights is None else dataset.weights[seen],
                seed=seed,
                n_jobs=n_jobs,
            )
        except DataError:
            # A part without a fraud teaches nothing; others may.
            continue
        index.append(part)
        probability.append(model.predict_proba(dataset.X[part]))
    return np.concatenate(index), np.concatenate(probability)
