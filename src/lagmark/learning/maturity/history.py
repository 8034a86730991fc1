"""Every event of a range of days, with what was known of it at an instant."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.errors import DataError
from lagmark.labels import NEVER, UNKNOWN
from lagmark.learning.dataset import Dataset, FeatureMatrix, amounts_of, subject_codes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lagmark.schema.events import EventBatch

__all__ = ["ANALYST", "KnownHistory"]

ANALYST = "analyst"
"""Source of the labels that are feedback on alerts."""


@dataclass(frozen=True, slots=True, eq=False)
class KnownHistory:
    """Events with ``ingest_time <= as_of``, each with its latest word as of then.

    Unlike :class:`~lagmark.learning.Dataset` it also holds the events of which nothing was known:
    what to make of their silence is for a maturity policy to say.

    Parameters
    ----------
    names, contract_hash
        Feature names in column order, and the definition hash of the feature set.
    X
        Feature values, float64, shape (n, F), NaN where absent.
    rows, event_time
        Row of the batch and instant of each event (microseconds since 1970 UTC), int64, (n,).
    verdict
        1 fraud, 0 genuine, :data:`~lagmark.labels.UNKNOWN` where nothing was known, int8, (n,).
    fraud_since
        From when on the latest word has been fraud,
        :data:`~lagmark.labels.NEVER` where it is not, int64, (n,).
    feedback, found
        Whether an analyst had spoken, and whether the analysts' latest word was fraud, bool, (n,).
    told_since
        From when on the latest word of anybody else has been fraud,
        :data:`~lagmark.labels.NEVER` where it is not, int64, (n,).
    alerted, blocked
        What was decided when the event arrived, bool, (n,).
    subject, amount, amount_scale
        As in :class:`~lagmark.learning.Dataset`.
    start, end, as_of
        Half-open range of event times, and the instant the question was asked from.
    """

    names: tuple[str, ...]
    contract_hash: str
    X: NDArray[np.float64]
    rows: NDArray[np.int64]
    event_time: NDArray[np.int64]
    verdict: NDArray[np.int8]
    fraud_since: NDArray[np.int64]
    feedback: NDArray[np.bool_]
    found: NDArray[np.bool_]
    told_since: NDArray[np.int64]
    alerted: NDArray[np.bool_]
    blocked: NDArray[np.bool_]
    subject: NDArray[np.int64] | None
    amount: NDArray[np.int64]
    amount_scale: int
    start: int
    end: int
    as_of: int

    def __len__(self) -> int:
        return int(self.verdict.shape[0])

    @property
    def age(self) -> NDArray[np.int64]:
        """Age of each event at ``as_of``, microseconds, shape (n,)."""
        return self.as_of - self.event_time

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Events whose silence means something: all but blocked ones of which nobody spoke."""
        return ~self.blocked | (self.verdict != UNKNOWN)

    @classmethod
    def build(
        cls,
        batch: EventBatch,
        vectors: FeatureMatrix,
        *,
        as_of: int,
        start: int,
        end: int,
        contract_hash: str,
        alerted: NDArray[np.bool_] | None = None,
        blocked: NDArray[np.bool_] | None = None,
        subject: str | None = None,
        amount: str | None = None,
        amount_scale: int = 1,
    ) -> KnownHistory:
        """History of a batch of events with labels; see :meth:`from_arrays`.

        Parameters
        ----------
        batch, vectors
            Events with labels, and their feature values.
        subject, amount
            Event columns of the investigated entity and of the money at stake.
        as_of, start, end, contract_hash, alerted, blocked, amount_scale
            As for :meth:`from_arrays`.
        """
        labels = batch.labels
        history = cls.from_arrays(
            names=vectors.names,
            X=vectors.matrix,
            event_time=batch.events["event_time"].to_numpy(),
            ingest_time=batch.events["ingest_time"].to_numpy(),
            label_row=labels["row"].to_numpy(),
            label_known_at=labels["known_at"].to_numpy(),
            label_fraud=labels["fraud"].to_numpy(),
            label_feedback=(labels["source"] == ANALYST).to_numpy(),
            as_of=as_of,
            start=start,
            end=end,
            contract_hash=contract_hash,
            alerted=alerted,
            blocked=blocked,
        )
        chosen = batch.events[history.rows]
        return history.with_facts(
            subject=None if subject is None else subject_codes(chosen[subject]),
            amount=amounts_of(chosen, amount),
            amount_scale=amount_scale,
        )

    @classmethod
    def from_arrays(
        cls,
        *,
        names: Sequence[str],
        X: NDArray[np.float64],
        event_time: NDArray[np.int64],
        ingest_time: NDArray[np.int64],
        label_row: NDArray[np.int64],
        label_known_at: NDArray[np.int64],
        label_fraud: NDArray[np.bool_],
        label_feedback: NDArray[np.bool_],
        as_of: int,
        start: int,
        end: int,
        contract_hash: str = "",
        alerted: NDArray[np.bool_] | None = None,
        blocked: NDArray[np.bool_] | None = None,
    ) -> KnownHistory:
        """History of plain arrays over all events, of which those to come are left out.

        Parameters
        ----------
        names, X, event_time, ingest_time
            Feature names, values of shape (n, F), and both clocks of the n events.
        label_row, label_known_at, label_fraud, label_feedback
            One entry per label, in any order: row of its event, when it reached us, its verdict,
            and whether an analyst gave it. Of labels of one event the one with the greatest
            ``known_at`` counts, of equal ones the later entry.
        as_of, start, end
            Microseconds since 1970 UTC; events with ``start <= event_time < end``.
        contract_hash
            Definition hash of the feature set.
        alerted, blocked
            What was decided when each event arrived, shape (n,). Without ``alerted`` the events
            count as alerted that an analyst had spoken of; without ``blocked`` none is.

        Raises
        ------
        DataError
            If the shapes disagree.
        """
        n = event_time.shape[0]
        masks = [mask for mask in (alerted, blocked) if mask is not None]
        if X.shape != (n, len(names)) or any(
            one.shape != (n,) for one in (ingest_time, *masks)
        ):  # fmt: skip
            raise DataError(
                f"values {X.shape}, instants and masks do not fit {n} events",
                where="history",
                hint="give one row per event",
            )
        seen = (label_known_at <= as_of) & (ingest_time[label_row] <= as_of)
        order = np.flatnonzero(seen)
        order = order[np.argsort(label_known_at[order], kind="stable")]
        row, fraud, when = label_row[order], label_fraud[order], label_known_at[order]
        verdict, since = _latest_word(n, row, fraud, when)
        said = label_feedback[order]
        feedback = np.zeros(n, dtype=np.bool_)
        feedback[row[said]] = True
        found, _ = _latest_word(n, row[said], fraud[said], when[said])
        _, told_since = _latest_word(n, row[~said], fraud[~said], when[~said])
        rows = np.flatnonzero((ingest_time <= as_of) & (event_time >= start) & (event_time < end))
        spoken = feedback[rows]
        return cls(
            names=tuple(names),
            contract_hash=contract_hash,
            X=np.ascontiguousarray(X[rows], dtype=np.float64),
            rows=rows,
            event_time=event_time[rows],
            verdict=verdict[rows],
            fraud_since=since[rows],
            feedback=spoken,
            found=found[rows] == 1,
            told_since=told_since[rows],
            alerted=spoken if alerted is None else alerted[rows],
            blocked=np.zeros(rows.shape[0], dtype=np.bool_) if blocked is None else blocked[rows],
            subject=None,
            amount=np.zeros(rows.shape[0], dtype=np.int64),
            amount_scale=1,
            start=start,
            end=end,
            as_of=as_of,
        )

    def with_facts(
        self,
        *,
        subject: NDArray[np.int64] | None = None,
        amount: NDArray[np.int64] | None = None,
        amount_scale: int = 1,
    ) -> KnownHistory:
        """The same history with the subject and the money at stake of each event, shape (n,)."""
        parts = {name: getattr(self, name) for name in self.__slots__}
        kept: dict[str, Any] = {"subject": subject, "amount_scale": amount_scale}
        return KnownHistory(
            **{**parts, **kept, "amount": self.amount if amount is None else amount}
        )

    def dataset(
        self,
        index: NDArray[np.int64] | NDArray[np.bool_],
        y: NDArray[np.int8],
        weights: NDArray[np.float64] | None = None,
        *,
        delay: int = 0,
    ) -> Dataset:
        """Training set of chosen events.

        Parameters
        ----------
        index
            Positions in this history, repeated ones allowed, or a mask.
        y, weights
            Label and weight of each chosen event.
        delay
            Age in microseconds that the policy asked of them, to be kept with the data.
        """
        X, rows = np.ascontiguousarray(self.X[index]), self.rows[index]
        digest = hashlib.sha256("\0".join((*self.names, self.contract_hash)).encode())
        for part in (rows, X, y, *(() if weights is None else (weights,))):
            digest.update(np.ascontiguousarray(part))
        return Dataset(
            names=self.names,
            contract_hash=self.contract_hash,
            X=X,
            y=np.asarray(y, dtype=np.int8),
            rows=rows,
            event_time=self.event_time[index],
            subject=None if self.subject is None else self.subject[index],
            amount=self.amount[index],
            amount_scale=self.amount_scale,
            start=self.start,
            end=self.end,
            delay=delay,
            as_of=self.as_of,
            fingerprint=digest.hexdigest(),
            weights=weights,
        )


def _latest_word(
    n: int, row: NDArray[np.int64], fraud: NDArray[np.bool_], when: NDArray[np.int64]
) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """Verdict of each event, and from when on it has been fraud; labels in order of arrival."""
    place = np.arange(row.shape[0])
    latest = np.full(n, -1, dtype=np.int64)
    cleared = np.full(n, -1, dtype=np.int64)
    np.maximum.at(latest, row, place)
    np.maximum.at(cleared, row[~fraud], place[~fraud])
    verdict = np.full(n, UNKNOWN, dtype=np.int8)
    spoken = latest >= 0
    verdict[spoken] = fraud[latest[spoken]]
    # A second voice that repeats the verdict does not make it later.
    lasting = fraud & (place > cleared[row])
    since = np.full(n, NEVER, dtype=np.int64)
    np.minimum.at(since, row[lasting], when[lasting])
    return verdict, since
