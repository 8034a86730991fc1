"""How good the decisions of a run are, on events the model did not learn from."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.learning.metrics.budget import daily_alerts
from lagmark.schema.time import DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.schema.events import EventBatch

__all__ = ["Quality", "quality_of", "verdicts"]


@dataclass(frozen=True, slots=True)
class Quality:
    """Precision and recall when only so many alerts a day can be worked.

    Parameters
    ----------
    alerts_per_day
        The budget.
    events, frauds, days
        Labelled events that count, the frauds among them, and the whole days they fill.
    precision, recall
        Share of the alerts that are frauds, and of the frauds that are alerted; ``None`` where
        there is no figure.
    reason
        Why there is none; empty where there is one.
    """

    alerts_per_day: int
    events: int = 0
    frauds: int = 0
    days: int = 0
    precision: float | None = None
    recall: float | None = None
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Record for JSON."""
        return asdict(self)


def verdicts(batch: EventBatch) -> NDArray[np.float64]:
    """Last word on each event, shape (events,): 1 fraud, 0 honest, NaN where nobody said."""
    known = np.full(len(batch), np.nan)
    # Labels stand in the order in which they became known: a later one replaces an earlier.
    known[batch.labels["row"].to_numpy()] = batch.labels["fraud"].to_numpy()
    return known


def quality_of(
    probability: NDArray[np.float64],
    event_time: NDArray[np.int64],
    fraud: NDArray[np.float64],
    *,
    train_end: int,
    alerts_per_day: int,
) -> Quality:
    """Quality over the whole days of labelled events that are younger than the training data.

    Days that were sent in part are left out: a whole day's alerts on half a day's events would
    catch more than they can.

    Parameters
    ----------
    probability, event_time, fraud
        Decisions in the order sent: probability of fraud, microseconds since 1970 UTC, and
        verdict as :func:`verdicts` gives it. Shape (n,).
    train_end
        First instant of which the model saw no event.
    alerts_per_day
        The budget.
    """
    none = Quality(alerts_per_day)
    day = event_time // DAY
    if event_time.size == 0:
        return replace(none, reason="no event of history was measured")
    whole = (day > day[0]) & (day < day.max())
    young = whole & (day * DAY >= train_end)
    if not young.any():
        return replace(
            none, reason="no whole day that was sent is younger than what the champion learnt from"
        )
    chosen = young & ~np.isnan(fraud)
    alerts = daily_alerts(probability[chosen], event_time[chosen], alerts_per_day)
    if alerts is None:
        return replace(none, reason="no event that counts is labelled")
    y = fraud[chosen]
    precision, recall = alerts.precision_recall(y)
    return Quality(
        alerts_per_day,
        events=int(chosen.sum()),
        frauds=int(y.sum()),
        days=int(np.unique(day[chosen]).size),
        precision=precision,
        recall=recall,
        reason="" if recall is not None else "there is no fraud among them",
    )
