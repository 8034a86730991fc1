"""Rows as events: each bad one has its reason, and none is lost."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lagmark.domains.domain import Domain, LabelColumn, TimeColumn
from lagmark.errors import DataError, DefinitionError
from lagmark.schema.time import DAY, HOUR, parse_instant, to_micros
from lagmark.sources.events import ReadResult, read_events

from .shop import ROW, SHOP, rows


def read(
    tmp_path: Path, records: list[dict[str, Any]], domain: Domain = SHOP, **more: Any
) -> ReadResult:
    path = tmp_path / "events.csv"
    pl.DataFrame(records, infer_schema_length=None).write_csv(path)
    return read_events(path, domain, **more)


def micros(text: str) -> int:
    return to_micros(parse_instant(text))


def test_canonical_values(tmp_path: Path) -> None:
    result = read(tmp_path, rows({}))
    assert result.batch.events.schema == {
        "event_id": pl.String,
        "event_time": pl.Int64,
        "ingest_time": pl.Int64,
        "account": pl.Int64,
        "device": pl.String,
        "channel": pl.String,
        "amount": pl.Int64,
        "weight": pl.Int64,
        "gift": pl.Boolean,
    }
    assert result.batch.events.rows() == [
        (
            "A-0",
            micros("2024-03-01T09:00:00"),
            micros("2024-03-02"),
            7,
            "d-1",
            "web",
            1200,
            500,
            False,
        )
    ]
    assert result.batch.labels.rows() == [(0, micros("2024-03-09"), True, "dataset")]
    assert result.report.ok


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"order": None}, "event_id: required but absent"),
        ({"placed": "yesterday"}, "event_time: not an instant"),
        ({"placed": "2024-02-30 10:00:00"}, "event_time: not an instant"),
        ({"placed": None}, "event_time: required but absent"),
        ({"placed": "1823-01-01"}, "event_time: out of range"),
        ({"placed": "2024-03-31 02:30:00"}, "event_time: a local time that the clocks skipped"),
        (
            {"placed": "2024-10-27 02:30:00"},
            "event_time: a local time that the clocks passed twice",
        ),
        ({"seen": "soon"}, "ingest_time: not an instant"),
        ({"account": "7.5"}, "account: not a whole number of 64 bits"),
        ({"account": "99999999999999999999"}, "account: not a whole number of 64 bits"),
        ({"account": "  "}, "account: required but absent"),
        ({"channel": "fax"}, "channel: not in the vocabulary (web, app)"),
        ({"total": "ten"}, "amount: not a number"),
        ({"total": "inf"}, "amount: not a finite number"),
        ({"total": "NaN"}, "amount: not a finite number"),
        ({"total": "1e999"}, "amount: not a finite number"),
        ({"total": None}, "amount: required but absent"),
        ({"total": "-0.001"}, "amount: out of range (at least 0 and at most 10000)"),
        ({"total": "10000.01"}, "amount: out of range (at least 0 and at most 10000)"),
        ({"weight": "1099511628"}, "weight: larger than exact arithmetic allows"),
        ({"weight": "1e300"}, "weight: larger than exact arithmetic allows"),
        ({"gift": "maybe"}, "gift: neither true nor false"),
        ({"fraud": "2"}, "label: neither true nor false"),
        ({"fraud_at": None}, "known_at: required but absent"),
        ({"fraud_at": "2024-02-28"}, "known_at: label known before its event"),
        ({"total": "13"}, "check no_thirteen"),
    ],
)
def test_bad_row_is_a_dead_letter(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    result = read(tmp_path, rows({}, change, {}), dead_letters=tmp_path / "dead.jsonl")
    assert result.batch.events["event_id"].to_list() == ["A-0", "A-2"]
    assert result.report.reasons == {reason: 1}
    (letter,) = map(json.loads, (tmp_path / "dead.jsonl").read_text().splitlines())
    assert letter["row"] == 1
    assert letter["reasons"] == [reason]
    kept = letter["values"] | change
    assert letter["values"] == kept


def test_letter_has_every_reason_and_the_report_counts_each(tmp_path: Path) -> None:
    bad = {"total": "x", "channel": "fax", "account": "", "fraud": "?"}
    result = read(tmp_path, rows({}, bad, bad))
    assert result.dead["reasons"].to_list()[0] == [
        "account: required but absent",
        "channel: not in the vocabulary (web, app)",
        "amount: not a number",
        "label: neither true nor false",
    ]
    assert set(result.report.reasons.values()) == {2}
    assert result.report.rows == 3
    assert (result.report.events, result.report.dead) == (1, 2)
    assert not result.report.ok


def test_first_to_arrive_of_one_id_is_the_event(tmp_path: Path) -> None:
    late = {"order": "A-9", "seen": "2024-03-03T00:00:02Z", "total": "2"}
    early = {"order": "A-9", "seen": "2024-03-03T00:00:01Z", "total": "1"}
    broken = {"order": "A-9", "seen": "2024-03-03T00:00:00Z", "total": "x"}
    result = read(tmp_path, rows(late, broken, early))
    assert result.batch.events["amount"].to_list() == [100]
    assert result.dead["row"].to_list() == [0, 1]
    assert result.report.reasons == {
        "event_id: id of an event that arrived earlier": 1,
        "amount: not a number": 1,
    }


def test_events_come_in_arrival_order_with_their_labels(tmp_path: Path) -> None:
    records = rows(
        {"seen": "2024-03-05", "fraud_at": "2024-03-08"},
        {"seen": "2024-03-04", "fraud_at": "2024-03-09", "fraud": "0"},
        {"seen": "2024-03-05", "fraud": None, "fraud_at": None},
        {"seen": None, "placed": "2024-03-01 09:00:00"},
    )
    result = read(tmp_path, records)
    assert result.batch.events["event_id"].to_list() == ["A-3", "A-1", "A-0", "A-2"]
    assert result.batch.labels.drop("source").rows() == [
        (2, micros("2024-03-08"), True),
        (0, micros("2024-03-09"), True),
        (1, micros("2024-03-09"), False),
    ]
    assert result.report.labels_absent == 1
    assert result.report.out_of_order == 1
    assert result.report.tied == {"account": 3, "device": 3}


def test_as_of_hides_later_rows_and_labels(tmp_path: Path) -> None:
    records = rows({}, {"seen": "2024-03-20"}, {"seen": "2024-03-20", "total": "x"}, {"total": "x"})
    early = read(tmp_path, records, as_of=micros("2024-03-08"))
    assert early.batch.events["event_id"].to_list() == ["A-0"]
    assert early.batch.labels.height == 0
    report = early.report
    assert (report.rows, report.events, report.dead, report.not_yet_known) == (4, 1, 1, 2)
    assert report.labels_not_yet_known == 1
    # Whatever arrives later can be changed without a trace.
    records[1] |= {"total": "999", "fraud": "0"}
    records[2] |= {"total": "1", "order": "A-0"}
    again = read(tmp_path, records, as_of=micros("2024-03-08"))
    assert again.batch.events.equals(early.batch.events)
    assert again.report == early.report
    with pytest.raises(DataError, match="nothing had arrived"):
        read(tmp_path, rows({}), as_of=0)


def test_delay_stands_in_for_known_at(tmp_path: Path) -> None:
    domain = replace(SHOP, label=LabelColumn("fraud", delay=7 * DAY))
    result = read(tmp_path, rows({}), domain)
    assert result.batch.labels["known_at"].to_list() == [micros("2024-03-08T09:00:00")]
    assert result.report.labels_by_delay == 1


def test_row_numbers_are_ids_where_there_are_none(tmp_path: Path) -> None:
    result = read(tmp_path, rows({"total": "x"}, {}, {}), replace(SHOP, event_id=None))
    assert result.batch.events["event_id"].to_list() == [1, 2]


def test_findings_are_counted(tmp_path: Path) -> None:
    records = rows(
        {"total": "12.340000000000002", "weight": None},
        {"total": "12.345"},
        {"total": "12.34", "seen": "2024-02-01"},
    )
    result = read(tmp_path, records)
    assert result.batch.events["amount"].to_list() == [1234, 1234, 1234]
    assert result.report.rounded == {"amount": 2, "weight": 0}
    assert result.report.checks == {"no_thirteen": 0, "round": 3}
    assert result.report.absent == {"device": 0, "weight": 1, "gift": 0}
    assert result.report.ingested_early == 1
    text = "\n".join(result.report.lines())
    assert "2 rounded values amount" in text
    assert json.loads(json.dumps(result.report.as_dict()))["events"] == 3


def test_types_of_parquet_columns(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "order": [1, 2],
            "placed": pl.Series(["2024-03-01T09:00:00", None]).str.to_datetime(time_unit="ns"),
            "seen": pl.Series(["2024-03-01T09:00:00+01:00"] * 2).str.to_datetime(),
            "account": [7.0, 7.5],
            "device": pl.Series(["a", "b"], dtype=pl.Categorical),
            "channel": ["web", "app"],
            "total": pl.Series(["1.10", "2.20"]).cast(pl.Decimal(10, 2)),
            "fraud": [True, None],
            "fraud_at": [parse_instant("2024-03-09"), None],
        }
    )
    frame.write_parquet(tmp_path / "f.parquet")
    result = read_events(tmp_path / "f.parquet", SHOP)
    assert result.batch.events.rows() == [
        (
            "1",
            micros("2024-03-01T08:00"),
            micros("2024-03-01T08:00"),
            7,
            "a",
            "web",
            110,
            None,
            None,
        )
    ]
    assert result.report.missing == ("weight", "gift")
    assert result.dead["reasons"].to_list() == [
        ["event_time: required but absent", "account: not a whole number of 64 bits"]
    ]


def test_counted_time(tmp_path: Path) -> None:
    clock = TimeColumn("placed", unit="h", origin="2018-01-01", first=1)
    domain = replace(SHOP, event_time=clock, ingest_time=None, label=None)
    result = read(tmp_path, rows({"placed": 1}, {"placed": 2}, {"placed": 0}), domain)
    start = micros("2018-01-01")
    assert result.batch.events["event_time"].to_list() == [start, start + HOUR]
    assert result.report.reasons == {"event_time: out of range": 1}


def test_missing_columns_are_named_with_what_is_near(tmp_path: Path) -> None:
    record = {k: v for k, v in ROW.items() if k not in {"total", "placed"}} | {"Total_": "1"}
    with pytest.raises(DataError, match="missing columns placed, total; did you mean 'Total_'"):
        read(tmp_path, [record])
    unlabelled = [{k: v for k, v in ROW.items() if k != "fraud"}]
    with pytest.raises(DataError, match="missing column fraud"):
        read(tmp_path, unlabelled)
    assert read(tmp_path, unlabelled, require_labels=False).report.labels_absent == 1


def test_no_usable_row_says_why_and_still_writes_the_letters(tmp_path: Path) -> None:
    path = tmp_path / "dead.jsonl"
    with pytest.raises(DataError, match=r"no usable row .* amount: not a number \(2 rows\)"):
        read(tmp_path, rows({"total": "x"}, {"total": "y"}), dead_letters=path)
    assert len(path.read_text().splitlines()) == 2


def test_letters_of_an_earlier_run_are_replaced_and_no_draft_stays(tmp_path: Path) -> None:
    path = tmp_path / "letters" / "dead.jsonl"
    read(tmp_path, rows({}, {"total": "x"}), dead_letters=path)
    assert path.read_text()
    read(tmp_path, rows({}), dead_letters=path)
    assert path.read_text() == ""
    assert [entry.name for entry in path.parent.iterdir()] == ["dead.jsonl"]


def test_unreadable_lines_are_letters_with_their_text(tmp_path: Path) -> None:
    good = json.dumps(ROW)
    (tmp_path / "days").mkdir()
    (tmp_path / "days" / "1.jsonl").write_text(f"{good}\n")
    (tmp_path / "days" / "2.jsonl").write_text(f'{{"order"\n{good.replace("A-1", "A-2")}\n')
    path = tmp_path / "dead.jsonl"
    result = read_events(tmp_path / "days", SHOP, dead_letters=path)
    assert len(result.batch) == 2
    letter = json.loads(path.read_text())
    assert letter == {
        "source": str(tmp_path / "days"),
        "row": 1,
        "file": "2.jsonl",
        "file_row": 0,
        "reasons": ["line: not one record of the file's columns"],
        "raw": '{"order"',
    }


def test_check_that_cannot_be_computed_is_the_domains_fault(tmp_path: Path) -> None:
    check = replace(SHOP.checks[0], holds=lambda: pl.col("nowhere") > 0)
    with pytest.raises(DefinitionError, match="cannot be computed"):
        read(tmp_path, rows({}), replace(SHOP, checks=(check,)))


def test_progress_is_told(tmp_path: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    read(tmp_path, rows({}), progress=lambda *step: steps.append(step))
    assert [step[0] for step in steps] == ["read", "check", "account", "order"]
