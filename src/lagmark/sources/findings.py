"""What is worth telling about rows that are usable."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lagmark.schema.fields import Kind
from lagmark.schema.time import SECOND
from lagmark.sources.report import Example, ValidationReport

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lagmark.schema.events import EventBatch
    from lagmark.sources.table import Reading

__all__ = ["describe"]

_EXAMPLES = 5


def describe(
    reading: Reading,
    batch: EventBatch,
    rows: NDArray[np.int64],
    reasons: dict[int, list[str]],
    *,
    later: NDArray[np.bool_],
    as_of: int | None,
) -> ValidationReport:
    """Report on a source.

    Parameters
    ----------
    reading
        Its columns.
    batch
        Its events.
    rows
        Row of the source by event, shape (n events,).
    reasons
        Reasons of the dead rows, by row.
    later
        Rows that arrived after ``as_of``, shape (n rows,).
    as_of
        Instant the question was asked from.
    """
    import numpy as np

    times = batch.events["event_time"].to_numpy()
    arrived = batch.events["ingest_time"].to_numpy()
    in_source = times[np.argsort(rows)]
    counts = Counter(text for texts in reasons.values() for text in texts)
    given = int(reading.label.gather(rows).is_not_null().sum())
    by_delay = reading.mapping.label is not None and reading.mapping.known_at is None
    absent = {
        each.name: int(reading.fields[each.name].values.gather(rows).null_count())
        for each in reading.domain.fields
        if not each.required
    }
    return ValidationReport(
        domain=reading.domain.name,
        source=reading.table.name,
        as_of=as_of,
        rows=reading.size,
        events=len(batch),
        dead=len(reasons),
        not_yet_known=int(later.sum()),
        labels=batch.labels.height,
        frauds=int(batch.labels["fraud"].sum()),
        labels_absent=len(batch) - given,
        labels_not_yet_known=given - batch.labels.height,
        labels_by_delay=batch.labels.height if by_delay else 0,
        first_event=int(times.min()),
        last_event=int(times.max()),
        out_of_order=_behind(in_source),
        late=_behind(times),
        ingested_early=int((arrived < times).sum()),
        reasons=dict(counts.most_common()),
        examples=tuple(
            Example(row, tuple(texts)) for row, texts in list(reasons.items())[:_EXAMPLES]
        ),
        rounded={
            name: int(column.rounded[rows].sum())
            for name, column in reading.fields.items()
            if column.rounded is not None
        },
        absent=absent,
        tied={
            each.name: _tied(batch, each.name)
            for each in reading.domain.fields
            if each.kind is Kind.ENTITY
        },
        checks={name: int((broken & ~later).sum()) for name, broken in reading.checks.items()},
        missing=tuple(reading.mapping.missing),
    )


def _behind(times: NDArray[np.int64]) -> int:
    """Entries smaller than one before them."""
    import numpy as np

    return int((times < np.maximum.accumulate(times)).sum())


def _tied(batch: EventBatch, entity: str) -> int:
    """Events that share entity and second with another."""
    import polars as pl

    second = (pl.col("event_time") // SECOND).alias("second")
    groups = batch.events.lazy().filter(pl.col(entity).is_not_null()).group_by(entity, second)
    shared = groups.len().filter(pl.col("len") > 1).select(pl.col("len").sum())
    return int(shared.collect().item())
