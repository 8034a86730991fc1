"""Probabilities that mean what they say, and the score from 1 to 99 that people see."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lagmark.errors import ConfigError, DataError, StateError
from lagmark.learning.models.files import log_odds, sigmoid

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LEAST_FRAUDS", "Calibration", "Method", "score"]

Method = Literal["identity", "isotonic", "logistic"]

LEAST_FRAUDS = 10
"""Frauds needed to fit a calibration; with fewer the model's own probability is kept."""

_STEPS = 100


@dataclass(frozen=True, slots=True)
class Calibration:
    """Monotone map from a model's probability to a calibrated one.

    Parameters
    ----------
    method
        ``"identity"``; ``"logistic"`` (``a`` and ``b`` of ``sigmoid(a * log-odds + b)``); or
        ``"isotonic"`` (straight lines in log-odds between fitted points).
    slope, intercept
        ``a > 0`` and ``b`` of the logistic map.
    knots, levels
        Log-odds before and after, rising, of the isotonic map.
    floor
        Probabilities are first clipped this far from 0 and 1.
    events, frauds
        Examples it was fitted on.
    """

    method: Method = "identity"
    slope: float = 1.0
    intercept: float = 0.0
    knots: tuple[float, ...] = ()
    levels: tuple[float, ...] = ()
    floor: float = 1e-9
    events: int = 0
    frauds: int = 0

    def __post_init__(self) -> None:
        numbers = (self.slope, self.intercept, *self.knots, *self.levels)
        sound = (
            self.method in ("identity", "isotonic", "logistic")
            and bool(np.isfinite(numbers).all())
            and self.slope > 0
            and 0 < self.floor < 0.5
            and len(self.knots) == len(self.levels)
            and (self.method != "isotonic" or len(self.knots) > 0)
            and bool((np.diff(self.knots) > 0).all() and (np.diff(self.levels) >= 0).all())
        )
        if not sound:
            raise StateError(
                "calibration is not a rising map", where="calibration", hint="fit it again"
            )

    @classmethod
    def fit(
        cls,
        probability: NDArray[np.float64],
        y: NDArray[np.int8],
        method: Method = "logistic",
    ) -> Calibration:
        """Calibration fitted on predictions for examples the model had not seen.

        Parameters
        ----------
        probability, y
            Uncalibrated probabilities and labels, shape (n,).
        method
            ``"logistic"`` is Platt's two-parameter map on log-odds with his smoothed targets
            (Platt 1999; Lin, Lin and Weng 2007): the safe choice while frauds are few.
            ``"isotonic"`` needs thousands of frauds.

        Returns
        -------
        Calibration
            The identity if there are fewer than :data:`LEAST_FRAUDS` frauds or genuine events.

        Raises
        ------
        ConfigError
            If the method is unknown.
        DataError
            If a probability is NaN.
        """
        if method not in ("identity", "isotonic", "logistic"):
            raise ConfigError(
                f"there is no calibration {method!r}", hint="choose logistic, isotonic or identity"
            )
        if bool(np.isnan(probability).any()):
            raise DataError("probability is NaN", where="calibration")
        frauds, events = int(y.sum()), int(y.shape[0])
        if method == "identity" or min(frauds, events - frauds) < LEAST_FRAUDS:
            return cls(events=events, frauds=frauds)
        floor = _floor(probability)
        z = log_odds(np.clip(probability, floor, 1 - floor))
        if method == "isotonic":
            knots, levels = _isotonic(z, y)
            return cls(
                "isotonic", knots=knots, levels=levels, floor=floor, events=events, frauds=frauds
            )
        slope, intercept = _platt(z, y)
        return cls("logistic", slope, intercept, floor=floor, events=events, frauds=frauds)

    def apply(self, probability: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated probabilities, shape as given."""
        if self.method == "identity":
            return probability
        z = log_odds(np.clip(probability, self.floor, 1 - self.floor))
        if self.method == "logistic":
            return sigmoid(self.slope * z + self.intercept)
        return sigmoid(np.interp(z, self.knots, self.levels))

    def to_json(self) -> str:
        """JSON text that :meth:`from_json` reads back to an equal object."""
        record = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps(record, indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Calibration:
        """Calibration from its JSON text.

        Raises
        ------
        StateError
            If the text is anything else.
        """
        try:
            record: dict[str, Any] = json.loads(text)
            record["knots"], record["levels"] = tuple(record["knots"]), tuple(record["levels"])
            return cls(**record)
        except (ValueError, TypeError, KeyError) as error:
            raise StateError(f"unreadable calibration ({error})", where="calibration") from error


def score(probability: NDArray[np.float64]) -> NDArray[np.int64]:
    """Score 1 to 99 of calibrated probabilities.

    50 is even odds, and every factor of ten in the odds of fraud is 12.25 points, rounded: odds
    of 1 to 10,000 and less score 1, of 10,000 to 1 and more 99. A higher probability never scores
    lower.

    Raises
    ------
    DataError
        If a probability is NaN.

    Examples
    --------
    >>> score(np.array([0.0, 0.001, 0.01, 0.1, 0.5, 0.9, 1.0])).tolist()
    [1, 13, 26, 38, 50, 62, 99]
    """
    if bool(np.isnan(probability).any()):
        raise DataError("probability is NaN", where="score")
    points = np.rint(50.0 + 12.25 * log_odds(probability) / np.log(10.0))
    return np.asarray(np.clip(points, 1, 99), dtype=np.int64)


def _floor(probability: NDArray[np.float64]) -> float:
    # A forest says exactly 0 or 1; how far that is in log-odds is for its step size to say.
    inner = probability[(probability > 0) & (probability < 1)]
    if inner.shape[0] in (0, probability.shape[0]):
        return 1e-9
    return max(float(np.minimum(inner, 1 - inner).min()) / 2, 1e-9)


def _platt(z: NDArray[np.float64], y: NDArray[np.int8]) -> tuple[float, float]:
    frauds = float(y.sum())
    genuine = y.shape[0] - frauds
    target = np.where(y == 1, (frauds + 1) / (frauds + 2), 1 / (genuine + 2))

    def loss(a: float, b: float) -> float:
        f = a * z + b
        return float((np.logaddexp(0.0, f) - target * f).sum())

    a, b = 1.0, 0.0
    best = loss(a, b)
    for _ in range(_STEPS):
        p = sigmoid(a * z + b)
        w = p * (1 - p)
        gradient = np.array([((p - target) * z).sum(), (p - target).sum()])
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
        return 1e-6, float(log_odds(np.array([frauds / y.shape[0]]))[0])
    return a, b


def _isotonic(
    z: NDArray[np.float64], y: NDArray[np.int8]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0.0, y_max=1.0).fit(z, y.astype(np.float64))
    knots = np.asarray(fitted.X_thresholds_, dtype=np.float64)
    # A block without a fraud says "fewer than one in its size", not "never".
    floor = 0.5 / y.shape[0]
    levels = log_odds(np.clip(fitted.y_thresholds_, floor, 1 - floor))
    knots, index = np.unique(knots, return_index=True)
    return tuple(knots.tolist()), tuple(np.maximum.accumulate(levels[index]).tolist())
