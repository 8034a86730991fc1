"""What a ledger knew at an instant, exported, is what training then learns from."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from lagmark.apps.jobs.history import read_history
from lagmark.apps.jobs.ledger_history import export_ledger
from lagmark.apps.jobs.train_model import train_as_of
from lagmark.clock import stopwatch, utc_now
from lagmark.domains.registry import get_domain
from lagmark.errors import ConfigError, DataError
from lagmark.features.backfill import backfill
from lagmark.schema.events import Event
from lagmark.schema.records import DecisionRecord, LabelRecord
from lagmark.schema.time import DAY, from_micros
from lagmark.settings import RunSettings, ServeSettings
from lagmark.simulator import simulate_handbook
from lagmark.sources.events import read_events
from lagmark.wiring.serving import build_service, open_ledger

from .conftest import SMALL, Silent

if TYPE_CHECKING:
    from lagmark.schema.records import Entry


async def _serve(settings: ServeSettings, path: Path) -> None:
    """Events decided in the order of arrival; labels told when they become known, or later."""
    served, service = build_service(settings, clock=utc_now)
    batch = read_events(path, served.domain).batch
    await service.start()
    labels = [
        LabelRecord(int(batch.events["event_id"][row]), known_at, fraud, source)
        for row, known_at, fraud, source in batch.labels.select(
            "row", "known_at", "fraud", "source"
        ).iter_rows()
    ]
    told = 0
    rows = batch.events.rows(named=True)
    for first in range(0, len(rows), 50):
        part = rows[first : first + 50]
        events = [
            Event(
                row["event_id"], row["event_time"], row["ingest_time"],
                {name: row[name] for name in ("customer", "terminal", "amount")},
            )
            for row in part
        ]  # fmt: skip
        due = told
        while due < len(labels) and labels[due].known_at <= events[0].ingest_time:
            due += 1
        if due > told:
            await service.append(labels[told:due])
            told = due
        await asyncio.gather(*(service.decide(each, stopwatch()) for each in events))
    await service.append(labels[told:])
    await service.drain()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> ServeSettings:
    data = tmp_path_factory.mktemp("service")
    path = data / "payments.parquet"
    simulate_handbook(customers=60, terminals=60, days=45, radius=25.0, seed=3).write_parquet(path)
    found = ServeSettings(data=data, domain="handbook", feature_set="published")
    asyncio.run(_serve(found, path))
    return found


@pytest.fixture(scope="module")
def entries(settings: ServeSettings) -> list[Entry]:
    ledger = open_ledger(settings, get_domain("handbook"), read_only=True)
    try:
        return list(ledger.entries())
    finally:
        ledger.close()


@pytest.fixture(scope="module")
def middle(entries: list[Entry]) -> int:
    times = [r.ingest_time for e in entries if isinstance(r := e.record, DecisionRecord)]
    return (min(times) + 30 * DAY) // DAY * DAY


def test_it_holds_what_was_known_and_nothing_else(
    settings: ServeSettings, entries: list[Entry], middle: int, tmp_path: Path
) -> None:
    made = export_ledger(settings, tmp_path / "then", as_of=middle, reporter=Silent())
    history = read_history(tmp_path / "then", None, Silent())
    records = [entry.record for entry in entries]
    decided = [r for r in records if isinstance(r, DecisionRecord) and r.ingest_time <= middle]
    said = [r for r in records if isinstance(r, LabelRecord) and r.known_at <= middle]
    assert 0 < len(decided) < sum(isinstance(r, DecisionRecord) for r in records)
    assert 0 < len(said) < sum(isinstance(r, LabelRecord) for r in records)
    assert history.as_of == middle
    assert (made.events, made.labels) == (len(decided), len(said))
    assert made.position == len(entries)
    assert made.digest == entries[-1].digest.hex()
    assert history.batch.events.rows() == [
        (r.event_id, r.event_time, r.ingest_time, *r.values.values()) for r in decided
    ]
    rows = {r.event_id: row for row, r in enumerate(decided)}
    expected = sorted((r.known_at, rows[r.event_id], r.fraud) for r in said)
    found = history.batch.labels.select("known_at", "row", "fraud").rows()
    assert sorted(found) == expected


def test_features_of_the_export_are_those_that_were_decided_on(
    settings: ServeSettings, entries: list[Entry], tmp_path: Path
) -> None:
    export_ledger(settings, tmp_path / "all", as_of=None, reporter=Silent())
    history = read_history(tmp_path / "all", None, Silent())
    matrix = backfill(get_domain("handbook").feature_set("published"), history.batch).matrix
    logged = [r.vector for e in entries if isinstance(r := e.record, DecisionRecord)]
    assert np.ascontiguousarray(matrix).tobytes() == b"".join(logged)


def test_an_earlier_instant_of_an_export_is_the_export_of_that_instant(
    settings: ServeSettings, middle: int, tmp_path: Path
) -> None:
    export_ledger(settings, tmp_path / "all", as_of=None, reporter=Silent())
    export_ledger(settings, tmp_path / "then", as_of=middle, reporter=Silent())
    later = read_history(tmp_path / "all", middle, Silent()).batch
    then = read_history(tmp_path / "then", None, Silent()).batch
    assert later.events.equals(then.events)
    assert later.labels.equals(then.labels)


def test_what_came_later_does_not_change_it(
    settings: ServeSettings, entries: list[Entry], middle: int, tmp_path: Path
) -> None:
    from lagmark.apps.jobs.ledger_history import write_entries

    domain = get_domain("handbook")
    first = next(
        e.position
        for e in entries
        if isinstance(r := e.record, DecisionRecord) and r.ingest_time > middle
    )
    (tmp_path / "then").mkdir()
    (tmp_path / "now").mkdir()
    write_entries(entries[: first - 1], domain, tmp_path / "then", as_of=middle)
    write_entries(entries, domain, tmp_path / "now", as_of=middle)
    for part in ("events", "labels"):
        name = f"{part}/part-000000.parquet"
        then, now = (pl.read_parquet(tmp_path / each / name) for each in ("then", "now"))
        assert then.equals(now)


def test_a_model_learns_from_it(settings: ServeSettings, middle: int, tmp_path: Path) -> None:
    made = export_ledger(settings, tmp_path / "then", as_of=middle, reporter=Silent())
    trained = train_as_of(
        RunSettings(
            domain=made.domain, events=tmp_path / "then", home=tmp_path / "home",
            models=(SMALL,), feature_sets=("published",), threads=1,
        ),
        as_of=middle,
        reporter=Silent(),
    )  # fmt: skip
    found = trained.as_dict()
    assert found["as_of"] == from_micros(middle).isoformat()
    assert found["train_frauds"] > 0
    # Only events whose labels had the time to arrive.
    assert found["train_end"] <= from_micros(middle - 7 * DAY).isoformat()
    assert found["contract_hash"] == get_domain("handbook").feature_set("published").contract.hash


def test_refusals(settings: ServeSettings, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(ConfigError, match="there is something already"):
        export_ledger(settings, tmp_path / "there", as_of=None, reporter=Silent())
    with pytest.raises(DataError, match="no event had arrived by then"):
        export_ledger(settings, tmp_path / "early", as_of=0, reporter=Silent())
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_the_command_says_what_it_wrote(
    settings: ServeSettings, tmp_path: Path, capsys: Any
) -> None:
    from lagmark.apps.cli.app import main

    arguments = ["export", "--data", str(settings.data), "--out", str(tmp_path / "x"), "--json"]
    assert main(arguments) == 0
    told = json.loads(capsys.readouterr().out)
    manifest = json.loads((tmp_path / "x" / "manifest.json").read_text())
    assert told["events"] == manifest["events"] > 1000
    assert main(["maturity", "-e", str(tmp_path / "x"), "--json"]) == 0
