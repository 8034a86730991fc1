"""Share of compromised subjects among the most suspicious ones of each day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lagmark.schema.time import DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SubjectDays", "card_precision_at_k"]


@dataclass(frozen=True, slots=True, eq=False)
class SubjectDays:
    """One row per subject and UTC day, each day by falling highest score.

    Parameters
    ----------
    subject
        Subject numbers, int64, shape (m,).
    compromised
        Whether the subject has a fraud that day, float64, shape (m,).
    first, last
        Half-open range of the rows of each day, int64, shape (days,).
    member
        An example of that subject, to read its weight from, int64, shape (m,).
    subjects
        Number of different subjects.
    """

    subject: NDArray[np.int64]
    compromised: NDArray[np.float64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    member: NDArray[np.int64]
    subjects: int

    @classmethod
    def of(
        cls,
        y: NDArray[np.int8] | NDArray[np.float64],
        score: NDArray[np.float64],
        event_time: NDArray[np.int64],
        subject: NDArray[np.int64],
    ) -> SubjectDays | None:
        """Subject-days of scored events; ``None`` if a score is NaN or no event has a subject."""
        named = np.flatnonzero(subject >= 0)
        if named.shape[0] == 0 or bool(np.isnan(score).any()):
            return None
        day, who = event_time[named] // DAY, subject[named]
        group = np.lexsort((event_time[named], -score[named], who, day))
        day, who, index = day[group], who[group], named[group]
        heads = np.flatnonzero(np.append(True, (np.diff(day) != 0) | (np.diff(who) != 0)))
        compromised = np.maximum.reduceat(y[index], heads).astype(np.float64)
        # The head of a group is its best event; equal scores go by its time, then by subject.
        best = index[heads]
        order = np.lexsort((event_time[best], -score[best], day[heads]))
        _, first = np.unique(day[heads][order], return_index=True)
        return cls(
            subject=who[heads][order],
            compromised=compromised[order],
            first=first,
            last=np.append(first[1:], order.shape[0]),
            member=best[order],
            subjects=int(subject.max()) + 1,
        )

    def precision(self, k: int, weights: NDArray[np.float64] | None = None) -> float | None:
        """Mean over days of the compromised share of the ``k`` first subjects.

        Parameters
        ----------
        k
            Subjects that can be looked at in a day.
        weights
            Weight per event, equal for all events of a subject, shape (n,): a subject of weight
            ``w`` stands for ``w`` subjects. 1 when absent.
        """
        weight = np.ones(self.member.shape[0]) if weights is None else weights[self.member]
        found = np.zeros(self.subjects, dtype=np.bool_)
        total = 0.0
        for a, b in zip(self.first, self.last, strict=True):
            left = np.where(found[self.subject[a:b]], 0.0, weight[a:b])
            cumulative = np.cumsum(left)
            stop = min(int(np.searchsorted(cumulative, k)) + 1, left.shape[0])
            left = left[:stop]
            taken = np.clip(k - (cumulative[:stop] - left), 0.0, left)
            hits = taken * self.compromised[a : a + stop]
            found[self.subject[a : a + stop][hits > 0]] = True
            total += float(hits.sum()) / k
        return total / len(self.first)


def card_precision_at_k(
    y: NDArray[np.int8] | NDArray[np.float64],
    score: NDArray[np.float64],
    event_time: NDArray[np.int64],
    subject: NDArray[np.int64],
    k: int = 100,
) -> float | None:
    """Card precision top-k, mean over days.

    Each UTC day, a subject's score is the highest of its events, and the ``k`` subjects of highest
    score are looked at; the day's figure is the number of them with a fraud that day, over ``k``.
    Subjects found this way are left out on later days. Fraud Detection Handbook, chapter 4,
    "Precision top-k metrics".

    Parameters
    ----------
    y, score, event_time
        Labels (0/1), scores, and times in microseconds since 1970 UTC, shape (n,).
    subject
        Subject numbers, -1 where absent (such events are left out), shape (n,).
    k
        Subjects per day. A day with fewer subjects is still divided by ``k``.

    Returns
    -------
    float or None
        ``None`` if a score is NaN or no event has a subject.

    Examples
    --------
    >>> y, score = np.array([1, 0, 0, 1], dtype=np.int8), np.array([0.9, 0.8, 0.2, 0.7])
    >>> time, who = np.array([0, 1, DAY, DAY + 1]), np.array([0, 1, 0, 1])
    >>> card_precision_at_k(y, score, time, who, k=1)
    1.0
    """
    days = SubjectDays.of(y, score, event_time, subject)
    return None if days is None else days.precision(k)
