"""Events read a stretch at a time are the events read whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lagmark.errors import DataError
from lagmark.schema.time import parse_instant, to_micros
from lagmark.sources import files
from lagmark.sources.events import read_event_columns, read_events
from lagmark.sources.files import read_slices, read_table

from .shop import SHOP, rows

FIELDS = [field.name for field in SHOP.fields]
BAD = [{}, {"total": "13"}, {"total": "-1"}, {"placed": "soon"}, {"account": None}]


def outcome(read: Callable[[], pl.DataFrame]) -> Any:
    try:
        return read()
    except DataError as problem:
        return problem.what


@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.integers(0, 5), st.sampled_from(BAD)),
        min_size=1,
        max_size=30,
    ),
    st.integers(1, 4),
    st.sampled_from([".csv", ".parquet"]),
    st.sampled_from([None, "2024-03-02T00:00:02"]),
)
def test_the_same_events_as_read_whole(
    tmp_path_factory: pytest.TempPathFactory,
    made: list[tuple[int, int, dict[str, str]]],
    parts: int,
    suffix: str,
    until: str | None,
) -> None:
    # Ids repeat within and across files, arrivals are out of order, some rows are bad.
    changes = [{"order": f"A-{n}", "seen": f"2024-03-02T00:00:0{k}Z"} | bad for n, k, bad in made]
    frame = pl.DataFrame(rows(*changes), infer_schema_length=None)
    folder = tmp_path_factory.mktemp("events")
    for number, part in enumerate(np.array_split(np.arange(frame.height), parts)):
        path = folder / f"{number}{suffix}"
        if len(part) and suffix == ".csv":
            frame[part].write_csv(path)
        elif len(part):
            frame[part].write_parquet(path)
    as_of = None if until is None else to_micros(parse_instant(until))
    whole = outcome(lambda: read_events(folder, SHOP, as_of=as_of).batch.events)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_SLICE", 3)
        found = outcome(lambda: read_event_columns(folder, SHOP, FIELDS, as_of=as_of))
        some = outcome(lambda: read_event_columns(folder, SHOP, ["amount"], as_of=as_of))
    if isinstance(whole, str):
        assert found == some == whole
    else:
        assert whole.equals(found)
        assert whole.select("event_id", "event_time", "ingest_time", "amount").equals(some)


def test_rows_without_an_id_are_numbered_through(tmp_path: Path) -> None:
    domain = replace(SHOP, event_id=None, integer_id=True)
    for number in range(3):
        pl.DataFrame(rows({}, {"total": "13"}, {})).write_parquet(tmp_path / f"{number}.parquet")
    found = read_event_columns(tmp_path, domain, [])
    assert found.equals(read_events(tmp_path, domain).batch.events.select(found.columns))
    assert found["event_id"].sort().to_list() == [0, 2, 3, 5, 6, 8]


def test_a_parquet_file_is_read_in_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_SLICE", 10)
    frame = pl.DataFrame({"a": range(25)})
    frame.write_parquet(tmp_path / "f.parquet", row_group_size=4)
    parts = [table.frame for table in read_slices(tmp_path / "f.parquet")]
    assert [part.height for part in parts] == [10, 10, 5]
    assert pl.concat(parts).equals(frame)
    frame.write_csv(tmp_path / "f.csv")
    (whole,) = read_slices(tmp_path / "f.csv")
    assert whole.frame.equals(read_table(tmp_path / "f.csv").frame)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    def refused(words: str) -> None:
        with pytest.raises(DataError, match=words) as caught:
            read_event_columns(tmp_path, SHOP, [])
        assert "2.parquet" in str(caught.value.where)

    good = pl.DataFrame(rows({}))
    good.write_parquet(tmp_path / "1.parquet")
    good.with_columns(more=1).write_parquet(tmp_path / "2.parquet")
    refused("columns differ from those of 1.parquet: more")
    good.clear().write_parquet(tmp_path / "2.parquet")
    refused("columns but no rows")
    half = (tmp_path / "1.parquet").read_bytes()[:200]
    (tmp_path / "2.parquet").write_bytes(half)
    refused("cannot be read")
    (tmp_path / "2.parquet").write_bytes(b"")
    refused("is empty")
