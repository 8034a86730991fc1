"""backfill, replay and verify on real files."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from lagmark.apps.cli import vectors as stored
from lagmark.apps.jobs.parity import compare
from lagmark.domains.handbook import DOMAIN, published
from lagmark.features import OnlineEngine, backfill
from lagmark.simulator import simulate_handbook
from lagmark.sources.events import read_events

Run = Callable[..., object]
HANDBOOK = ("--domain", "handbook", "--events")
PUBLISHED = ("--feature-set", "published")


@pytest.fixture
def features(lagmark: Run, payments: Path, tmp_path: Path) -> Path:
    path = tmp_path / "features.parquet"
    assert lagmark("backfill", *HANDBOOK, payments, *PUBLISHED, "--out", path).status == 0
    return path


def test_one_row_per_event_id_first_then_the_contract(payments: Path, features: Path) -> None:
    frame = pl.read_parquet(features)
    batch = read_events(payments, DOMAIN).batch
    assert frame.columns == ["event_id", *published().names]
    assert frame["event_id"].to_list() == batch.events["event_id"].to_list()
    expected = backfill(published(), batch).matrix
    assert frame.drop("event_id").to_numpy().tobytes("C") == expected.tobytes("C")


def test_rows_stand_in_the_order_of_arrival(lagmark: Run, payments: Path, tmp_path: Path) -> None:
    mixed = tmp_path / "mixed.parquet"
    pl.read_parquet(payments).sample(fraction=1.0, shuffle=True, seed=1).write_parquet(mixed)
    out = tmp_path / "out.parquet"
    assert lagmark("backfill", *HANDBOOK, mixed, *PUBLISHED, "--out", out).status == 0
    batch = read_events(mixed, DOMAIN).batch
    ids = pl.read_parquet(out)["event_id"].to_list()
    assert ids == batch.events["event_id"].to_list()
    assert ids != pl.read_parquet(mixed)["TRANSACTION_ID"].to_list()


def test_the_file_carries_its_contract(features: Path) -> None:
    about = json.loads(pq.read_schema(features).metadata[b"lagmark"])
    contract = published().contract
    assert about["domain"] == "handbook"
    assert about["feature_set"] == "published"
    assert about["contract"] == contract.as_dict()


def test_row_groups_do_not_change_the_values(
    lagmark: Run, payments: Path, features: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "ROW_GROUP", 1_000)
    out = tmp_path / "groups.parquet"
    assert lagmark("backfill", *HANDBOOK, payments, *PUBLISHED, "--out", out).status == 0
    assert pq.ParquetFile(out).num_row_groups > 2
    assert pl.read_parquet(out).equals(pl.read_parquet(features))


def test_a_folder_gives_what_the_file_gives(
    lagmark: Run, payments: Path, features: Path, tmp_path: Path
) -> None:
    daily = tmp_path / "daily"
    daily.mkdir()
    rows = pl.read_parquet(payments).with_columns(day=pl.col("TX_DATETIME").dt.date())
    for part in rows.partition_by("day", maintain_order=True):
        part.drop("day").write_parquet(daily / f"{part['day'][0]}.parquet")
    out = tmp_path / "out.parquet"
    assert lagmark("backfill", *HANDBOOK, daily, *PUBLISHED, "--out", out).status == 0
    assert pl.read_parquet(out).equals(pl.read_parquet(features))


def test_csv_reads_back_as_the_same_bits(
    lagmark: Run, payments: Path, features: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "ROW_GROUP", 1_000)
    out = tmp_path / "features.csv"
    assert lagmark("backfill", *HANDBOOK, payments, *PUBLISHED, "--out", out).status == 0
    assert pl.read_csv(out, infer_schema_length=None).height == pl.read_parquet(features).height
    done = lagmark("verify", *HANDBOOK, payments, "--features", out, *PUBLISHED)
    assert done.status == 0
    unsure = lagmark("verify", *HANDBOOK, payments, "--features", out)
    assert unsure.status == 2
    assert "--feature-set" in unsure.err


def test_dead_letters_lie_beside_the_features(lagmark: Run, payments: Path, tmp_path: Path) -> None:
    rows = pl.read_parquet(payments).with_columns(pl.all().cast(pl.String)).head(40)
    rows[5, "TX_AMOUNT"] = "-1"
    source, out = tmp_path / "rows.csv", tmp_path / "out.parquet"
    rows.write_csv(source)
    done = lagmark("backfill", *HANDBOOK, source, *PUBLISHED, "--out", out, "--json").json
    letters = tmp_path / "out.dead.jsonl"
    assert (done["rows"], done["events"], done["dead"]) == (40, 39, 1)
    assert done["dead_letters"] == str(letters)
    assert json.loads(letters.read_text())["row"] == 5
    lagmark("backfill", *HANDBOOK, payments, *PUBLISHED, "--out", out)
    assert not letters.exists()


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"--events": "nowhere.parquet"}, 3, ["no such file", "nowhere.parquet"]),
        ({"--domain": "hanbook"}, 2, ["did you mean 'handbook'"]),
        ({"--domain": "mine.py"}, 2, ["no such file", "mine.py"]),
        ({"--feature-set": "publishd"}, 2, ["did you mean 'published'", "--feature-set"]),
        ({"--out": "features"}, 2, [".parquet or .csv"]),
        ({"--out": "features.xlsx"}, 2, ["'.xlsx'", ".parquet or .csv"]),
        ({"--out": "blocked/features.parquet"}, 2, ["blocked", "--out"]),
        ({"--out": "folder.parquet"}, 2, ["folder", "--out"]),
    ],
)
def test_wrong_use_is_told_before_the_work(
    lagmark: Run,
    payments: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, str],
    status: int,
    words: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("blocked").write_text("a file")
    Path("folder.parquet").mkdir()
    wanted = {
        "--domain": "handbook",
        "--events": str(payments),
        "--feature-set": "published",
        "--out": "features.parquet",
    } | changes
    done = lagmark("backfill", *(part for pair in wanted.items() for part in pair))
    assert done.status == status
    assert done.err.count("\n") == 1
    assert [word for word in words if word not in done.err] == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["blocked", "folder.parquet"]


def test_an_existing_file_stays_until_the_new_one_is_whole(
    lagmark: Run, tmp_path: Path, features: Path
) -> None:
    before = features.read_bytes()
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    done = lagmark("backfill", *HANDBOOK, tmp_path / "bad.csv", *PUBLISHED, "--out", features)
    assert done.status == 3
    assert features.read_bytes() == before


@pytest.mark.parametrize("how", [(), ("--single",), ("--days", 9), ("--days", 9, "--single")])
def test_replay_finds_no_difference(lagmark: Run, payments: Path, how: tuple[object, ...]) -> None:
    done = lagmark("replay", *HANDBOOK, payments, *PUBLISHED, "--check", "--json", *how)
    assert done.status == 0
    found = done.json
    days = pl.read_parquet(payments)["TX_DATETIME"]
    whole = "--days" not in how
    assert found["parity_differences"] == 0
    assert found["first_difference"] is None
    assert found["features"] == 15
    assert found["contract"] == published().contract.hash
    assert found["events_per_second"] > 0
    assert (found["events"] == len(days)) == whole
    assert found["events"] > 1_000


def test_replay_prints_the_word_that_is_looked_for(lagmark: Run, payments: Path) -> None:
    done = lagmark("replay", *HANDBOOK, payments, *PUBLISHED, "--check")
    assert "parity_differences: 0\n" in done.out


def test_replay_reports_a_single_wrong_bit(
    lagmark: Run, payments: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = OnlineEngine.process_batch

    def wrong(self: OnlineEngine, batch: object, **options: object) -> object:
        matrix = right(self, batch, **options)
        if len(batch) > 100:
            matrix[41, 4] = np.nextafter(matrix[41, 4], np.inf)
        return matrix

    monkeypatch.setattr(OnlineEngine, "process_batch", wrong)
    done = lagmark("replay", *HANDBOOK, payments, *PUBLISHED, "--check", "--json")
    assert done.status == 7
    found = done.json
    assert found["parity_differences"] == 1
    assert found["first_difference"]["feature"] == published().names[4]
    assert found["first_difference"]["row"] == 41
    assert found["first_difference"]["online"] != found["first_difference"]["backfill"]
    assert done.err.startswith("error: 1 value differs, first event ")
    assert lagmark("replay", *HANDBOOK, payments, *PUBLISHED).status == 0


def test_verify_accepts_what_backfill_wrote(lagmark: Run, payments: Path, features: Path) -> None:
    done = lagmark("verify", *HANDBOOK, payments, "--features", features, "--json")
    assert done.status == 0
    assert done.json["ok"]
    assert done.json["differences"] == 0
    # The order of the rows is no part of what is stored.
    shuffled = features.with_name("shuffled.csv")
    pl.read_parquet(features).sample(fraction=1.0, shuffle=True, seed=2).write_csv(shuffled)
    again = lagmark("verify", *HANDBOOK, payments, "--features", shuffled, *PUBLISHED)
    assert again.status == 0


def rewrite(path: Path, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    """Change the rows of a file and keep what it says of itself."""
    table = pq.read_table(path)
    changed = change(pl.from_arrow(table)).to_arrow()
    changed = changed.replace_schema_metadata(table.schema.metadata)
    pq.write_table(changed, path)


def test_verify_names_the_first_difference(lagmark: Run, payments: Path, features: Path) -> None:
    name = "CUSTOMER_ID_AVG_AMOUNT_7DAY_WINDOW"
    at = pl.col("event_id").is_in([1_500, 700])
    rewrite(features, lambda f: f.with_columns(pl.when(at).then(-1.0).otherwise(name).alias(name)))
    done = lagmark("verify", *HANDBOOK, payments, "--features", features, "--json")
    assert done.status == 7
    assert done.json["differences"] == 2
    first = done.json["first_difference"]
    assert (first["event_id"], first["feature"], first["stored"]) == (700, name, "-1.0")
    assert float(first["recomputed"]) > 0


def test_verify_counts_missing_and_extra_rows(lagmark: Run, payments: Path, features: Path) -> None:
    rewrite(features, lambda f: f.with_columns(pl.col("event_id").replace(12, 10**9)).slice(2))
    done = lagmark("verify", *HANDBOOK, payments, "--features", features, "--json")
    assert done.status == 7
    found = done.json
    assert (found["missing_events"], found["first_missing"]) == (3, 0)
    assert (found["extra_rows"], found["first_extra"]) == (1, 10**9)
    assert found["differences"] == 0


def test_verify_sees_another_contract_and_other_features(
    lagmark: Run, payments: Path, features: Path
) -> None:
    table = pq.read_table(features)
    about = json.loads(table.schema.metadata[b"lagmark"])
    about["contract"]["hash"] = "0" * 64
    changed = table.drop_columns(["TX_AMOUNT"]).replace_schema_metadata(
        {b"lagmark": json.dumps(about).encode()}
    )
    pq.write_table(changed, features)
    done = lagmark("verify", *HANDBOOK, payments, "--features", features, "--json")
    assert done.status == 7
    assert done.json["contract_mismatch"]
    assert done.json["missing_features"] == ["TX_AMOUNT"]
    assert "contract" in done.err


@pytest.mark.parametrize(
    ("name", "content", "status", "word"),
    [
        ("none.parquet", None, 2, "no such file"),
        ("kind.txt", "x", 2, "'.txt'"),
        ("torn.parquet", "PAR1", 5, "cannot be read"),
        ("other.csv", "a,b\n1,2\n", 5, "event_id"),
        ("twice.csv", "event_id,TX_AMOUNT\n1,2\n1,2\n", 5, "twice"),
        ("words.csv", "event_id,TX_AMOUNT\n1,much\n", 5, "cannot be read"),
    ],
)
def test_verify_refuses_what_is_no_vectors(
    lagmark: Run,
    payments: Path,
    tmp_path: Path,
    name: str,
    content: str | None,
    status: int,
    word: str,
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    done = lagmark("verify", *HANDBOOK, payments, *PUBLISHED, "--features", tmp_path / name)
    assert done.status == status
    assert word in done.err
    assert done.err.count("\n") == 1


def test_verify_wants_the_domain_of_the_file(lagmark: Run, payments: Path, features: Path) -> None:
    done = lagmark("verify", "-d", "card", "-e", payments, "--features", features)
    assert done.status == 2
    assert "--domain handbook" in done.err


def test_compare_tells_what_equality_does_not() -> None:
    one = np.array([[0.0, np.nan], [1.0, 2.0]])
    other = np.array([[-0.0, np.nan], [1.0, np.nextafter(2.0, 3.0)]])
    found = compare(one, other, ["a", "b"], [7, 8])
    assert found.differences == 2
    assert found.first is not None
    assert (found.first.event_id, found.first.feature) == (7, "a")
    assert compare(one, one, ["a", "b"], [7, 8]).first is None


@pytest.mark.slow
def test_a_killed_backfill_leaves_nothing_half_written(lagmark: Run, tmp_path: Path) -> None:
    source, out = tmp_path / "rows.parquet", tmp_path / "out" / "features.parquet"
    simulate_handbook(customers=2_000, terminals=2_000, days=60, seed=1).write_parquet(source)
    out.parent.mkdir()
    out.write_text("the old file")
    command = [sys.executable, "-m", "lagmark.apps.cli", "backfill", *HANDBOOK, str(source)]
    program = subprocess.Popen([*command, *PUBLISHED, "--out", str(out)])
    deadline = time.monotonic() + 120
    while not list(out.parent.glob(".features.parquet.*")) and time.monotonic() < deadline:
        time.sleep(0.001)
        if program.poll() is not None:
            break
    program.send_signal(signal.SIGKILL)
    program.wait(timeout=30)
    if program.returncode == -signal.SIGKILL:
        assert out.read_text() == "the old file"
    assert lagmark("backfill", *HANDBOOK, source, *PUBLISHED, "--out", out).status == 0
    assert lagmark("verify", *HANDBOOK, source, "--features", out).status == 0
    shutil.rmtree(out.parent)


def test_the_events_are_never_written_over(lagmark: Run, payments: Path, tmp_path: Path) -> None:
    daily = tmp_path / "daily"
    daily.mkdir()
    source = daily / "rows.parquet"
    shutil.copy(payments, source)
    before = source.read_bytes()
    for events, out in ((source, source), (daily, source), (daily, daily / "features.parquet")):
        done = lagmark("backfill", *HANDBOOK, events, *PUBLISHED, "--out", out)
        assert (done.status, "into what is read" in done.err) == (2, True)
    letters = lagmark("validate", *HANDBOOK, source, "--dead-letters", source)
    assert (letters.status, "into what is read" in letters.err) == (2, True)
    assert [path.read_bytes() for path in daily.iterdir()] == [before]
