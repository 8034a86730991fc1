"""``lagmark labels`` and ``lagmark maturity`` from outside."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from lagmark.apps.cli.output import Output
from lagmark.apps.jobs.history import read_history
from lagmark.apps.jobs.maturity import maturity
from lagmark.backends.parquet_labels import ParquetLabels
from lagmark.labels import COLUMNS
from lagmark.schema.time import DAY, from_micros, parse_instant, to_micros

Run = Callable[..., Any]
START = to_micros(parse_instant("2024-01-01"))
AS_OF = START + 25 * DAY


def write_history(
    folder: Path, *, days: int = 40, per_day: int = 100, rate: float = 0.1, seed: int = 0
) -> Path:
    """Handbook payments whose frauds customers report soon and chargebacks show late."""
    rng = np.random.default_rng(seed)
    size = days * per_day
    when = START + np.sort(rng.integers(0, days * DAY, size))
    ids = np.arange(size) + 1000
    customer = rng.integers(0, 5, size)
    events = pl.DataFrame(
        {
            "TRANSACTION_ID": ids,
            "TX_DATETIME": pl.Series(when).cast(pl.Datetime("us")),
            "CUSTOMER_ID": customer,
            "TERMINAL_ID": rng.integers(0, 40, size),
            "TX_AMOUNT": np.round(rng.lognormal(3, 1, size), 2),
        }
    )
    (folder / "events").mkdir(parents=True)
    for day, part in events.group_by(
        pl.col("TX_DATETIME").dt.date().alias("day"), maintain_order=True
    ):
        part.write_parquet(folder / "events" / f"{day[0]}.parquet")
    fraud = np.flatnonzero(rng.random(size) < rate)
    customers = rng.random(len(fraud)) < 0.6
    median = np.where(customers, 2.0, 10.0)
    delay = median * np.exp(0.8 * rng.standard_normal(len(fraud))) * DAY
    messages = pl.DataFrame(
        {
            "event_id": ids[fraud],
            "known_at": when[fraud] + delay.astype(np.int64),
            "fraud": True,
            "source": np.where(customers, "customer", "chargeback"),
            "confidence": 1.0,
            "reversal": False,
        }
    ).with_columns(said_at=pl.col("known_at"))
    store = ParquetLabels(folder / "labels", integer_ids=True)
    for day in range(days):
        mine = (when[fraud] - START) // DAY == day
        if mine.any():
            store.append(messages.filter(pl.Series(mine)).select(COLUMNS))
    manifest = {
        "format": 1,
        "scenario": "test",
        "seed": seed,
        "domain": "handbook",
        "events": size,
        "frauds": len(fraud),
        "first_day": from_micros(START).date().isoformat(),
        "last_day": from_micros(START + (days - 1) * DAY).date().isoformat(),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_history(tmp_path_factory.mktemp("history") / "world")


@pytest.fixture
def labels_csv(tmp_path: Path) -> Path:
    file = tmp_path / "labels.csv"
    file.write_text(
        "event_id,known_at,fraud,source,reversal\n"
        "1,2024-01-05T12:00:00Z,1,customer,0\n"
        "1,2024-01-09,0,chargeback,1\n"
        "2,2024-01-06,1,chargeback,0\n"
        "2,2024-01-06,1,chargeback,0\n"
        "3,never,1,chargeback,0\n"
    )
    return file


def test_labels_are_imported_shown_and_counted(
    lagmark: Run, labels_csv: Path, tmp_path: Path
) -> None:
    store, dead = tmp_path / "store", tmp_path / "dead.jsonl"
    line = ("labels", "import", "--to", store, "--file", labels_csv)
    done = lagmark(*line, "-d", "handbook", "--dead-letters", dead, "--json")
    assert done.status == 0
    report = done.json
    assert [report[name] for name in ("rows", "stored", "repeated", "dead")] == [5, 3, 1, 1]
    assert json.loads(dead.read_text())["row"] == 4
    assert lagmark(*line).out.startswith("5 rows")
    stats = lagmark("labels", "stats", store, "--json").json
    assert (stats["messages"], stats["events"], stats["frauds"], stats["reversals"]) == (3, 2, 1, 1)
    then = lagmark("labels", "stats", store, "--as-of", "2024-01-08", "--json").json
    assert (then["messages"], then["frauds"]) == (2, 2)
    shown = lagmark("labels", "show", store, "--json").json["listed"]
    assert [(one["event_id"], one["fraud"]) for one in shown] == [(1, False), (2, True)]
    words = lagmark("labels", "show", store, "--event", "1")
    assert "honest (reversal)" in words.out
    assert words.out.startswith("2 words on event 1")
    assert "chargeback" in lagmark("labels", "stats", store).out


def test_labels_against_their_events(
    lagmark: Run, labels_csv: Path, payments: Path, tmp_path: Path
) -> None:
    line = ("labels", "import", "--to", tmp_path / "store", "--file", labels_csv)
    done = lagmark(*line, "-d", "handbook", "--events", payments, "--json")
    assert done.json["pending"] == 0
    assert lagmark(*line, "--events", payments).status == 2


@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        (("labels", "import", "--to", "S", "--file", "LABELS"), 2, "--domain"),
        (
            ("labels", "import", "--to", "S", "--file", "no.csv", "-d", "handbook"),
            3,
            "no such file",
        ),
        (("labels", "show", "S"), 2, "no such folder"),
        (("labels", "stats", "LABELS"), 2, "no such folder"),
        (("maturity", "--events", "S"), 3, "no such folder"),
        (("maturity", "--events", "."), 3, "manifest.json"),
    ],
)
def test_what_cannot_be_done_is_said_on_one_line(
    lagmark: Run,
    labels_csv: Path,
    monkeypatch: pytest.MonkeyPatch,
    line: tuple[str, ...],
    status: int,
    words: str,
) -> None:
    monkeypatch.chdir(labels_csv.parent)
    done = lagmark(*(labels_csv.name if part == "LABELS" else part for part in line))
    assert done.status == status
    assert words in done.err
    assert done.err.count("\n") == 1


def test_a_file_without_any_label_fails(lagmark: Run, tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("event_id,known_at,fraud,source\n1,soon,1,customer\n")
    done = lagmark("labels", "import", "--to", tmp_path / "s", "--file", file, "-d", "handbook")
    assert done.status == 3
    assert "no row is a label" in done.err


def test_maturity_tells_sources_apart(lagmark: Run, world: Path, tmp_path: Path) -> None:
    page = tmp_path / "maturity.html"
    done = lagmark("maturity", "--events", world, "--by", "source", "--html", page, "--json")
    assert done.status == 0
    groups = {group["name"]: group for group in done.json["groups"]}
    assert list(groups) == ["all", "chargeback", "customer"]
    assert groups["customer"]["known"]["median_delay"]["days"] < 3
    assert groups["chargeback"]["known"]["median_delay"]["days"] > 6
    assert "Drift of delays" in page.read_text()
    text = lagmark("maturity", "--events", world, "--by", "amount").out
    assert "up to " in text
    assert "Share of the fraud labels within the horizon known" in text


def test_maturity_refuses_what_makes_no_sense(lagmark: Run, world: Path) -> None:
    assert lagmark("maturity", "--events", world, "--by", "event_id").status == 2
    assert lagmark("maturity", "--events", world, "--by", "colour").status == 2
    assert lagmark("maturity", "--events", world, "--as-of", "soon").status == 2
    assert lagmark("maturity", "--events", world, "--as-of", "2023-01-01").status == 3


def scrambled(world: Path, target: Path) -> Path:
    """The same history with other labels known, and other events seen, after ``AS_OF``."""
    shutil.copytree(world, target)
    rng = np.random.default_rng(1)
    for path in sorted((target / "labels").glob("part-*.parquet")):
        frame = pl.read_parquet(path)
        late = frame["known_at"].to_numpy() > AS_OF
        known = np.where(
            late, AS_OF + 1 + rng.integers(0, 90 * DAY, frame.height), frame["known_at"]
        )
        ids = np.where(late, rng.integers(0, 10_000, frame.height), frame["event_id"])
        frame.with_columns(
            event_id=pl.Series(ids),
            known_at=pl.Series(known),
            said_at=pl.Series(np.where(late, known, frame["said_at"])),
            fraud=pl.Series(np.where(late, rng.random(frame.height) < 0.5, frame["fraud"])),
            source=pl.Series(np.where(late, "nobody", frame["source"].to_numpy())),
        ).write_parquet(path)
    for path in sorted((target / "events").iterdir()):
        frame = pl.read_parquet(path)
        late = frame["TX_DATETIME"].dt.timestamp("us").to_numpy() > AS_OF
        shuffle = np.where(late, rng.integers(0, 5, frame.height), frame["CUSTOMER_ID"])
        amounts = np.where(late, -1.0, frame["TX_AMOUNT"])  # no event at all
        frame.with_columns(
            CUSTOMER_ID=pl.Series(shuffle), TX_AMOUNT=pl.Series(amounts)
        ).write_parquet(path)
    return target


def test_the_store_of_a_history_is_found_inside(lagmark: Run, world: Path) -> None:
    outer = lagmark("labels", "stats", world, "--json").json
    inner = lagmark("labels", "stats", world / "labels", "--json").json
    assert outer["messages"] == inner["messages"] > 0


@pytest.mark.parametrize("by", ["source", "amount"])
def test_nothing_after_the_instant_changes_a_byte(
    lagmark: Run, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        folder.mkdir()
    shutil.copytree(world, first / "world")
    scrambled(world, second / "world")
    outputs = []
    for folder in (first, second):
        monkeypatch.chdir(folder)
        line = ("maturity", "--events", "world", "--as-of", "2024-01-26", "--by", by)
        outputs.append([lagmark(*line, "--html", "m.html", "--json").out, lagmark(*line).out])
        outputs[-1].append(Path("m.html").read_text())
    assert outputs[0] == outputs[1]
    end = lagmark("maturity", "--events", "world", "--json").json
    assert end["groups"][0]["events"] < 4_000


def test_maturity_holds_the_times_and_the_column_asked_for(world: Path) -> None:
    output = Output(json=True)
    history, _ = maturity(world, AS_OF, output, by="amount")
    assert history.batch.events.columns == ["event_id", "event_time", "ingest_time", "amount"]
    everything = read_history(world, AS_OF, output)
    assert history.batch.labels.equals(everything.batch.labels)
    assert history.pending == everything.pending
    columns = history.batch.events.columns
    assert history.batch.events.equals(everything.batch.events.select(columns))
