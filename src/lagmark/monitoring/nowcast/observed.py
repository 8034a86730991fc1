"""What was seen of all events at an instant, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from lagmark.errors import DataError
from lagmark.labels import NEVER

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["STRATA", "Observed"]

STRATA = ("alerted", "let through", "rest")
"""Groups whose labels arrive at their own pace: alerts that people look at, alerts of the control
group that nobody looks at, and everything else."""


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """Events that had arrived at ``as_of``, and what was known of them by then.

    Parameters
    ----------
    event_time
        Microseconds since 1970 UTC, int64, shape (n,).
    amount
        Money at stake in units of the currency, float64, shape (n,).
    known_at
        When the fraud became known, int64, shape (n,): the first word of fraud of an event
        whose latest word is fraud; :data:`lagmark.labels.NEVER` otherwise.
    fraud_known
        Whether the latest word known by ``as_of`` is fraud, bool, shape (n,).
    probability
        Calibrated probability when the event was decided, float64, shape (n,); NaN if the live
        model did not decide it.
    alerted
        Whether the live model raised an alert, or would have but for the control group.
    propensity
        Logged probability that the outcome of the event stays visible, in (0, 1]: 1 where no
        block was possible, the control share where it was. Shape (n,).
    control
        Whether the event was let through as one of the control group, bool, shape (n,).
    blocked
        Whether the event was blocked, so that no customer will ever complain, bool, shape (n,).
    channel
        Who said it, int64 codes from 0 to 255, shape (n,); any value where no fraud is known.
    as_of
        The instant of the question, microseconds since 1970 UTC.

    Raises
    ------
    DataError
        If lengths differ, something lies after ``as_of``, or a number is out of range.
    """

    event_time: NDArray[np.int64]
    amount: NDArray[np.float64]
    known_at: NDArray[np.int64]
    fraud_known: NDArray[np.bool_]
    probability: NDArray[np.float64]
    alerted: NDArray[np.bool_]
    propensity: NDArray[np.float64]
    control: NDArray[np.bool_]
    blocked: NDArray[np.bool_]
    channel: NDArray[np.int64]
    as_of: int

    def __post_init__(self) -> None:
        size = self.event_time.shape[0]
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "as_of" and value.shape != (size,):
                raise _refusal(f"{field.name} has shape {value.shape}, expected ({size},)")
        if size == 0:
            raise _refusal("there is no event", "ask from a later instant")
        if int(self.event_time.max()) > self.as_of:
            raise _refusal("an event lies after as_of", "give only what had arrived by then")
        known = self.known_at[self.fraud_known]
        if known.size and int(known.max()) > self.as_of:
            raise _refusal("a label lies after as_of", "give only what was known by then")
        scored = self.probability[~np.isnan(self.probability)]
        if scored.size and not bool(((scored >= 0) & (scored <= 1)).all()):
            raise _refusal("a probability lies outside 0 to 1", "calibrate the scores first")
        if not bool(((self.propensity > 0) & (self.propensity <= 1)).all()):
            raise _refusal(
                "a propensity lies outside 0 (excluded) to 1",
                "log the probability that the event would have been let through",
            )

    def __len__(self) -> int:
        return int(self.event_time.shape[0])

    @property
    def delay(self) -> NDArray[np.int64]:
        """Microseconds from event to label, NEVER where no fraud is known."""
        # A word of fraud that came before its own event counts as known from its arrival on.
        wait = np.maximum(self.known_at - self.event_time, 0)
        return np.where(self.fraud_known, wait, NEVER)

    @property
    def stratum(self) -> NDArray[np.int8]:
        """Position in :data:`STRATA` of every event."""
        return np.where(self.alerted, np.where(self.control, 1, 0), 2).astype(np.int8)

    @property
    def scored(self) -> NDArray[np.bool_]:
        """Events that the live model decided."""
        return ~np.isnan(self.probability)


def _refusal(what: str, hint: str = "give one value per event") -> DataError:
    return DataError(what, where="nowcast", hint=hint)
