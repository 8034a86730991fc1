"""Events as the requests that would have brought them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from lagmark.schema.fields import Kind

if TYPE_CHECKING:
    from lagmark.domains.domain import Domain
    from lagmark.schema.events import EventBatch

__all__ = ["bodies_of"]


def bodies_of(batch: EventBatch, domain: Domain, *, arrival: bool = True) -> list[bytes]:
    """One JSON object per event, in the order of the batch.

    Parameters
    ----------
    batch
        Validated events.
    domain
        What they are.
    arrival
        Whether the ingest time goes along; else the service takes its own.
    """
    import polars as pl

    iso = "%Y-%m-%dT%H:%M:%S%.6fZ"
    times = ("event_time", "ingest_time") if arrival else ("event_time",)
    columns = [
        pl.col("event_id"),
        *(pl.from_epoch(name, time_unit="us").dt.strftime(iso).alias(name) for name in times),
    ]
    for field in domain.fields:
        if field.name not in batch.events.columns:
            continue
        column = pl.col(field.name)
        if field.kind in (Kind.MONEY, Kind.QUANTITY):
            # The nearest double of a decimal prints as that decimal.
            column = column / field.scale
        columns.append(column)
    sink = io.BytesIO()
    batch.events.select(columns).write_ndjson(sink)
    return sink.getvalue().splitlines()
