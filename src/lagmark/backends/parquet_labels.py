"""Label messages in numbered Parquet segments: ``root/part-000000.parquet``, ``...001``, ..."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lagmark.atomic import replacing
from lagmark.backends.parquet_file import read_parquet, system_reason
from lagmark.errors import DataError, StateError
from lagmark.labels.messages import IDENTITY, check_messages, no_messages

if TYPE_CHECKING:
    import polars as pl

__all__ = ["ParquetLabels"]

_SEGMENT = re.compile(r"part-(\d{6,})\.parquet")


@dataclass(frozen=True, slots=True)
class ParquetLabels:
    """Label store of Parquet segments, see :class:`lagmark.ports.label_store.LabelStore`.

    A segment is written aside and linked to the next free number, which the file system grants
    to one writer only; whoever comes second looks at the new segment and tries again.

    Parameters
    ----------
    root
        Folder of the segments, created by the first message.
    integer_ids
        Type of the ids of a store that holds nothing yet: Int64 or String.
    """

    root: Path
    integer_ids: bool = False

    def append(self, frame: pl.DataFrame) -> int:
        """Store messages; how many of them are new, the others stood there already.

        Raises
        ------
        DataError
            If the frame is not of messages, or its ids are of another type than the store's.
        StateError
            If the store cannot be read or written.
        """
        fresh = check_messages(frame, where=f"labels for {self.root}").unique(
            IDENTITY, keep="first", maintain_order=True
        )
        seen = 0
        while True:
            segments = self.segments()
            if segments[seen:] and fresh.height:
                fresh = self._without(fresh, segments[seen:])
            seen = len(segments)
            if fresh.height == 0:
                return 0
            if self._claim(fresh, self.root / f"part-{seen:06d}.parquet"):
                return fresh.height

    def read(self, as_of: int | None = None) -> pl.DataFrame:
        """Messages with ``known_at <= as_of`` (microseconds UTC), all when ``None``.

        Raises
        ------
        StateError
            If a part cannot be read.
        """
        import polars as pl

        segments = self.segments()
        if not segments:
            return no_messages(integer_ids=self.integer_ids)
        parts = [_load(path) for path in segments]
        for path, part in zip(segments, parts, strict=True):
            if part.schema != parts[0].schema:
                raise StateError(
                    f"its ids are {part.schema['event_id']}, those of {segments[0].name} "
                    f"{parts[0].schema['event_id']}",
                    where=str(path),
                    hint="keep labels of different domains in different stores",
                )
        frame = pl.concat(parts)
        if as_of is not None:
            frame = frame.filter(pl.col("known_at") <= as_of)
        # A store filled by other hands may repeat itself; a message still counts once.
        return frame.unique(IDENTITY, keep="first", maintain_order=True)

    def segments(self) -> tuple[Path, ...]:
        """Files of the store, in the order of their messages.

        Raises
        ------
        StateError
            If a number is missing: a segment was taken away.
        """
        if not self.root.is_dir():
            return ()
        found = {
            int(match[1]): path
            for path in self.root.iterdir()
            if (match := _SEGMENT.fullmatch(path.name))
        }
        for number in range(len(found)):
            if number not in found:
                raise StateError(
                    f"segment part-{number:06d}.parquet is missing",
                    where=str(self.root),
                    hint="bring it back: labels in it would be lost without a word",
                )
        return tuple(found[number] for number in range(len(found)))

    def _without(self, fresh: pl.DataFrame, segments: tuple[Path, ...]) -> pl.DataFrame:
        """Messages that the segments do not hold."""
        import polars as pl

        ours, theirs = (frame.schema["event_id"] for frame in (fresh, _load(segments[0])))
        if ours != theirs:
            raise DataError(
                f"ids are {ours}, those of the store {theirs}",
                where=str(self.root),
                hint="keep labels of different domains in different stores",
            )
        first, last = fresh["known_at"].min(), fresh["known_at"].max()
        try:
            # Only the stretch of time in question: old segments cost a look at their footers.
            held = (
                pl.scan_parquet(list(segments), hive_partitioning=False)
                .filter(pl.col("known_at").is_between(first, last))
                .select(IDENTITY)
                .collect()
            )
        except (pl.exceptions.PolarsError, OSError):
            # Read one by one, the broken segment gets its name into the error.
            held = self.read()
        return fresh.join(held, on=IDENTITY, how="anti", maintain_order="left")

    def _claim(self, fresh: pl.DataFrame, target: Path) -> bool:
        """Write a segment under a number that is still free; whether it was."""
        import polars as pl

        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".draft-", dir=self.root) as aside:
                source = Path(aside) / target.name
                with replacing(source) as draft:
                    fresh.write_parquet(draft)
                try:
                    os.link(source, target)
                except FileExistsError:
                    return False
            handle = os.open(self.root, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        except (pl.exceptions.PolarsError, OSError) as problem:
            raise StateError(
                f"the segment cannot be written: {system_reason(problem)}",
                where=str(target),
                hint="make room on a file system with hard links and append again",
            ) from None
        return True


def _load(path: Path) -> pl.DataFrame:
    hint = "restore it from a copy: labels in it would be lost without a word"
    frame = read_parquet(path, what="the segment", hint=hint)
    try:
        return check_messages(frame, where=str(path))
    except DataError as problem:
        raise StateError(problem.what, where=str(path), hint=problem.hint) from None
