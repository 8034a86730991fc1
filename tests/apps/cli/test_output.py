"""What people and programs are shown."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from lagmark.apps.cli.output import Output, plain
from lagmark.errors import DataError


def test_plain_values_are_what_json_has() -> None:
    given = {
        "nan": math.nan,
        "infinite": np.float64("-inf"),
        "whole": np.int64(3),
        "flag": np.bool_(True),
        "array": np.array([1.5, math.nan]),
        "path": Path("a/b"),
        "day": date(2018, 4, 1),
        "instant": datetime(2018, 4, 1, tzinfo=UTC),
        "nested": [(1, {"deep": math.inf})],
        3: None,
    }
    assert json.loads(json.dumps(plain(given), allow_nan=False)) == {
        "nan": None,
        "infinite": None,
        "whole": 3,
        "flag": True,
        "array": [1.5, None],
        "path": "a/b",
        "day": "2018-04-01",
        "instant": "2018-04-01T00:00:00+00:00",
        "nested": [[1, {"deep": None}]],
        "3": None,
    }


def test_only_the_result_is_printed_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(json=True)
    output.line("a line")
    output.note("a note")
    output.table(("a",), [(1,)])
    with output.progress("working") as advance:
        advance(1, 2)
    output.result({"a": 1}, lambda: pytest.fail("text for people in JSON"))
    out, err = capsys.readouterr()
    assert (json.loads(out), err) == ({"a": 1}, "")


def test_text_without_a_terminal_has_no_bar_and_no_padding(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = Output()
    with output.progress("working") as advance:
        advance(1, 2)
    output.table(("name", "count", "share"), [("a", 1_234_567, 0.25), ("[b]", None, math.nan)])
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert [line for line in lines if line != line.rstrip()] == []
    assert "1,234,567" in lines[2]
    assert lines[3].split() == ["[b]", "–", "–"]


def test_an_error_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Output().error(DataError("two\nlines", where="file.csv", hint="mend it"))
    assert capsys.readouterr().err == "error: two lines (file.csv); mend it\n"
