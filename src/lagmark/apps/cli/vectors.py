"""Feature vectors in files: written in row groups, with the contract they were computed under."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lagmark.errors import ConfigError, StateError

if TYPE_CHECKING:
    import polars as pl

    from lagmark.features import Vectors

__all__ = ["SUFFIXES", "StoredVectors", "check_suffix", "read_vectors", "write_vectors"]

SUFFIXES = (".parquet", ".csv")
"""Kinds of file that vectors are written to."""

ROW_GROUP = 131_072
"""Rows that are turned from rows into columns at a time, so that memory stays low."""

_KEY = b"lagmark"


@dataclass(frozen=True, slots=True)
class StoredVectors:
    """Vectors read back from a file.

    Parameters
    ----------
    frame
        ``event_id`` and one column per feature.
    about
        What the file says of itself (``domain``, ``feature_set``, ``contract``); empty for CSV.
    """

    frame: pl.DataFrame
    about: Mapping[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        """Feature names in the order of the file."""
        return tuple(name for name in self.frame.columns if name != "event_id")


def check_suffix(path: Path) -> None:
    """Refuse a kind of file that vectors are not written to.

    Raises
    ------
    ConfigError
        If the suffix is not one of :data:`SUFFIXES`.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(
            f"cannot write {path.suffix!r} files" if path.suffix else "the file has no suffix",
            where=f"--out {path}",
            hint=f"give a name that ends in {' or '.join(SUFFIXES)}",
        )


def write_vectors(
    path: Path,
    event_ids: pl.Series,
    vectors: Vectors,
    *,
    domain: str,
    advance: Callable[[int, int], None],
) -> None:
    """Write one row per event, ``event_id`` first; the file appears when it is whole.

    Parquet keeps every bit; CSV has the shortest text that reads back as the same number.
    """
    from lagmark.atomic import replacing

    about = {
        "domain": domain,
        "feature_set": vectors.contract.name,
        "contract": vectors.contract.as_dict(),
    }
    with replacing(path) as draft:
        if path.suffix.lower() == ".csv":
            _write_csv(draft, event_ids, vectors, advance)
        else:
            _write_parquet(draft, event_ids, vectors, about, advance)


def _write_parquet(
    draft: Path,
    event_ids: pl.Series,
    vectors: Vectors,
    about: Mapping[str, Any],
    advance: Callable[[int, int], None],
) -> None:
    import numpy as np
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet as pq

    identifier = pa.int64() if event_ids.dtype == pl.Int64 else pa.string()
    fields = [pa.field("event_id", identifier, nullable=False)]
    fields += [pa.field(name, pa.float64(), nullable=False) for name in vectors.names]
    schema = pa.schema(fields, metadata={_KEY: json.dumps(about).encode()})
    total = len(event_ids)
    # Hardly any vector repeats, so that dictionaries of floats would cost time and save nothing.
    with pq.ParquetWriter(draft, schema, use_dictionary=False, compression="zstd") as writer:
        for start in range(0, total, ROW_GROUP):
            part = vectors.matrix[start : start + ROW_GROUP]
            columns = np.ascontiguousarray(part.T)
            ids = event_ids.slice(start, ROW_GROUP).to_arrow().cast(identifier)
            arrays = [ids, *(pa.array(column) for column in columns)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            advance(start + len(part), total)


def _write_csv(
    draft: Path, event_ids: pl.Series, vectors: Vectors, advance: Callable[[int, int], None]
) -> None:
    import polars as pl

    total = len(event_ids)
    with draft.open("wb") as out:
        for start in range(0, total, ROW_GROUP):
            part = vectors.matrix[start : start + ROW_GROUP]
            frame = pl.DataFrame(
                [
                    event_ids.slice(start, ROW_GROUP).alias("event_id"),
                    *(pl.Series(name, part[:, i]) for i, name in enumerate(vectors.names)),
                ]
            )
            frame.write_csv(out, include_header=start == 0)
            advance(start + len(part), total)


def read_vectors(path: Path) -> StoredVectors:
    """Vectors that ``lagmark backfill`` wrote.

    Raises
    ------
    ConfigError
        If there is no such file, or it is of another kind.
    StateError
        If it cannot be read, has no ``event_id``, or a feature is no number.
    """
    import polars as pl

    if not path.is_file():
        raise ConfigError(
            "no such file", where=f"--features {path}", hint="give what `lagmark backfill` wrote"
        )
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(
            f"unknown kind of file {path.suffix!r}",
            where=f"--features {path}",
            hint=f"give a file that ends in {' or '.join(SUFFIXES)}",
        )
    about: Mapping[str, Any] = {}
    try:
        if path.suffix.lower() == ".csv":
            frame = pl.read_csv(path, infer_schema=False)
            others = pl.exclude("event_id").cast(pl.Float64)
            frame = frame.with_columns(others)
        else:
            about = _about(path)
            frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError, ValueError) as problem:
        raise StateError(
            f"the vectors cannot be read: {str(problem).splitlines()[0]}",
            where=str(path),
            hint="write them again with `lagmark backfill`",
        ) from None
    odd = [name for name, kind in frame.schema.items() if name != "event_id" and kind != pl.Float64]
    if "event_id" not in frame.columns or odd:
        what = f"column {odd[0]!r} is no float64" if odd else "there is no column event_id"
        raise StateError(what, where=str(path), hint="give what `lagmark backfill` wrote")
    return StoredVectors(frame, about)


def _about(path: Path) -> Mapping[str, Any]:
    import pyarrow.parquet as pq

    metadata = pq.read_schema(path).metadata or {}
    found = json.loads(metadata.get(_KEY, b"{}"))
    return found if isinstance(found, dict) else {}
