"""Entries that were moved out of the database: Parquet files by day, read back where asked for."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, get_args

from lagmark.atomic import replacing
from lagmark.errors import LedgerError
from lagmark.schema.records import Entry, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Archive", "export", "read"]

_KINDS = {kind: str(kind.__struct_config__.tag) for kind in get_args(Record)}
_ROWS = 4096
"""Entries in a row group: what is read to find one of them."""


class Archive(NamedTuple):
    """A file of entries that were moved out.

    Parameters
    ----------
    first, last
        Positions of its first and last entry.
    at, digest
        Of the last entry.
    path
        The file.
    """

    first: int
    last: int
    at: int
    digest: bytes
    path: str


def export(entries: Iterable[Entry], path: Path) -> Entry:
    """Write entries to a file that is whole and on disk afterwards, or not there; the last one.

    Parameters
    ----------
    entries
        At least one, ascending.
    path
        File to write; columns ``position``, ``at``, ``kind``, ``body`` and ``digest``.

    Raises
    ------
    LedgerError
        If it cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [
            ("position", pa.int64()),
            ("at", pa.timestamp("us", tz="UTC")),
            ("kind", pa.string()),
            ("body", pa.binary()),
            ("digest", pa.binary(32)),
        ]
    )
    rest = iter(entries)
    try:
        with replacing(path) as draft, pq.ParquetWriter(draft, schema, compression="zstd") as file:
            while part := list(islice(rest, _ROWS)):
                last = part[-1]
                columns = {
                    "position": [entry.position for entry in part],
                    "at": [entry.at for entry in part],
                    "kind": [_KINDS[type(entry.record)] for entry in part],
                    "body": [entry.body for entry in part],
                    "digest": [entry.digest for entry in part],
                }
                file.write_table(pa.table(columns, schema))
    except OSError as problem:
        raise LedgerError(
            f"entries cannot be moved out: {problem.strerror or problem}",
            where=str(path),
            hint="make room or choose another folder; every entry is still in the ledger",
        ) from None
    return last


def read(path: Path, after: int, until: int) -> Iterator[Entry]:
    """Entries of a file with ``after < position <= until``.

    Raises
    ------
    LedgerError
        If it cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                span = file.metadata.row_group(group).column(0).statistics
                if span is not None and (span.max <= after or span.min > until):
                    continue
                table = file.read_row_group(group, columns=["position", "at", "body", "digest"])
                columns = [
                    table["position"].to_pylist(),
                    table["at"].cast(pa.int64()).to_pylist(),
                    table["body"].to_pylist(),
                    table["digest"].to_pylist(),
                ]
                for position, at, body, digest in zip(*columns, strict=True):
                    if after < position <= until:
                        yield Entry(position, at, body, digest)
    except (OSError, pa.ArrowException) as problem:
        raise LedgerError(
            f"entries that were moved out cannot be read: {str(problem).splitlines()[0]}",
            where=str(path),
            hint="bring the file back, or restore it from a copy",
        ) from None
