"""Job: label messages from a file or from requests into a label store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lagmark.sources.dead_letters import write_dead_letters
from lagmark.sources.files import read_table
from lagmark.sources.label_messages import LabelReading, read_messages, records_table

if TYPE_CHECKING:
    import polars as pl

    from lagmark.ports.label_store import LabelStore
    from lagmark.sources.label_report import LabelReport

__all__ = ["import_labels", "import_records"]


def import_labels(
    file: Path,
    store: LabelStore,
    *,
    integer_ids: bool,
    zone: str = "UTC",
    source: str | None = None,
    events: pl.DataFrame | None = None,
    dead_letters: Path | None = None,
) -> LabelReport:
    """Append the messages of a CSV, Parquet or JSON lines file, or a folder of such.

    Parameters
    ----------
    file
        What to read.
    store
        Where to; it gets all messages of the file at once.
    integer_ids, zone, source, events
        See :func:`lagmark.sources.label_messages.read_messages`.
    dead_letters
        JSON lines file for the rows that are no message; there afterwards only if there are any.

    Raises
    ------
    DataError
        If the file cannot be read or has no such columns, or its ids are not of the store's type.
    StateError
        If the store cannot be read or written.
    """
    reading = read_messages(
        read_table(file), integer_ids=integer_ids, zone=zone, source=source, events=events
    )
    if dead_letters is not None:
        if reading.dead.height:
            write_dead_letters(dead_letters, reading.table, reading.dead)
        else:
            dead_letters.unlink(missing_ok=True)
    return _append(reading, store)


def import_records(
    records: Sequence[Mapping[str, Any]],
    store: LabelStore,
    *,
    integer_ids: bool,
    name: str = "request",
    zone: str = "UTC",
    source: str | None = None,
    events: pl.DataFrame | None = None,
) -> tuple[LabelReport, LabelReading]:
    """Append messages that came as records of JSON values, under the rules of a file.

    Parameters and errors as for :func:`import_labels`; ``name`` is what the report calls them.

    Returns
    -------
    report, reading
        The account, and the rows that are no message with their reasons.
    """
    reading = read_messages(
        records_table(records, name),
        integer_ids=integer_ids,
        zone=zone,
        source=source,
        events=events,
    )
    return _append(reading, store), reading


def _append(reading: LabelReading, store: LabelStore) -> LabelReport:
    return reading.report(store.append(reading.messages) if reading.messages.height else 0)
