"""Histories on disk: whole or not there, read back without a dead letter, counted exactly."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import polars as pl
import pytest

from lagmark.domains.registry import get_domain
from lagmark.errors import ConfigError, DataError
from lagmark.features import backfill
from lagmark.simulator import World, load_scenario
from lagmark.simulator.history import History, clear_history, write_history
from lagmark.simulator.realism import realism_page
from lagmark.simulator.summary import summarise
from lagmark.sources.events import read_events

NAMES = ("card_stable", "bank_link_attack")


def written(out: Path, name: str = "card_stable", seed: int = 0, **over: int) -> Path:
    scenario = load_scenario(name, **({"events": 8_000, "days": 15} | over))
    write_history(World(scenario, seed=seed), out)
    return out


def digest(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module", params=NAMES)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("sim") / "history", request.param)


def test_events_are_read_back_without_a_dead_letter(folder: Path) -> None:
    manifest = History.open(folder).manifest
    domain = get_domain(manifest.domain)
    result = read_events(folder / "events", domain)
    assert (len(result.batch), result.dead.height) == (manifest.events, 0)
    assert result.batch.labels.height == 0
    assert not any(result.report.checks.values())
    truth = History.open(folder).truth().collect()
    assert result.batch.events["event_id"].equals(truth["event_id"])
    for name in domain.feature_sets:
        assert backfill(domain.feature_set(name), result.batch).matrix.shape[0] == manifest.events


def test_layout(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    assert list(manifest) == [
        "format", "scenario", "seed", "domain", "events", "frauds", "first_day", "last_day",
        "fingerprint",
    ]  # fmt: skip
    assert (manifest["format"], manifest["first_day"], manifest["last_day"]) == (
        1, "2025-01-06", "2025-01-20",
    )  # fmt: skip
    days = [f"2025-01-{day:02d}.parquet" for day in range(6, 21)]
    for part in ("events", "truth"):
        assert sorted(path.name for path in (folder / part).iterdir()) == days
    parts = [f"part-{number:06d}.parquet" for number in range(15)]
    assert sorted(path.name for path in (folder / "labels").iterdir()) == parts
    truth = pl.read_parquet(folder / "truth")
    assert truth.columns == ["event_id", "fraud", "typology", "campaign"]
    assert (truth.height, truth["fraud"].sum()) == (manifest["events"], manifest["frauds"])


def test_labels_are_what_the_label_store_reads(folder: Path) -> None:
    from lagmark.backends.parquet_labels import ParquetLabels

    stored = ParquetLabels(folder / "labels").read()
    assert stored.height == History.open(folder).labels().collect().height > 0
    half = ParquetLabels(folder / "labels").read(as_of=int(stored["known_at"].median()))
    assert 0 < half.height < stored.height


@pytest.mark.parametrize("name", NAMES)
def test_same_bytes(tmp_path: Path, name: str) -> None:
    one, again = written(tmp_path / "a", name), written(tmp_path / "b", name)
    assert digest(one) == digest(again)
    other = written(tmp_path / "c", name, seed=1)
    assert not set(digest(one / "events").values()) & set(digest(other / "events").values())


def test_a_history_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    out = written(tmp_path / "history")
    written(out, days=5, events=2_000)
    assert History.open(out).manifest.last_day == "2025-01-10"
    assert len(list((out / "events").iterdir())) == 5
    (out / "truth" / "notes.txt").write_text("years of work")
    with pytest.raises(ConfigError, match=r"truth/notes\.txt"):
        written(out)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("years of work")
    with pytest.raises(ConfigError, match=r"thesis\.tex"):
        written(mine)
    with pytest.raises(ConfigError, match="is a file"):
        written(mine / "thesis.tex")
    assert (mine / "thesis.tex").read_text() == "years of work"


def test_a_run_that_fails_leaves_the_old_history(tmp_path: Path) -> None:
    out = written(tmp_path / "history")
    before = digest(out)

    def stop(done: int, _total: int) -> None:
        if done > 3_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_history(World(load_scenario("card_stable", events=8_000, days=15), 9), out, stop)
    assert digest(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["history"]


def test_an_unfinished_folder_is_no_history(tmp_path: Path) -> None:
    out = written(tmp_path / "history")
    (out / "manifest.json").unlink()
    with pytest.raises(DataError, match="no simulated history"):
        History.open(out)
    with pytest.raises(DataError):
        clear_history(out)
    assert (out / "events").is_dir()


def test_clear(tmp_path: Path) -> None:
    out = written(tmp_path / "history")
    left = tmp_path / ".history.unfinished"
    left.mkdir()
    manifest = clear_history(out)
    assert manifest is not None
    assert manifest.scenario == "card_stable"
    assert list(tmp_path.iterdir()) == []
    left.mkdir()
    assert clear_history(out) is None
    with pytest.raises(DataError):
        clear_history(out)


def test_the_summary_counts(folder: Path) -> None:
    history = History.open(folder)
    events, truth = history.events().collect(), history.truth().collect()
    summary = summarise(history)
    assert summary.days["events"].sum() == events.height
    assert summary.days["frauds"].sum() == truth["fraud"].sum()
    assert summary.typologies["events"].sum() == truth["fraud"].sum()
    assert summary.typologies["campaigns"].sum() == truth["campaign"].drop_nulls().n_unique()
    assert summary.categories["events"].sum() == events.height
    assert summary.hours["events"].sum() == events.height
    assert summary.per_account["accounts"].sum() == summary.accounts
    assert summary.labels["messages"].sum() == history.labels().collect().height
    assert summary.gaps["share"].sum() == pytest.approx(1.0)
    assert (summary.balances is None) == (history.manifest.domain == "card")
    assert json.dumps(summary.as_dict())


def test_the_page_shows_it(folder: Path) -> None:
    summary = summarise(History.open(folder))
    html = realism_page(summary).html()
    assert html.count("<figure") == 8
    for name in summary.typologies["typology"]:
        assert name in html


def test_a_history_without_fraud_has_a_page_too(tmp_path: Path) -> None:
    scenario = load_scenario("card_stable", events=1_000, days=4, fraud={"rate": 0.0})
    write_history(World(scenario), tmp_path / "calm")
    summary = summarise(History.open(tmp_path / "calm"))
    assert summary.typologies.is_empty()
    assert "There is no fraud" in realism_page(summary).html()
