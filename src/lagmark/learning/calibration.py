"""Probabilities that mean what they say, and the score from 1 to 99 that people see."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lagmark.decisions import levels
from lagmark.errors import ConfigError, DataError, StateError
from lagmark.learning.models.files import log_odds, sigmoid
from lagmark.learning.models.platt import platt

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
    shift
        Added to the log-odds afterwards: the correction to another share of frauds.
    """

    method: Method = "identity"
    slope: float = 1.0
    intercept: float = 0.0
    knots: tuple[float, ...] = ()
    levels: tuple[float, ...] = ()
    floor: float = 1e-9
    events: int = 0
    frauds: int = 0
    shift: float = 0.0

    def __post_init__(self) -> None:
        numbers = (self.slope, self.intercept, self.shift, *self.knots, *self.levels)
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
        weights: NDArray[np.float64] | None = None,
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
        weights
            Weight of each example, shape (n,); 1 when absent.

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
        events = int(y.shape[0])
        # Copies of weight below one are no further evidence, and weight above one is none either.
        frauds = int(y.sum() if weights is None else min(y.sum(), np.rint((weights * y).sum())))
        if method == "identity" or min(frauds, events - frauds) < LEAST_FRAUDS:
            return cls(events=events, frauds=frauds)
        floor = _floor(probability)
        z = log_odds(np.clip(probability, floor, 1 - floor))
        if method == "isotonic":
            knots, levels = _isotonic(z, y, weights)
            return cls(
                "isotonic", knots=knots, levels=levels, floor=floor, events=events, frauds=frauds
            )
        slope, intercept = platt(z, y, weights)
        return cls("logistic", slope, intercept, floor=floor, events=events, frauds=frauds)

    def apply(self, probability: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated probabilities, shape as given."""
        if self.method == "identity" and self.shift == 0.0:
            return probability
        z = log_odds(np.clip(probability, self.floor, 1 - self.floor))
        if self.method == "logistic":
            z = self.slope * z + self.intercept
        elif self.method == "isotonic":
            z = np.interp(z, self.knots, self.levels)
        return sigmoid(z + self.shift)

    def moved(self, shift: float) -> Calibration:
        """The same map with ``shift`` more added to the log-odds."""
        return replace(self, shift=self.shift + float(shift))

    def for_prior(self, old: float, new: float) -> Calibration:
        """The same map for a population with another share of frauds.

        If frauds and genuine events look as before and only their shares changed, every log-odds
        moves by ``log-odds(new) - log-odds(old)`` (Saerens, Latinne and Decaestecker 2002).

        Parameters
        ----------
        old, new
            Share of frauds it was fitted for, and the one to expect.

        Raises
        ------
        ConfigError
            If a share does not lie between 0 and 1.
        """
        _check_share(old)
        _check_share(new)
        before, after = log_odds(np.array([old, new]))
        return self.moved(float(after - before))

    def matched(
        self,
        probability: NDArray[np.float64],
        rate: float,
        weights: NDArray[np.float64] | None = None,
    ) -> Calibration:
        """The same map, moved in log-odds so that its mean over a population is a given rate.

        Parameters
        ----------
        probability
            Uncalibrated probabilities of the population, shape (n,).
        rate
            Its share of frauds, for example a nowcast's.
        weights
            Weight of each, shape (n,); 1 when absent.

        Raises
        ------
        ConfigError
            If the rate does not lie between 0 and 1.
        DataError
            If there is no probability or one is NaN.
        """
        _check_share(rate)
        if probability.shape[0] == 0 or bool(np.isnan(probability).any()):
            raise DataError("no probabilities to match a rate with", where="calibration")
        z = log_odds(self.apply(probability))
        low, high = -60.0, 60.0
        for _ in range(_STEPS):
            middle = (low + high) / 2
            mean = float(np.average(sigmoid(z + middle), weights=weights))
            low, high = (middle, high) if mean < rate else (low, middle)
        return self.moved((low + high) / 2)

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
    """Score 1 to 99 of calibrated probabilities; see :func:`lagmark.decisions.levels.score`.

    Raises
    ------
    DataError
        If a probability is NaN.

    Examples
    --------
    >>> score(np.array([0.0, 0.001, 0.01, 0.1, 0.5, 0.9, 1.0])).tolist()
    [1, 13, 26, 38, 50, 62, 99]
    """
    return np.array([levels.score(p) for p in probability.tolist()], dtype=np.int64)


def _floor(probability: NDArray[np.float64]) -> float:
    # A forest says exactly 0 or 1; how far that is in log-odds is for its step size to say.
    inner = probability[(probability > 0) & (probability < 1)]
    if inner.shape[0] in (0, probability.shape[0]):
        return 1e-9
    return max(float(np.minimum(inner, 1 - inner).min()) / 2, 1e-9)


def _check_share(share: float) -> None:
    if not 0 < share < 1:
        raise ConfigError(
            f"a share of frauds of {share}", where="calibration", hint="give one between 0 and 1"
        )


def _isotonic(
    z: NDArray[np.float64], y: NDArray[np.int8], weights: NDArray[np.float64] | None
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0.0, y_max=1.0).fit(z, y.astype(np.float64), weights)
    knots = np.asarray(fitted.X_thresholds_, dtype=np.float64)
    # A block without a fraud says "fewer than one in its size", not "never".
    floor = 0.5 / y.shape[0]
    levels = log_odds(np.clip(fitted.y_thresholds_, floor, 1 - floor))
    knots, index = np.unique(knots, return_index=True)
    return tuple(knots.tolist()), tuple(np.maximum.accumulate(levels[index]).tolist())
