"""What a policy makes of a day's probabilities: refusals, a queue, a control group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.backtest.policy import Costs, Policy

__all__ = ["Decided", "decide"]


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """Decisions about one day's events, arrays of shape (n,).

    Parameters
    ----------
    alerted
        Whether the policy acts on the event, or would but for the control group.
    reviewed
        Whether analysts look at it: never more than the budget.
    control
        Whether it was let through whatever the score says.
    blocked
        Whether it was refused.
    propensity
        Probability that the outcome stays visible: the control share where the score is above the
        threshold for a refusal, 1 elsewhere, and where there is no control group.
    """

    alerted: NDArray[np.bool_]
    reviewed: NDArray[np.bool_]
    control: NDArray[np.bool_]
    blocked: NDArray[np.bool_]
    propensity: NDArray[np.float64]

    @classmethod
    def nothing(cls, size: int) -> Decided:
        """A day on which nothing is decided."""
        none = np.zeros(size, dtype=np.bool_)
        return cls(none, none, none, none, np.ones(size))


def decide(
    probability: NDArray[np.float64],
    amount: NDArray[np.float64],
    draw: NDArray[np.float64],
    policy: Policy,
    costs: Costs,
) -> Decided:
    """Decisions about one day's events.

    Refusals need no other event of the day. The queue is worked from the end of the day on, the
    most probable fraud first (with ``threshold: cost``, the greatest expected loss), of equal ones
    the earlier event.

    Parameters
    ----------
    probability, amount
        Calibrated probability of fraud, and money at stake in units of the currency, shape (n,).
    draw
        Uniform numbers in [0, 1): an event below the control share is let through, shape (n,).
    policy, costs
        Who decides, and what it costs.
    """
    size = probability.shape[0]
    loss = probability * amount * costs.loss
    refuse = np.zeros(size, dtype=np.bool_)
    if policy.action == "block":
        if policy.block_above is not None:
            refuse = probability >= policy.block_above
        else:
            refuse = loss > (1.0 - probability) * costs.friction
    control = draw < policy.control
    worth = probability if policy.threshold == "budget" else loss
    wanted = ~refuse
    if policy.threshold == "cost":
        wanted &= loss > costs.review
    queue = np.flatnonzero(wanted & ~control)
    queue = queue[np.argsort(-worth[queue], kind="stable")]
    front = queue[: policy.budget.alerts]
    reviewed = np.zeros(size, dtype=np.bool_)
    reviewed[front] = True
    alerted = reviewed | refuse
    if front.shape[0] < queue.shape[0]:
        last = worth[front[-1]] if front.shape[0] else np.inf
        alerted |= control & wanted & (worth >= last)
    else:
        alerted |= control & wanted
    propensity = np.where(refuse & (policy.control > 0), policy.control, 1.0)
    return Decided(alerted, reviewed, control, refuse & ~control, propensity)
