"""Rows to learn from or to be measured on, as they stood at an instant."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from lagmark.errors import DataError
from lagmark.labels import UNKNOWN, labels_known

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl
    from numpy.typing import NDArray

    from lagmark.schema.events import EventBatch

__all__ = ["Dataset", "FeatureMatrix", "amounts_of", "subject_codes"]


class FeatureMatrix(Protocol):
    """Feature values of a batch: row i belongs to row i of its events."""

    @property
    def names(self) -> Sequence[str]:
        """Feature names, in column order."""

    @property
    def matrix(self) -> NDArray[np.float64]:
        """Values, shape (n, F)."""


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Feature vectors joined with the labels known at ``as_of``.

    Parameters
    ----------
    names
        Feature names, in column order.
    contract_hash
        Definition hash of the feature set the vectors come from.
    X
        Feature values, float64, shape (n, F), NaN where absent.
    y
        1 fraud, 0 genuine, int8, shape (n,).
    rows
        Row of the batch (sequence number) of each example, int64, shape (n,).
    event_time
        Microseconds since 1970 UTC, int64, shape (n,).
    subject
        Investigated entity of each example as a number from 0 in order of appearance, -1 where
        absent; ``None`` if the domain has none. int64, shape (n,).
    amount
        Money at stake in minor units, 0 where absent, int64, shape (n,).
    amount_scale
        Minor units in one unit of the currency.
    start, end
        Half-open range of event times asked for.
    delay
        Age in microseconds below which no label was used.
    as_of
        The instant the question was asked from.
    fingerprint
        SHA-256 over names, event ids, ``X``, ``y`` and weights.
    weights
        Weight of each example, float64, shape (n,); ``None`` where all count once.
    """

    names: tuple[str, ...]
    contract_hash: str
    X: NDArray[np.float64]
    y: NDArray[np.int8]
    rows: NDArray[np.int64]
    event_time: NDArray[np.int64]
    subject: NDArray[np.int64] | None
    amount: NDArray[np.int64]
    amount_scale: int
    start: int
    end: int
    delay: int
    as_of: int
    fingerprint: str
    weights: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return int(self.y.shape[0])

    @property
    def frauds(self) -> int:
        """Number of examples labelled fraud."""
        return int(self.y.sum())

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
        delay: int = 0,
        subject: str | None = None,
        amount: str | None = None,
        amount_scale: int = 1,
        keep: NDArray[np.bool_] | None = None,
    ) -> Dataset:
        """Examples of a range of event times, by what was known at ``as_of``.

        An event is an example if ``start <= event_time < end``, ``ingest_time <= as_of``, a label
        of it was known (``known_at <= as_of``) and it is at least ``delay`` old
        (``event_time <= as_of - delay``).

        Parameters
        ----------
        batch, vectors
            Events with labels, and their feature values.
        as_of, start, end
            Microseconds since 1970 UTC.
        contract_hash
            Definition hash of the feature set.
        delay
            Embargo in microseconds, on top of what the labels' own ``known_at`` says.
        subject, amount
            Event columns of the investigated entity and of the money at stake.
        amount_scale
            Minor units in one unit of the currency.
        keep
            Rows of the batch that may become examples, bool, shape (n,); all when absent.

        Raises
        ------
        DataError
            If the vectors don't fit the batch.
        """
        names = tuple(vectors.names)
        if vectors.matrix.shape != (len(batch), len(names)):
            raise DataError(
                f"feature matrix has shape {vectors.matrix.shape}, expected "
                f"{(len(batch), len(names))}",
                where="dataset",
                hint="compute the features of exactly this batch",
            )
        fraud, _ = labels_known(batch, as_of)
        time = batch.events["event_time"].to_numpy()
        wanted = (time >= start) & (time < end) & (time <= as_of - delay) & (fraud != UNKNOWN)
        if keep is not None:
            wanted &= keep
        rows = np.flatnonzero(wanted)
        chosen = batch.events[rows]
        X = np.ascontiguousarray(vectors.matrix[rows], dtype=np.float64)
        y = fraud[rows]
        return cls(
            names=names,
            contract_hash=contract_hash,
            X=X,
            y=y,
            rows=rows,
            event_time=time[rows],
            subject=None if subject is None else subject_codes(chosen[subject]),
            amount=amounts_of(chosen, amount),
            amount_scale=amount_scale,
            start=start,
            end=end,
            delay=delay,
            as_of=as_of,
            fingerprint=_fingerprint(names, chosen["event_id"], X, y),
        )

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> Dataset:
        """Part of the examples, by position or mask; subjects keep their numbers."""
        X, y = np.ascontiguousarray(self.X[index]), self.y[index]
        digest = hashlib.sha256(self.fingerprint.encode())
        digest.update(np.ascontiguousarray(self.rows[index]))
        return Dataset(
            names=self.names,
            contract_hash=self.contract_hash,
            X=X,
            y=y,
            rows=self.rows[index],
            event_time=self.event_time[index],
            subject=None if self.subject is None else self.subject[index],
            amount=self.amount[index],
            amount_scale=self.amount_scale,
            start=self.start,
            end=self.end,
            delay=self.delay,
            as_of=self.as_of,
            fingerprint=digest.hexdigest(),
            weights=None if self.weights is None else self.weights[index],
        )


def subject_codes(column: pl.Series) -> NDArray[np.int64]:
    """Numbers of a column's values from 0 in order of appearance, -1 where absent."""
    # Numbered among the chosen rows only: an event that is not known yet must not shift a code.
    import polars as pl

    named = column.alias("value").to_frame()
    codes = named.unique(maintain_order=True).drop_nulls().with_row_index("code")
    joined = named.join(codes, on="value", how="left", maintain_order="left")
    return joined["code"].cast(pl.Int64).fill_null(-1).to_numpy()


def amounts_of(chosen: pl.DataFrame, amount: str | None) -> NDArray[np.int64]:
    """Money at stake in minor units, 0 where absent or without such a column."""
    if amount is None:
        return np.zeros(chosen.height, dtype=np.int64)
    return chosen[amount].fill_null(0).to_numpy()


def _fingerprint(
    names: tuple[str, ...], ids: pl.Series, X: NDArray[np.float64], y: NDArray[np.int8]
) -> str:
    digest = hashlib.sha256("\0".join(names).encode())
    digest.update("\0".join(map(str, ids.to_list())).encode())
    digest.update(X)
    digest.update(np.ascontiguousarray(y))
    return digest.hexdigest()
