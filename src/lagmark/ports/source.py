"""Where raw rows come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Source", "SourceTable"]


@dataclass(frozen=True, slots=True)
class SourceTable:
    """Raw rows as they came.

    Parameters
    ----------
    name
        The source, for reports.
    frame
        One row per record of the source, in its order, with its own columns and types; CSV
        columns are all text, so that one bad value costs one row and not the file.
    parts
        Name and first row of each file, for a source of several.
    broken
        Records that do not fit the columns, by row, as their raw text; the row's values are null.
    """

    name: str
    frame: pl.DataFrame
    parts: tuple[tuple[str, int], ...] = ()
    broken: Mapping[int, str] = field(default_factory=dict)

    def place(self, row: int) -> tuple[str, int]:
        """File that holds a row, and the row's position in that file."""
        name, start = max(
            (part for part in self.parts if part[1] <= row),
            key=lambda part: part[1],
            default=(self.name, 0),
        )
        return name, row - start


class Source(Protocol):
    """Raw rows of one kind of data.

    Ordering: the position of a row is its rank among rows with the same ingest time, so reading
    twice gives the same rows in the same order. Repetition: reading has no effect and may be
    repeated; a record that stands there twice comes out twice (the reader of events drops the
    second). Absence: a source that does not exist, is empty or has a header alone raises
    ``DataError``, it never reads as zero rows. Expiry: none. Failure: a source that cannot be
    read whole raises ``DataError`` and gives nothing; a single record that cannot be read comes
    out in ``broken``, it is never skipped.
    """

    @property
    def name(self) -> str:
        """What reports call the source."""
        ...

    def read(self) -> SourceTable:
        """All rows of the source."""
        ...
