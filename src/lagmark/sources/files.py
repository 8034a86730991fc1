"""Files and folders of files as raw rows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lagmark.errors import DataError
from lagmark.ports.source import SourceTable

if TYPE_CHECKING:
    import polars as pl

__all__ = ["READERS", "FileSource", "read_slices", "read_table", "same_columns"]

_SLICE = 1 << 18
"""Rows of a Parquet file that are read at once where not all are wanted together."""

_Rows = tuple["pl.DataFrame", dict[int, str]]


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file, or a folder of files read in the order of their names, with its subfolders.

    Names that begin with a dot or an underscore are skipped; any other file must be readable.

    Parameters
    ----------
    path
        CSV (``.csv``), Parquet (``.parquet``), JSON lines (``.jsonl``, ``.ndjson``) or a folder.
    """

    path: Path

    @property
    def name(self) -> str:
        """Path as text."""
        return str(self.path)

    def read(self) -> SourceTable:
        """All rows.

        Raises
        ------
        DataError
            If something is missing, empty, corrupt, of an unknown kind, or if the files of a
            folder have different columns.
        """
        files = self.files()
        if files == [self.path]:
            frame, broken = _read_file(self.path)
            return SourceTable(self.name, frame, broken=broken)
        tables = [(path.relative_to(self.path).as_posix(), _read_file(path)) for path in files]
        return _stack(self.name, tables)

    def files(self) -> list[Path]:
        """The file, or the files of the folder in the order they are read.

        Raises
        ------
        DataError
            If there are none.
        """
        if not self.path.exists():
            raise DataError(
                "no such file or folder", where=self.name, hint="check the path given to --events"
            )
        return [self.path] if self.path.is_file() else _files_of(self.path)


def read_slices(path: Path) -> Iterator[SourceTable]:
    """All rows of one file in their order, no more of a Parquet file at once than fits easily.

    Other formats come whole.

    Raises
    ------
    DataError
        As :meth:`FileSource.read`.
    """
    import polars as pl

    if path.suffix.lower() != ".parquet":
        yield FileSource(path).read()
        return
    with _readable(path):
        rows = pl.scan_parquet(path, hive_partitioning=False)
        size = rows.select(pl.len()).collect().item()
        if size == 0:
            raise _no_rows(path)
        for start in range(0, size, _SLICE):
            yield SourceTable(str(path), rows.slice(start, _SLICE).collect())


def read_table(path: Path | str) -> SourceTable:
    """Raw rows of a file or folder, see :class:`FileSource`."""
    return FileSource(Path(path)).read()


def same_columns(columns: Iterable[str], expected: Iterable[str], *, where: str, like: str) -> None:
    """Refuse a file whose columns are not those of the first of its folder, ``like``."""
    odd = set(columns) ^ set(expected)
    if odd:
        raise DataError(
            f"columns differ from those of {like}: {', '.join(sorted(odd))}",
            where=where,
            hint="give every file of the folder the same columns",
        )


def _files_of(folder: Path) -> list[Path]:
    def hidden(path: Path) -> bool:
        return any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)

    files = sorted(path for path in folder.rglob("*") if path.is_file() and not hidden(path))
    if not files:
        raise DataError(
            "the folder holds no files", where=str(folder), hint=f"put {_KINDS} files there"
        )
    return files


def _stack(name: str, tables: list[tuple[str, _Rows]]) -> SourceTable:
    import polars as pl

    first, (example, _) = tables[0]
    parts: list[tuple[str, int]] = []
    broken: dict[int, str] = {}
    start = 0
    for part, (frame, lines) in tables:
        same_columns(frame.columns, example.columns, where=f"{name}/{part}", like=first)
        parts.append((part, start))
        broken |= {start + row: text for row, text in lines.items()}
        start += frame.height
    try:
        frame = pl.concat(
            [table.select(example.columns) for _, (table, _) in tables], how="vertical_relaxed"
        )
    except (pl.exceptions.PolarsError, TypeError) as problem:
        raise DataError(
            f"the files' column types do not go together: {_first_line(problem)}",
            where=name,
            hint="write all files of the folder in one format with the same types",
        ) from None
    return SourceTable(name, frame, tuple(parts), broken)


