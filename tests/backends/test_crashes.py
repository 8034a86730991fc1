"""Stores whose writer is killed at any moment, or whose disk is full."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lagmark.backends.daily_parquet import DailyParquet
from lagmark.backends.parquet_labels import ParquetLabels
from lagmark.errors import StateError
from lagmark.labels import COLUMNS
from lagmark.schema.events import EventBatch
from lagmark.schema.time import DAY

DAYS, PER_DAY = 6, 2_000
FIRST = date(2024, 3, 1)
START = (FIRST - date(1970, 1, 1)).days * DAY
ROUNDS = pytest.mark.parametrize(
    "rounds", [pytest.param(2, id="few"), pytest.param(25, id="many", marks=pytest.mark.slow)]
)


def version(number: int, heavy: int | None = None) -> EventBatch:
    """Six days of events whose amounts tell the version; day ``heavy`` compresses badly."""
    row = np.arange(DAYS * PER_DAY, dtype=np.int64)
    noise = np.random.default_rng(number).integers(0, 2**62, len(row))
    events = pl.DataFrame(
        {
            "event_id": row,
            "event_time": START + row * (DAY // PER_DAY),
            "ingest_time": START + row * (DAY // PER_DAY),
            "amount": np.full(len(row), number, dtype=np.int64),
            "noise": np.where(row // PER_DAY == heavy, noise, 0),
        }
    )
    said = row[::10]
    labels = pl.DataFrame(
        {
            "row": said,
            "known_at": START + 30 * DAY + said + number,
            "fraud": said % 20 == 0,
            "source": ["analyst"] * len(said),
        }
    )
    return EventBatch(events, labels)


def messages(number: int) -> pl.DataFrame:
    """Messages of one append."""
    row = np.arange(3_000, dtype=np.int64)
    return pl.DataFrame(
        {
            "event_id": row + 10_000 * number,
            "known_at": START + row,
            "said_at": START + row,
            "fraud": row % 3 == 0,
            "source": ["customer"] * len(row),
            "confidence": np.ones(len(row)),
            "reversal": row < 0,
        }
    ).select(COLUMNS)


def say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def keep_writing(folder: Path) -> None:
    """Write one version after the other, and say when it is done."""
    store = DailyParquet(folder)
    for number in range(1, 10_000):
        store.write(version(number))
        say(number)


def keep_ingesting(folder: Path) -> None:
    """The same, day by day."""
    store = DailyParquet(folder)
    for number in range(1, 10_000):
        batch = version(number)
        for day in range(DAYS):
            store.ingest_day(batch, FIRST + timedelta(days=day))
        say(number)


def keep_appending(folder: Path) -> None:
    """Append messages again and again, and say when it is done."""
    store = ParquetLabels(folder, integer_ids=True)
    for number in range(10_000):
        store.append(messages(number))
        say(number)


def killed(work: Callable[[Path], None], folder: Path, after: float) -> int:
    """Do some work in another process, killed ``after`` seconds after its first word.

    Returns
    -------
    int
        The last number it said was done.
    """
    here = Path(__file__)
    program = (
        f"import sys, pathlib; sys.path.insert(0, {str(here.parent)!r}); "
        f"from {here.stem} import {work.__name__} as work; work(pathlib.Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", program, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        said = writer.stdout.readline()
        assert said, "the writer wrote nothing"
        time.sleep(after)  # the moment of death, not a wait for anything
        assert writer.poll() is None, "it ended before it could be killed"
        writer.kill()
        return int([said, *writer.stdout][-1])


@ROUNDS
@pytest.mark.parametrize("work", [keep_writing, keep_ingesting])
def test_a_killed_write_leaves_whole_days_old_and_new(
    tmp_path: Path, work: Callable[[Path], None], rounds: int
) -> None:
    rng = np.random.default_rng(rounds)
    for attempt in range(rounds):
        folder = tmp_path / str(attempt)
        done = killed(work, folder, rng.uniform(0, 0.2))
        store = DailyParquet(folder)
        assert store.days() == tuple(FIRST + timedelta(days=n) for n in range(DAYS))
        found = []
        for day in store.days():
            part = store.read(day, day)
            number = int(part.events["amount"][0])
            found.append(number)
            expected = version(number)
            rows = pl.col("event_time").is_between(
                START + (day - FIRST).days * DAY, START + ((day - FIRST).days + 1) * DAY, "left"
            )
            assert part.events.equals(expected.events.filter(rows))
            assert part.labels.height == PER_DAY // 10
            assert (part.labels["known_at"] - part.labels["row"]).unique().to_list() == [
                START + 30 * DAY + (day - FIRST).days * PER_DAY + number
            ]
        assert found == sorted(found, reverse=True), "days are replaced in their order"
        assert found[-1] >= done, "what was acknowledged is there"
        assert found[0] <= done + 1
        store.write(version(0))
        again = store.read()
        assert again.events.equals(version(0).events)
        assert again.labels.equals(version(0).labels)


@ROUNDS
def test_a_killed_append_is_whole_or_not_there(tmp_path: Path, rounds: int) -> None:
    rng = np.random.default_rng(rounds)
    for attempt in range(rounds):
        folder = tmp_path / str(attempt)
        done = killed(keep_appending, folder, rng.uniform(0, 0.2))
        store = ParquetLabels(folder, integer_ids=True)
        stored = len(store.segments())
        assert done + 1 <= stored <= done + 2
        assert store.read().equals(pl.concat([messages(n) for n in range(stored)]))
        # Brought again from the start, nothing comes twice and the rest is taken.
        new = [store.append(messages(n)) for n in range(stored + 2)]
        assert new == [0] * stored + [3_000] * 2
        assert store.read().equals(pl.concat([messages(n) for n in range(stored + 2)]))


@contextmanager
def no_room_for(size: int) -> Iterator[None]:
    """Let writes beyond ``size`` bytes of a file fail, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_day_that_finds_no_room_stays_as_it_was(tmp_path: Path) -> None:
    store = DailyParquet(tmp_path)
    store.write(version(1))
    heavy = version(2, heavy=3)
    day = FIRST + timedelta(days=3)
    with no_room_for(35_000), pytest.raises(StateError, match="file too large") as caught:
        store.write(heavy)
    assert caught.value.where == str(tmp_path / f"day={day}" / "part-0.parquet")
    assert "write again" in caught.value.hint
    assert store.read().events["amount"].to_list() == [2] * 3 * PER_DAY + [1] * 3 * PER_DAY
    assert not list(tmp_path.rglob("*.tmp"))
    with no_room_for(35_000), pytest.raises(StateError, match="cannot be written"):
        store.ingest_day(heavy, day)
    assert store.read(day, day).events["amount"].unique().to_list() == [1]
    store.write(heavy)
    assert store.read().events.equals(heavy.events)


def test_labels_that_find_no_room_are_refused_whole(tmp_path: Path) -> None:
    store = ParquetLabels(tmp_path, integer_ids=True)
    store.append(messages(0))
    for _ in range(2):
        with no_room_for(2_000), pytest.raises(StateError, match="file too large") as caught:
            store.append(messages(1))
        assert caught.value.where == str(tmp_path / "part-000001.parquet")
        assert [path.name for path in tmp_path.iterdir()] == ["part-000000.parquet"]
        assert store.read().equals(messages(0))
    assert store.append(messages(1)) == 3_000
    assert store.read().equals(pl.concat([messages(0), messages(1)]))


def test_a_file_in_the_place_of_a_store_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("no folder")
    with pytest.raises(StateError, match="cannot be written: file exists"):
        ParquetLabels(tmp_path / "store").append(messages(0))
    with pytest.raises(StateError, match="cannot be written"):
        DailyParquet(tmp_path / "store").write(version(0))
