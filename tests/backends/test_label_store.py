"""What every label store promises; a new backend adds one constructor to ``STORES``."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lagmark.backends.parquet_labels import ParquetLabels
from lagmark.errors import DataError, StateError
from lagmark.labels import COLUMNS, IDENTITY, latest_word, no_messages
from lagmark.ports.label_store import LabelStore

Open = Callable[[Path], LabelStore]
STORES: dict[str, Open] = {
    "parquet": lambda folder: ParquetLabels(folder / "labels", integer_ids=True)
}


@pytest.fixture(params=STORES)
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], LabelStore]:
    """Opens the same store anew, as another process would."""
    return lambda: STORES[request.param](tmp_path)


def message(event_id: Any, known_at: int, fraud: bool = True, **changes: Any) -> dict[str, Any]:
    row = {"event_id": event_id, "known_at": known_at, "said_at": known_at, "fraud": fraud}
    return row | {"source": "analyst", "confidence": 1.0, "reversal": False} | changes


def frame(*rows: dict[str, Any], integer_ids: bool = True) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=no_messages(integer_ids=integer_ids).schema)


ROWS = frame(message(1, 10), message(2, 20, False), message(1, 30, False, reversal=True))


def test_a_new_store_is_an_empty_frame(reopen: Callable[[], LabelStore]) -> None:
    assert reopen().read().equals(no_messages(integer_ids=True))
    assert reopen().append(no_messages(integer_ids=True)) == 0
    assert reopen().read(5).height == 0


def test_messages_come_out_in_the_order_they_came(reopen: Callable[[], LabelStore]) -> None:
    late, early = frame(message(5, 90)), frame(message(4, 3))
    assert [reopen().append(part) for part in (ROWS, late, early)] == [3, 1, 1]
    assert reopen().read().equals(pl.concat([ROWS, late, early]))


def test_columns_may_come_in_any_order(reopen: Callable[[], LabelStore]) -> None:
    assert reopen().append(ROWS.select(reversed(COLUMNS))) == 3
    assert reopen().read().equals(ROWS)


def test_only_what_was_known_is_read(reopen: Callable[[], LabelStore]) -> None:
    reopen().append(ROWS)
    assert reopen().read(9).height == 0
    assert reopen().read(20).equals(ROWS.head(2))
    assert reopen().read(9).schema == ROWS.schema


def test_a_message_that_comes_again_is_taken_once(reopen: Callable[[], LabelStore]) -> None:
    assert reopen().append(pl.concat([ROWS, ROWS])) == 3
    assert reopen().append(ROWS) == 0
    again = ROWS.with_columns(confidence=0.5, said_at=pl.lit(1, pl.Int64))
    assert reopen().append(pl.concat([again, frame(message(9, 9))])) == 1
    assert reopen().read().equals(pl.concat([ROWS, frame(message(9, 9))]))


@pytest.mark.parametrize(
    "change", [{"event_id": 3}, {"known_at": 11}, {"source": "b"}, {"fraud": False}]
)
def test_a_message_that_differs_is_another(
    reopen: Callable[[], LabelStore], change: dict[str, Any]
) -> None:
    reopen().append(frame(message(1, 10)))
    assert reopen().append(frame(message(1, 10) | change)) == 1


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"confidence": float("nan")}, "confidence"),
        ({"confidence": 1.5}, "confidence"),
        ({"said_at": 11}, "before it was said"),
        ({"source": None}, "absent"),
    ],
)
def test_a_frame_with_a_bad_row_is_refused_whole(
    reopen: Callable[[], LabelStore], change: dict[str, Any], problem: str
) -> None:
    with pytest.raises(DataError, match=problem):
        reopen().append(frame(message(2, 10), message(1, 10) | change))
    assert reopen().read().height == 0


@pytest.mark.parametrize(
    "bad",
    [
        ROWS.drop("source"),
        ROWS.with_columns(note=pl.lit("x")),
        ROWS.with_columns(pl.col("known_at").cast(pl.Float64)),
        ROWS.with_columns(pl.col("event_id").cast(pl.Float64)),
    ],
)
def test_a_frame_of_something_else_is_refused(
    reopen: Callable[[], LabelStore], bad: pl.DataFrame
) -> None:
    with pytest.raises(DataError):
        reopen().append(bad)


def test_ids_keep_their_type(reopen: Callable[[], LabelStore]) -> None:
    text = frame(message("a", 1), integer_ids=False)
    assert reopen().append(text) == 1
    assert reopen().read().equals(text)
    with pytest.raises(DataError, match="ids are Int64"):
        reopen().append(ROWS)


def test_writers_at_once_lose_nothing_and_repeat_nothing(
    reopen: Callable[[], LabelStore],
) -> None:
    parts = [frame(*(message(n, 100 * k + n) for n in range(5))) for k in range(12)]
    with ThreadPoolExecutor(8) as pool:
        stored = list(pool.map(lambda part: reopen().append(part), parts + parts))
    assert sum(stored) == 60
    found = reopen().read()
    assert found.height == 60
    assert found.unique(IDENTITY).height == 60


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.booleans()), max_size=4),
        max_size=5,
    ),
    st.integers(-1, 6),
)
def test_the_latest_word_as_plain_python_says(
    tmp_path_factory: pytest.TempPathFactory,
    appends: list[list[tuple[int, int, bool]]],
    as_of: int,
) -> None:
    for name, make in STORES.items():
        store = make(tmp_path_factory.mktemp(name))
        said: list[tuple[int, int, bool]] = []
        for rows in appends:
            said += [row for n, row in enumerate(rows) if row not in said + rows[:n]]
            store.append(frame(*(message(*row) for row in rows)))
        word: dict[int, tuple[int, bool]] = {}
        for event, known, fraud in said:
            if known <= as_of and (event not in word or known >= word[event][0]):
                word[event] = (known, fraud)
        latest = latest_word(store.read(as_of), as_of)
        found = latest.select("event_id", "known_at", "fraud").rows()
        assert {row[0]: row[1:] for row in found} == word
        assert latest_word(store.read(), as_of).equals(latest)


def test_two_processes_share_a_folder(tmp_path: Path) -> None:
    program = (
        "import sys, polars as pl\nfrom pathlib import Path\n"
        "from lagmark.backends.parquet_labels import ParquetLabels\n"
        "rows = pl.read_parquet(sys.argv[2])\n"
        "store = ParquetLabels(Path(sys.argv[1]))\n"
        "print(sum(store.append(rows[n : n + 2]) for n in range(0, rows.height, 2)))\n"
    )
    folder = tmp_path / "labels"
    commands = []
    for who in range(2):
        mine = frame(*(message(n + 100 * who, n) for n in range(20)))
        shared = frame(*(message(n, 7) for n in range(500, 520)))
        pl.concat([shared, mine]).write_parquet(tmp_path / f"{who}.parquet")
        commands.append([sys.executable, "-c", program, str(folder), f"{tmp_path}/{who}.parquet"])
    running = [subprocess.Popen(line, stdout=subprocess.PIPE, text=True) for line in commands]
    stored = [int(one.communicate(timeout=60)[0]) for one in running]
    assert sum(stored) == 60
    assert ParquetLabels(folder).read().height == 60


def test_a_broken_segment_is_an_error(tmp_path: Path) -> None:
    store = ParquetLabels(tmp_path)
    store.append(ROWS)
    store.append(frame(message(8, 8)))
    second = tmp_path / "part-000001.parquet"
    second.write_bytes(second.read_bytes()[:50])
    for act in (store.read, lambda: store.append(frame(message(9, 8)))):
        with pytest.raises(StateError, match="part-000001"):
            act()


def test_a_segment_of_something_else_is_an_error(tmp_path: Path) -> None:
    ROWS.drop("reversal").write_parquet(tmp_path / "part-000000.parquet")
    with pytest.raises(StateError, match="missing reversal"):
        ParquetLabels(tmp_path).read()


def test_segments_of_two_id_types_are_an_error(tmp_path: Path) -> None:
    ROWS.write_parquet(tmp_path / "part-000000.parquet")
    frame(message("a", 1), integer_ids=False).write_parquet(tmp_path / "part-000001.parquet")
    with pytest.raises(StateError, match="ids are String"):
        ParquetLabels(tmp_path).read()


def test_a_segment_that_was_taken_away_is_an_error(tmp_path: Path) -> None:
    store = ParquetLabels(tmp_path)
    for known in range(3):
        store.append(frame(message(1, known)))
    (tmp_path / "part-000001.parquet").unlink()
    with pytest.raises(StateError, match=r"part-000001\.parquet is missing"):
        store.read()


def test_what_a_killed_writer_left_is_no_segment(tmp_path: Path) -> None:
    store = ParquetLabels(tmp_path)
    store.append(ROWS)
    aside = tmp_path / ".draft-x"
    aside.mkdir()
    (aside / "part-000001.parquet").write_bytes(b"half")
    assert store.read().equals(ROWS)
    assert store.append(frame(message(3, 1))) == 1
    assert [path.name for path in store.segments()] == [
        "part-000000.parquet",
        "part-000001.parquet",
    ]


def test_repeats_written_by_other_hands_are_read_once(tmp_path: Path) -> None:
    for number in range(2):
        ROWS.write_parquet(tmp_path / f"part-{number:06d}.parquet")
    assert ParquetLabels(tmp_path).read().equals(ROWS)
