"""Platt's logistic map: what a score says about the probability, by two parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.learning.models.files import log_odds, sigmoid

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["platt"]

_STEPS = 100


def platt(
    z: NDArray[np.float64], y: NDArray[np.int8], weights: NDArray[np.float64] | None = None
) -> tuple[float, float]:
    """Slope and intercept of Platt's map on log-odds (or any other score).

    Parameters
    ----------
    z, y
        Scores and labels, shape (n,), both classes present.
    weights
        Weight of each, shape (n,); 1 when absent.
    """
    v = np.ones(y.shape[0]) if weights is None else weights
    frauds = float((v * y).sum())
    genuine = float(v.sum()) - frauds
    target = np.where(y == 1, (frauds + 1) / (frauds + 2), 1 / (genuine + 2))

    def loss(a: float, b: float) -> float:
        f = a * z + b
        return float((v * (np.logaddexp(0.0, f) - target * f)).sum())

    a, b = 1.0, 0.0
    best = loss(a, b)
    for _ in range(_STEPS):
        p = sigmoid(a * z + b)
        w, error = v * p * (1 - p), v * (p - target)
        gradient = np.array([(error * z).sum(), error.sum()])
        hessian = np.array([[(w * z * z).sum(), (w * z).sum()], [(w * z).sum(), w.sum()]])
        step = np.linalg.solve(hessian + 1e-9 * np.eye(2), gradient)
        size = 1.0
        # Newton's step may overshoot where the model is over-confident: halve until it helps.
        while size > 1e-8 and loss(a - size * step[0], b - size * step[1]) > best:
            size /= 2
        a, b = a - size * float(step[0]), b - size * float(step[1])
        now = loss(a, b)
        if best - now < 1e-10 * abs(best):
            break
        best = now
    if a <= 0:
        # Ranking was no better than chance: only the level can be mended.
        return 1e-6, float(log_odds(np.array([frauds / (frauds + genuine)]))[0])
    return a, b
