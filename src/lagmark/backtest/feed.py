"""What a decision system meets day by day, and what it is told afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from lagmark.labels import NEVER

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from lagmark.domains.domain import Domain

__all__ = ["ANALYST", "OTHERS", "Arrivals", "Feed", "Messages", "Truth", "first_told"]

ANALYST = 0
"""Code of the analysts among the sources of messages."""
OTHERS = ("analyst", "customer", "chargeback", "dataset")
"""Sources by code."""


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """Events of one day in arrival order.

    Parameters
    ----------
    events
        Validated events as in :class:`lagmark.schema.events.EventBatch`.
    """

    events: pl.DataFrame

    def __len__(self) -> int:
        return self.events.height


@dataclass(frozen=True, slots=True, eq=False)
class Messages:
    """Label messages about one day's events, arrays of shape (m,) ordered by ``known_at``.

    Parameters
    ----------
    row
        Position of the event in its day.
    known_at
        When the message reaches us, microseconds since 1970 UTC.
    fraud
        The verdict.
    source
        Position in :data:`OTHERS` of who says it.
    """

    row: NDArray[np.int64]
    known_at: NDArray[np.int64]
    fraud: NDArray[np.bool_]
    source: NDArray[np.int8]

    @classmethod
    def join(
        cls, parts: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_], int]]
    ) -> Messages:
        """Messages of several sources: (row, known_at, fraud, source) each."""
        row, known, fraud = (np.concatenate([part[i] for part in parts]) for i in range(3))
        source = np.repeat([part[3] for part in parts], [len(part[0]) for part in parts])
        order = np.lexsort((source, row, known))
        return cls(
            row[order].astype(np.int64),
            known[order].astype(np.int64),
            fraud[order].astype(np.bool_),
            source[order].astype(np.int8),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What really was, one entry per event in the order of the days; for evaluation only.

    Parameters
    ----------
    fraud
        Whether it was fraud, bool, shape (n,).
    analyst_fraud
        What an analyst says if asked, bool.
    analyst_delay
        Microseconds from the alert to that answer, int64.
    told_at
        First message of fraud of a customer or a bank if the payment is let through,
        :data:`~lagmark.labels.NEVER` if there is none, int64.
    stays
        Whether the last of those messages leaves the payment a fraud, bool.
    """

    fraud: NDArray[np.bool_]
    analyst_fraud: NDArray[np.bool_]
    analyst_delay: NDArray[np.int64]
    told_at: NDArray[np.int64]
    stays: NDArray[np.bool_]

    @classmethod
    def join(cls, parts: list[Truth]) -> Truth:
        """Truth of several days."""
        return cls(
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in ("fraud", "analyst_fraud", "analyst_delay", "told_at", "stays")
            )
        )


class Feed(Protocol):
    """Days of events, and what customers, banks and analysts say of them.

    Days are asked for in their order. What is said depends on what was decided: a refused
    payment is never complained about, and analysts answer where they were asked.
    """

    @property
    def domain(self) -> Domain:
        """What the events are."""
        ...

    @property
    def start(self) -> int:
        """First midnight, microseconds since 1970 UTC."""
        ...

    @property
    def days(self) -> int:
        """Number of days."""
        ...

    def day(self, number: int, blocked: NDArray[np.int64]) -> Arrivals:
        """Events of a day.

        Parameters
        ----------
        number
            0, then 1, and so on.
        blocked
            Positions of the events of the day before that were refused.
        """
        ...

    def messages(
        self, number: int, reviewed: NDArray[np.bool_] | None, blocked: NDArray[np.bool_]
    ) -> Messages:
        """What will be said of the events of the latest day.

        Parameters
        ----------
        number
            That day.
        reviewed
            Events that analysts look at from the end of the day on, shape (n,); those that they
            look at without a decision system when ``None``.
        blocked
            Refused events: nobody ever complains about one, shape (n,).
        """
        ...

    def truth(self) -> Truth:
        """Truth of all days so far; while anything is still decided, for a reference alone."""
        ...


def first_told(*instants: NDArray[np.int64]) -> NDArray[np.int64]:
    """Earliest of several instants, :data:`~lagmark.labels.NEVER` where all are that."""
    told = np.full(instants[0].shape[0], NEVER, dtype=np.int64)
    for each in instants:
        np.minimum(told, each, out=told)
    return told
