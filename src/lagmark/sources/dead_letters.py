"""Rows that could not become events, kept with their reasons."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lagmark.atomic import replacing

if TYPE_CHECKING:
    import polars as pl

    from lagmark.ports.source import SourceTable

__all__ = ["dead_frame", "letters", "write_dead_letters"]


def dead_frame(table: SourceTable, reasons: dict[int, list[str]]) -> pl.DataFrame:
    """Dead rows as a frame.

    Parameters
    ----------
    table
        The source.
    reasons
        Reasons by row of the source, rows ascending.

    Returns
    -------
    polars.DataFrame
        Columns ``row`` (Int64, from 0), ``reasons`` (list of text), ``values`` (struct of the
        source's columns as they came) and ``raw`` (text of a line that was no record, else null).
    """
    import polars as pl

    rows = list(reasons)
    return pl.DataFrame(
        {
            "row": pl.Series(rows, dtype=pl.Int64),
            "reasons": pl.Series(list(reasons.values()), dtype=pl.List(pl.String)),
            "values": table.frame[rows].to_struct("values"),
            "raw": pl.Series([table.broken.get(row) for row in rows], dtype=pl.String),
        }
    )


def letters(table: SourceTable, dead: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """Dead rows as records of JSON values."""
    for row in dead.iter_rows(named=True):
        record: dict[str, Any] = {"source": table.name, "row": row["row"]}
        if table.parts:
            record["file"], record["file_row"] = table.place(row["row"])
        record["reasons"] = row["reasons"]
        if row["raw"] is not None:
            record["raw"] = row["raw"]
        else:
            record["values"] = {name: _plain(value) for name, value in row["values"].items()}
        yield record


def write_dead_letters(path: Path, table: SourceTable, dead: pl.DataFrame) -> None:
    """Write one JSON object per dead row, whole or not at all.

    No dead row writes an empty file, so that the letters of an earlier run never stand for
    this one.
    """
    with replacing(path) as draft, draft.open("w", encoding="utf-8") as out:
        for record in letters(table, dead):
            out.write(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, date):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)
