"""What an import takes, counts and sets apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lagmark.apps.jobs.label_import import import_labels, import_records
from lagmark.backends.parquet_labels import ParquetLabels
from lagmark.errors import ConfigError, DataError

GOOD = {"event_id": 7, "known_at": "2024-03-01T10:00:00Z", "fraud": True, "source": "analyst"}
MARCH = 1_709_287_200_000_000
"""2024-03-01T10:00:00Z."""
EVENTS = pl.DataFrame({"event_id": [7, 8], "event_time": [MARCH - 5, MARCH]})


@pytest.fixture
def store(tmp_path: Path) -> ParquetLabels:
    return ParquetLabels(tmp_path / "labels", integer_ids=True)


def write_csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    pl.DataFrame(
        [{k: None if v is None else str(v) for k, v in row.items()} for row in rows]
    ).write_csv(path)
    return path


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"event_id": None}, "event_id: required but absent"),
        ({"event_id": "x7"}, "event_id: not a whole number of 64 bits"),
        ({"known_at": None}, "known_at: required but absent"),
        ({"known_at": "yesterday"}, "known_at: not an instant"),
        ({"known_at": "2024-03-01T10:00:00 CET"}, "known_at: not an instant"),
        ({"known_at": "1024-03-01"}, "known_at: out of range"),
        ({"known_at": "2024-02-28"}, "known_at: label known before its event"),
        ({"said_at": "2024-03-02"}, "known_at: before said_at"),
        ({"fraud": "maybe"}, "fraud: neither true nor false"),
        ({"fraud": None}, "fraud: required but absent"),
        ({"source": None}, "source: required but absent"),
        ({"confidence": "nan"}, "confidence: not a finite number"),
        ({"confidence": "1.2"}, "confidence: out of range (at least 0 and at most 1)"),
        ({"confidence": "sure"}, "confidence: not a number"),
        ({"reversal": "x"}, "reversal: neither true nor false"),
    ],
)
def test_a_row_that_is_no_label_says_why(
    tmp_path: Path, store: ParquetLabels, change: dict[str, Any], reason: str
) -> None:
    rows = [GOOD | dict.fromkeys(change, None) | {k: GOOD.get(k) for k in change}, GOOD | change]
    file = write_csv(tmp_path / "labels.csv", rows)
    dead = tmp_path / "dead.jsonl"
    report = import_labels(file, store, integer_ids=True, events=EVENTS, dead_letters=dead)
    assert (report.rows, report.stored, report.dead) == (2, 1, 1)
    assert report.reasons == {reason: 1}
    letter = json.loads(dead.read_text())
    assert (letter["row"], letter["reasons"]) == (1, [reason])


def test_every_way_to_write_a_file_gives_the_same_labels(
    tmp_path: Path, store: ParquetLabels
) -> None:
    rows = [GOOD | {"event_id": n, "reversal": n == 2, "confidence": 0.25} for n in range(3)]
    csv = write_csv(tmp_path / "a.csv", rows)
    lines = tmp_path / "a.jsonl"
    lines.write_text("\n".join(json.dumps(row) for row in rows))
    typed = tmp_path / "a.parquet"
    pl.DataFrame(rows).with_columns(
        pl.col("known_at").str.to_datetime(time_zone="UTC")
    ).write_parquet(typed)
    reports = [import_labels(path, store, integer_ids=True) for path in (csv, lines, typed)]
    report, _ = import_records(rows, store, integer_ids=True)
    assert [(one.stored, one.repeated) for one in (*reports, report)] == [(3, 0), *[(0, 3)] * 3]
    found = store.read()
    assert found["known_at"].to_list() == found["said_at"].to_list() == [MARCH] * 3
    assert found["reversal"].to_list() == [False, False, True]
    again = tmp_path / "b.parquet"
    found.write_parquet(again)
    assert import_labels(again, store, integer_ids=True).repeated == 3


def test_a_time_without_zone_is_in_the_zone_given(store: ParquetLabels) -> None:
    row = GOOD | {"known_at": "2024-03-01T11:00:00"}
    import_records([row], store, integer_ids=True, zone="Europe/Berlin")
    assert store.read()["known_at"].to_list() == [MARCH]
    skipped = GOOD | {"known_at": "2024-03-31T02:30:00"}
    report, reading = import_records([skipped], store, integer_ids=True, zone="Europe/Berlin")
    assert list(report.reasons) == ["known_at: a local time that the clocks skipped"]
    assert reading.dead["row"].to_list() == [0]
    with pytest.raises(ConfigError, match="Europe/Atlantis"):
        import_records([row], store, integer_ids=True, zone="Europe/Atlantis")


def test_seconds_are_not_taken_for_microseconds(store: ParquetLabels) -> None:
    rows = [GOOD | {"known_at": MARCH // unit} for unit in (1, 1_000, 1_000_000)]
    report, _ = import_records(rows, store, integer_ids=True)
    assert (report.stored, report.dead) == (1, 2)


def test_labels_of_unknown_events_are_kept_and_counted(store: ParquetLabels) -> None:
    report, _ = import_records(
        [GOOD, GOOD | {"event_id": 99}], store, integer_ids=True, events=EVENTS
    )
    assert (report.stored, report.pending) == (2, 1)
    assert store.read()["event_id"].to_list() == [7, 99]


def test_repeats_are_counted_and_lines_that_are_no_record_set_apart(
    tmp_path: Path, store: ParquetLabels
) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text("\n".join([json.dumps(GOOD), "{broken", json.dumps(GOOD), "[1]"]))
    report = import_labels(file, store, integer_ids=True)
    assert (report.rows, report.stored, report.repeated, report.dead) == (4, 1, 1, 2)
    assert report.rows == report.stored + report.repeated + report.dead
    assert "not one record" in " ".join(report.lines())


def test_who_speaks_may_be_said_once_for_a_file(store: ParquetLabels) -> None:
    row = {name: value for name, value in GOOD.items() if name != "source"}
    import_records([row], store, integer_ids=True, source="chargeback")
    assert store.read()["source"].to_list() == ["chargeback"]
    with pytest.raises(DataError, match="missing column source"):
        import_records([row], store, integer_ids=True)


def test_odd_json_values_are_dead_letters_not_crashes(store: ParquetLabels) -> None:
    odd: list[dict[str, Any]] = [
        GOOD | {"event_id": 2**70},
        GOOD | {"event_id": {"a": 1}},
        GOOD | {"known_at": [1]},
        GOOD | {"confidence": True, "fraud": 3},
        {},
    ]
    report, _ = import_records([*odd, GOOD], store, integer_ids=True)
    assert (report.stored, report.dead) == (1, 5)


def test_ids_of_another_type_are_refused(store: ParquetLabels) -> None:
    import_records([GOOD], store, integer_ids=True)
    with pytest.raises(DataError, match="ids are String"):
        import_records([GOOD | {"event_id": "x"}], store, integer_ids=False)
