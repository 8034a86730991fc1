"""How much fraud there is, from what stayed visible: plainly, and by inverse propensities."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ControlEstimate", "estimate_rate"]


@dataclass(frozen=True, slots=True)
class ControlEstimate:
    """Share of events that customers or banks call fraud in the end, from those not refused.

    Parameters
    ----------
    truth
        The share among all events, had none been refused.
    estimate, low, high
        Inverse-propensity estimate (Horvitz and Thompson 1952) and its interval; ``None`` if
        payments were refused and none could have been let through.
    plain
        The share among the events that were not refused.
    plain_low, plain_high
        Its binomial interval, which takes those for a fair sample.
    refused, let_through
        Events above the threshold for a refusal that were refused, and let through at random.
    let_through_frauds
        The latter that turned out as fraud.
    covers, plain_covers
        Whether the intervals hold the truth.
    """

    truth: float
    estimate: float | None
    low: float | None
    high: float | None
    plain: float
    plain_low: float
    plain_high: float
    refused: int
    let_through: int
    let_through_frauds: int
    covers: bool | None
    plain_covers: bool

    def as_dict(self) -> dict[str, Any]:
        """Fields as plain values."""
        return asdict(self)


def estimate_rate(
    outcome: NDArray[np.bool_],
    blocked: NDArray[np.bool_],
    propensity: NDArray[np.float64],
    *,
    confidence: float = 0.95,
) -> ControlEstimate:
    """Estimates of a share of events from those that were not blocked.

    The weighted sum over the let-through events above the threshold has the gamma interval of Fay
    and Feuer (1997), which holds its level also for a handful of frauds; what is below the
    threshold is seen whole and has no error of sampling.

    Parameters
    ----------
    outcome
        What an event turns out as if it is let through, shape (n,); read of blocked events for
        the truth alone.
    blocked, propensity
        What was logged, shape (n,).
    confidence
        Of the intervals.
    """
    size = max(int(outcome.shape[0]), 1)
    visible = ~blocked
    chosen = visible & (propensity < 1.0)
    seen = float((outcome & visible & ~chosen).sum())
    weights = 1.0 / propensity[outcome & chosen]
    heaviest = float((1.0 / propensity[propensity < 1.0]).max(initial=0.0))
    truth = float(outcome.sum()) / size
    estimate = low = high = None
    if not bool((blocked & (propensity >= 1.0)).any()):
        estimate = (seen + float(weights.sum())) / size
        below, above = _fay_feuer(weights, heaviest, confidence)
        low, high = (seen + below) / size, (seen + above) / size
    shown, frauds = int(visible.sum()), int((outcome & visible).sum())
    plain = frauds / max(shown, 1)
    plain_low, plain_high = _wilson(frauds, max(shown, 1), confidence)
    covers = None if low is None or high is None else bool(low <= truth <= high)
    return ControlEstimate(
        truth=truth,
        estimate=estimate,
        low=low,
        high=high,
        plain=plain,
        plain_low=plain_low,
        plain_high=plain_high,
        refused=int(blocked.sum()),
        let_through=int(chosen.sum()),
        let_through_frauds=int((outcome & chosen).sum()),
        covers=covers,
        plain_covers=bool(plain_low <= truth <= plain_high),
    )


def _fay_feuer(
    weights: NDArray[np.float64], heaviest: float, confidence: float
) -> tuple[float, float]:
    """Interval of a weighted sum of Poisson counts, one weight per case."""
    from scipy.stats import chi2

    if heaviest == 0.0:
        return 0.0, 0.0
    tail = (1.0 - confidence) / 2
    total, variance = float(weights.sum()), float((weights**2).sum())
    low = 0.0
    if total > 0:
        low = variance / (2 * total) * float(chi2.ppf(tail, 2 * total**2 / variance))
    total, variance = total + heaviest, variance + heaviest**2
    high = variance / (2 * total) * float(chi2.ppf(1 - tail, 2 * total**2 / variance))
    return low, high


def _wilson(successes: int, size: int, confidence: float) -> tuple[float, float]:
    from statistics import NormalDist

    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = successes / size
    middle = (share + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * (share * (1 - share) / size + z * z / (4 * size**2)) ** 0.5
    return middle - half, middle + half
