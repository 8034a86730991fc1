"""Files and folders as raw rows, and the errors of those that are none."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from lagmark.errors import DataError
from lagmark.sources.files import read_table

FRAME = pl.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z"]})


def test_every_format_gives_the_same_rows(tmp_path: Path) -> None:
    FRAME.write_csv(tmp_path / "f.csv")
    FRAME.write_parquet(tmp_path / "f.parquet")
    FRAME.write_ndjson(tmp_path / "f.jsonl")
    FRAME.write_ndjson(tmp_path / "f.NDJSON")
    text = FRAME.cast(pl.String)
    assert read_table(tmp_path / "f.csv").frame.equals(text)
    for name in ("f.parquet", "f.jsonl", "f.NDJSON"):
        assert read_table(tmp_path / name).frame.equals(FRAME)


def test_folder_is_read_by_name_and_knows_where_rows_came_from(tmp_path: Path) -> None:
    FRAME[2:].write_parquet(tmp_path / "day-2.parquet")
    FRAME[:2].write_parquet(tmp_path / "day-1.parquet")
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / ".draft.csv").write_text("half")
    table = read_table(tmp_path)
    assert table.frame.equals(FRAME)
    assert table.place(1) == ("day-1.parquet", 1)
    assert table.place(2) == ("day-2.parquet", 0)


def test_ragged_csv_line_is_set_apart(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text('a,b\n1,x\n2,y,extra,"q,r"\n3\n')
    table = read_table(tmp_path / "f.csv")
    assert table.frame.rows() == [("1", "x"), (None, None), ("3", None)]
    assert table.broken == {1: '2,y,extra,"q,r"'}


def test_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_bytes(b"\xef\xbb\xbfa,b\r\n1,x\r\n")
    assert read_table(tmp_path / "f.csv").frame.rows(named=True) == [{"a": "1", "b": "x"}]


def test_json_lines_of_mixed_types_and_broken_lines_lose_nothing(tmp_path: Path) -> None:
    lines = ['{"a": 1, "b": 2}', "{oops", "", '{"a": "x", "c": NaN}', "[1]", '{"b": 2.5}']
    (tmp_path / "f.jsonl").write_text("\n".join(lines))
    table = read_table(tmp_path / "f.jsonl")
    assert table.frame["a"].to_list() == ["1", None, "x", None, None]
    assert table.frame["b"].to_list() == [2.0, None, None, None, 2.5]
    assert json.dumps(table.frame["c"][2]) == "NaN"
    assert table.broken == {1: "{oops", 3: "[1]"}


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("f.csv", b"", "empty"),
        ("f.csv", b"a,b\n", "no rows"),
        ("f.csv", b"a,a\n1,2\n", "twice"),
        ("f.csv", b"a,b\n\xff\xfe\x00,2\n", "cannot be read"),
        ("f.parquet", b"PAR1 but not really", "cannot be read"),
        ("f.jsonl", b"nonsense\n", "no line is a JSON object"),
        ("f.xlsx", b"x", "unknown kind"),
    ],
)
def test_unusable_file(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=says) as caught:
        read_table(path)
    assert caught.value.where == str(path)
    assert caught.value.hint


def test_missing_path_and_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(DataError, match="holds no files"):
        read_table(tmp_path)


def test_folder_of_different_columns_or_types(tmp_path: Path) -> None:
    FRAME.write_parquet(tmp_path / "1.parquet")
    FRAME.rename({"b": "c"}).write_parquet(tmp_path / "2.parquet")
    with pytest.raises(DataError, match=r"columns differ from those of 1\.parquet: b, c"):
        read_table(tmp_path)
    FRAME.with_columns(a=pl.Series([[1], [2], [3]])).write_parquet(tmp_path / "2.parquet")
    with pytest.raises(DataError, match="types do not go together"):
        read_table(tmp_path)
    FRAME.cast({"a": pl.Int32}).write_parquet(tmp_path / "2.parquet")
    assert read_table(tmp_path).frame["a"].to_list() == [1, 2, 3, 1, 2, 3]
