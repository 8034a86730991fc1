"""Label messages as they pile up under one policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.backtest.feed import ANALYST, OTHERS
from lagmark.labels import UNKNOWN
from lagmark.schema.events import Label

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.backtest.feed import Messages
    from lagmark.features import OnlineEngine

__all__ = ["KnownLabels", "tell_engine"]


class KnownLabels:
    """Messages about the events of a policy's days, also those that are still to come.

    They are kept as they were sent; every reader says as of when it asks.
    """

    def __init__(self) -> None:
        self._row = np.empty(0, dtype=np.int64)
        self._known_at = np.empty(0, dtype=np.int64)
        self._fraud = np.empty(0, dtype=np.bool_)
        self._feedback = np.empty(0, dtype=np.bool_)

    def add(self, first_row: int, messages: Messages) -> None:
        """Messages about the day whose first event has number ``first_row``."""
        self._row = np.concatenate([self._row, messages.row + first_row])
        self._known_at = np.concatenate([self._known_at, messages.known_at])
        self._fraud = np.concatenate([self._fraud, messages.fraud])
        self._feedback = np.concatenate([self._feedback, messages.source == ANALYST])

    def since(
        self, first_row: int, as_of: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
        """Messages known at an instant about events from a number on.

        Returns
        -------
        row, known_at, fraud, feedback
            Event counted from ``first_row``, instant, verdict, and whether an analyst said it,
            shape (m,), in the order in which they were sent.
        """
        chosen = np.flatnonzero((self._row >= first_row) & (self._known_at <= as_of))
        return (
            self._row[chosen] - first_row,
            self._known_at[chosen],
            self._fraud[chosen],
            self._feedback[chosen],
        )

    def verdicts(self, first_row: int, last_row: int, as_of: int) -> NDArray[np.int8]:
        """Latest word on events of a half-open range of numbers, shape (last - first,), int8."""
        row, known_at, fraud, _ = self.since(first_row, as_of)
        inside = np.flatnonzero(row < last_row - first_row)
        order = inside[np.argsort(known_at[inside], kind="stable")]
        verdict = np.full(last_row - first_row, UNKNOWN, dtype=np.int8)
        latest = np.full(last_row - first_row, -1, dtype=np.int64)
        np.maximum.at(latest, row[order], np.arange(order.shape[0]))
        spoken = latest >= 0
        verdict[spoken] = fraud[order[latest[spoken]]]
        return verdict


def tell_engine(engine: OnlineEngine, first_row: int, messages: Messages) -> None:
    """Give an engine, whose ids are event numbers, the messages that can change a feature.

    An event that nobody ever calls fraud changes none, whoever confirms that it is genuine.
    """
    suspected = np.isin(messages.row, messages.row[messages.fraud])
    for i in np.flatnonzero(suspected).tolist():
        engine.label(
            Label(
                first_row + int(messages.row[i]),
                int(messages.known_at[i]),
                bool(messages.fraud[i]),
                OTHERS[int(messages.source[i])],
            )
        )