def _read_file(path: Path) -> _Rows:
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(
            f"unknown kind of file {path.suffix!r}", where=str(path), hint=f"use one of {_KINDS}"
        )
    with _readable(path):
        frame, broken = reader(path)
    if frame.height == 0:
        raise _no_rows(path)
    return frame, broken


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what goes wrong with a file into an error that names it."""
    import polars as pl

    try:
        if path.stat().st_size == 0:
            raise DataError("the file is empty", where=str(path), hint="write its rows first")
        yield
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError, csv.Error) as problem:
        raise DataError(
            f"the file cannot be read: {_first_line(problem)}",
            where=str(path),
            hint=f"check that it is a whole {path.suffix} file",
        ) from None


def _no_rows(path: Path) -> DataError:
    return DataError(
        "the file has columns but no rows", where=str(path), hint="write its rows first"
    )


def _read_parquet(path: Path) -> _Rows:
    import polars as pl

    return pl.read_parquet(path, hive_partitioning=False), {}


def _read_csv(path: Path) -> _Rows:
    import polars as pl

    with path.open(encoding="utf-8-sig", newline="") as lines:
        header = next(csv.reader(lines), [])
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(
            f"columns appear twice: {', '.join(twice)}", where=str(path), hint="rename one of them"
        )
    try:
        return pl.read_csv(path, infer_schema=False, raise_if_empty=False), {}
    except pl.exceptions.ComputeError:
        # A line with more values than columns: only the slow reader can set it apart.
        return _read_ragged_csv(path)


def _read_ragged_csv(path: Path) -> _Rows:
    import polars as pl

    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.reader(lines)
        header = next(reader)
        rows: list[list[str | None]] = []
        broken: dict[int, str] = {}
        for values in reader:
            if not values:
                continue
            if len(values) > len(header):
                broken[len(rows)] = _as_csv(values)
                rows.append([None] * len(header))
            else:
                rows.append([*(value or None for value in values), *_gap(header, values)])
    return pl.DataFrame(rows, schema=dict.fromkeys(header, pl.String), orient="row"), broken


def _gap(header: list[str], values: list[str]) -> list[None]:
    return [None] * (len(header) - len(values))


def _as_csv(values: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(values)
    return text.getvalue()


def _read_json_lines(path: Path) -> _Rows:
    import polars as pl

    columns: dict[str, list[Any]] = {}
    broken: dict[int, str] = {}
    size = 0
    with path.open(encoding="utf-8-sig") as lines:
        for line in lines:
            if line.isspace():
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                record = None
            if isinstance(record, dict):
                for key, value in record.items():
                    values = columns.get(key)
                    if values is None:
                        columns[key] = values = []
                    if len(values) < size:
                        values.extend([None] * (size - len(values)))
                    values.append(value)
            else:
                broken[size] = line.rstrip("\r\n")
            size += 1
    for values in columns.values():
        values.extend([None] * (size - len(values)))
    if not columns:
        raise DataError("no line is a JSON object", where=str(path), hint="write one per line")
    return pl.DataFrame([_series(name, values) for name, values in columns.items()]), broken


def _series(name: str, values: list[Any]) -> pl.Series:
    """Column of its values' own type; a mixed one as text, so that no value is lost."""
    import polars as pl

    kinds = {type(value) for value in values} - {type(None)}
    if kinds == {int, float}:
        kinds = {float}
        values = [value if value is None else _float(value) for value in values]
    plain: Mapping[type, Any] = {bool: pl.Boolean, float: pl.Float64, str: pl.String}
    if kinds == {int} and all(value is None or -(2**63) <= value < 2**63 for value in values):
        return pl.Series(name, values, pl.Int64)
    if len(kinds) <= 1 and kinds <= plain.keys():
        return pl.Series(name, values, plain[kinds.pop()] if kinds else pl.Null)
    texts = [
        value if value is None or isinstance(value, str) else json.dumps(value) for value in values
    ]
    return pl.Series(name, texts, pl.String)


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def _first_line(problem: BaseException) -> str:
    return str(problem).strip().splitlines()[0] if str(problem).strip() else repr(problem)


READERS: Mapping[str, Callable[[Path], _Rows]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
}
"""How a file is read, by its suffix."""

_KINDS = ", ".join(READERS)
