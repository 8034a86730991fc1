"""Share of frauds whose label has come by age, when only frauds with a label are seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.labels.maturity.curve import Curve, not_estimable
from lagmark.labels.maturity.intervals import AT_LEAST, instants, loglog, two_sided

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Truncated", "reverse_hazard", "truncated"]

_METHOD = "reverse_hazard"


def reverse_hazard(
    event_time: ArrayLike,
    known_at: ArrayLike,
    as_of: int,
    *,
    window: int | None = None,
    horizon: int | None = None,
    at_least: int = AT_LEAST,
    confidence: float = 0.9,
) -> Curve:
    """Curve of label delays under right truncation, by the reverse-time hazard.

    A fraud is seen only once its label has come, so young frauds show short delays only and a
    plain distribution of the delays seen is biased fast. Read backwards in age the truncation
    becomes a late entry: of the frauds that could have been seen with a delay of ``u`` or less,
    ``d(u) / n(u)`` have exactly ``u``, and the share known by ``x`` is the product of
    ``1 - d(u) / n(u)`` over ``x < u <= horizon`` (Kalbfleisch and Lawless, JASA 84, 1989,
    section 3). It is the distribution of delays *among those up to the horizon*; whether more
    come later cannot be known from them. Intervals are Greenwood's on the scale of log(-log).

    Parameters
    ----------
    event_time, known_at
        Microseconds UTC, shape (n,): the event and its first fraud label. Events with a later
        ``event_time`` or ``known_at`` than ``as_of`` (``NEVER``, say) are not seen.
    as_of
        Instant the question is asked from, microseconds UTC.
    window
        Use only labels that came in the last ``window`` microseconds, whatever the age of their
        events: the delays of now, for a world that changes. All when ``None``.
    horizon
        Oldest age to estimate; the oldest age that ``at_least`` frauds inform when ``None``.
    at_least
        Frauds that must inform the horizon.
    confidence
        Of the pointwise intervals.

    Raises
    ------
    DataError
        If shapes or types do not fit.
    ConfigError
        If the confidence is not between 0 and 1.

    Examples
    --------
    Four old frauds, delays 1 to 4, and one young one whose label came at once:

    >>> import numpy as np
    >>> event, delay = np.array([0, 0, 0, 0, 8]), np.array([1, 2, 3, 4, 1])
    >>> curve = reverse_hazard(event, event + delay, 10, at_least=1)
    >>> curve.times.tolist(), curve.share.round(3).tolist()
    ([0, 1, 2, 3, 4], [0.0, 0.333, 0.5, 0.75, 1.0])
    """
    z = two_sided(confidence)
    seen = truncated(event_time, known_at, as_of, window)

    def nothing(reason: str) -> Curve:
        return not_estimable(_METHOD, len(seen.delay), reason, confidence=confidence, relative=True)

    if len(seen.delay) == 0:
        return nothing("no fraud label is known")
    informed = seen.at_risk(seen.limits) >= max(at_least, 1)
    if not informed.any():
        return nothing(f"fewer than {at_least} frauds inform any age")
    oldest = int(seen.limits[informed][-1])
    limit = oldest if horizon is None else int(horizon)
    if limit > oldest:
        return nothing(f"fewer than {at_least} frauds are as old as the horizon")
    times, labels = np.unique(seen.counted[seen.counted <= limit], return_counts=True)
    if len(times) == 0:
        return nothing("no fraud label came within the horizon")
    before = times[0] > 0
    if before:
        times, labels = np.insert(times, 0, 0), np.insert(labels, 0, 0)
    at_risk = seen.at_risk(times)
    known = np.maximum(at_risk, 1)
    with np.errstate(divide="ignore"):
        steps = -np.log1p(-labels / known)
        spread = labels / (known * (known - labels).astype(np.float64))
    # At an age counts what came after it, so its own step is not in its sum.
    hazard = np.append(np.cumsum(steps[:0:-1])[::-1], 0.0)
    variance = np.append(np.cumsum(spread[:0:-1])[::-1], 0.0)
    least, most = loglog(hazard, variance, z)
    share, low, high = np.exp(-hazard), np.exp(-most), np.exp(-least)
    lost = ~np.isfinite(hazard)
    # After the last label none came at all: the hazard there is bounded as that of a constant
    # rate without an event.
    unseen = seen.exposure(int(times[-1]), limit)
    top = ((1 - confidence) / 2) ** (1 / unseen) if unseen else 0.0
    low[~lost] = np.minimum.accumulate(np.minimum(low[~lost], top)[::-1])[::-1]
    high[~lost] = np.maximum.accumulate(high[~lost])
    share[lost] = low[lost] = high[lost] = np.nan
    if before and lost[0] and not lost[1:].any():
        share[0], low[0], high[0] = 0.0, 0.0, high[1]
    return Curve(
        _METHOD,
        times,
        share,
        low,
        high,
        at_risk,
        labels.astype(np.int64),
        limit,
        len(seen.delay),
        confidence,
        relative=True,
    )


class Truncated:
    """Frauds seen by an instant, each over the ages at which it informs.

    Parameters
    ----------
    delay
        Age at the label, microseconds, shape (n,).
    limit
        Age now: the longest delay that would have been seen, shape (n,).
    window
        Length of the stretch of time that counts, or ``None``.
    """

    def __init__(
        self, delay: NDArray[np.int64], limit: NDArray[np.int64], window: int | None
    ) -> None:
        self.delay = delay
        self.limit = limit
        opened = np.zeros_like(limit) if window is None else limit - window + 1
        self.start = np.maximum(delay, opened)
        self.counted = delay[delay >= opened]
        self.starts, self.limits = np.sort(self.start), np.sort(limit)

    def at_risk(self, ages: NDArray[np.int64]) -> NDArray[np.int64]:
        """Frauds that inform each age: label come by then, and the age reached, in the window."""
        opened = np.searchsorted(self.starts, ages, side="right")
        return (opened - np.searchsorted(self.limits, ages, side="left")).astype(np.int64)

    def exposure(self, after: int, until: int) -> float:
        """Mean number of frauds that inform an age in (after, until]."""
        if until <= after:
            return float(self.at_risk(np.array([until], np.int64))[0])
        spans = np.minimum(self.limit, until) - np.maximum(self.start - 1, after)
        return float(np.maximum(spans, 0).sum()) / (until - after)


def truncated(
    event_time: ArrayLike, known_at: ArrayLike, as_of: int, window: int | None = None
) -> Truncated:
    """Frauds seen by an instant; a label from before its event counts as a delay of 0.

    Parameters and errors as for :func:`reverse_hazard`.
    """
    happened = instants(event_time, "event_time")
    known = instants(known_at, "known_at", len(happened))
    seen = (known <= as_of) & (happened <= as_of)
    happened, known = happened[seen], known[seen]
    return Truncated(np.maximum(known - happened, 0), as_of - happened, window)
