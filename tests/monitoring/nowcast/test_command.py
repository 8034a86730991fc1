"""``lagmark nowcast`` on a simulated folder: as of an instant, to the byte."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from lagmark.apps.cli import main
from lagmark.schema.time import DAY, parse_instant, to_micros
from lagmark.simulator import World, load_scenario

AS_OF = "2025-04-11T06:00:00Z"
MICROS = to_micros(parse_instant(AS_OF))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hundred and ten days of a small world, with its labels."""
    root = tmp_path_factory.mktemp("world")
    scenario = load_scenario("card_stable", events=22_000, days=110, fraud={"rate": 0.03})
    world = World(scenario, seed=4)
    for part in ("events", "labels"):
        (root / part).mkdir()
    for number in range(scenario.days):
        day = world.day(number)
        day.events.write_parquet(root / "events" / f"day-{number:03d}.parquet")
        day.labels.write_parquet(root / "labels" / f"part-{number:06d}.parquet")
    (root / "manifest.json").write_text(json.dumps({"format": 1, "domain": "card"}))
    return root


def ask(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    capsys.readouterr()
    status = main(["nowcast", *map(str, arguments)])
    return status, *capsys.readouterr()


def scrambled(source: Path, target: Path) -> Path:
    """The same folder where everything that came later is different."""
    shutil.copytree(source, target)
    rng = np.random.default_rng(0)
    for path in sorted((target / "labels").iterdir()):
        frame = pl.read_parquet(path)
        late = pl.col("known_at") > MICROS
        keep = pl.Series(rng.random(frame.height) < 0.6)
        frame = frame.filter(~late | keep).with_columns(
            fraud=pl.when(late).then(~pl.col("fraud")).otherwise(pl.col("fraud")),
            known_at=pl.when(late).then(pl.col("known_at") + DAY).otherwise(pl.col("known_at")),
        )
        frame.write_parquet(path)
    stamp = pl.col("trans_date_trans_time")
    for path in sorted((target / "events").iterdir()):
        frame = pl.read_parquet(path)
        late = stamp.cast(pl.Utf8).str.slice(0, 19).str.replace("T", " ") > "2025-04-11 06:00:01"
        frame = frame.with_columns(
            amt=pl.when(late).then(pl.col("amt") * 3).otherwise(pl.col("amt"))
        )
        if frame.select(late.all()).item() and rng.random() < 0.4:
            path.unlink()
        else:
            frame.write_parquet(path)
    return target


def test_what_came_later_changes_no_byte_of_the_answer(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    status, out, err = ask(
        capsys, "-e", folder, "--as-of", AS_OF, "--json", "--home", home,
        "--html", tmp_path / "page.html", "--budget", 8,
    )  # fmt: skip
    assert (status, err) == (0, "")
    other = scrambled(folder, tmp_path / "other")
    again = ask(capsys, "-e", other, "--as-of", AS_OF, "--json", "--home", home, "--budget", 8)
    assert again == (0, out, "")
    told = json.loads(out)
    assert told["as_of"] == "2025-04-11T06:00:00+00:00"
    assert told["model"]["source"] == "trained"
    first = told["cohorts"][0]
    assert {"day", "events", "known_frauds", "maturity", "mature", "estimates"} <= set(first)
    assert set(first["estimates"]["combined"]) >= {"count", "low", "high", "rate", "estimable"}
    assert told["performance"]
    assert (tmp_path / "page.html").read_text().count("<svg") > 5
    kept = list((home / "nowcast").rglob("*.jsonl"))
    assert len(kept) == 2
    assert kept[0].read_bytes() == kept[1].read_bytes()
    status, out, _ = ask(capsys, "-e", folder, "--revisions", "--json", "--home", home)
    assert status == 0
    assert {one["estimator"] for one in json.loads(out)["revisions"]} == {"combined"}


def test_logged_decisions_are_used(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "logged"
    shutil.copytree(folder, root)
    (root / "manifest.json").unlink()
    events = pl.concat([pl.read_parquet(path) for path in sorted((root / "events").iterdir())])
    rng = np.random.default_rng(1)
    size = events.height
    score = rng.random(size) * 0.06
    control = rng.random(size) < 0.5
    (root / "decisions").mkdir()
    pl.DataFrame(
        {
            "event_id": events["trans_num"],
            "probability": score,
            "alerted": score > 0.05,
            "control": control & (score > 0.05),
            "propensity": np.where(score > 0.05, 0.5, 1.0),
            "blocked": ~control & (score > 0.05),
            "decided_at": np.full(size, MICROS - 1),
        }
    ).write_parquet(root / "decisions" / "all.parquet")
    told = ["-e", root, "--as-of", AS_OF, "--home", tmp_path / "home"]
    status, _, err = ask(capsys, *told)
    assert status == 2
    assert "--domain" in err
    status, out, _ = ask(capsys, *told, "--domain", "card")
    assert status == 0
    assert "control group" in out
    status, out, _ = ask(capsys, *told, "--domain", "card", "--json")
    answer: dict[str, Any] = json.loads(out)
    assert answer["model"]["source"] == "logged"
    reasons = {one["estimates"]["chain_ladder"]["reason"] for one in answer["cohorts"]}
    assert "blocked payments never get a label" in reasons
    status, out, _ = ask(capsys, "-e", root, "--revisions", "--home", tmp_path / "home")
    assert status == 0
    assert "as of" in out


def test_wrong_usage_is_explained(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, status, text in (
        (("-e", tmp_path / "none", "--as-of", AS_OF), 2, "no such folder"),
        (("-e", folder), 3, "--as-of"),
        (("-e", folder, "--as-of", AS_OF, "--budget", "-1"), 2, "--budget"),
        (("-e", folder, "--revisions", "--metric", "luck"), 2, "--metric"),
        (("-e", folder, "--as-of", "2025-01-20"), 3, "days old"),
        (("-e", tmp_path, "--as-of", AS_OF), 3, "events/"),
    ):
        found, _, err = ask(capsys, *arguments, "--home", tmp_path / "home")
        assert (found, text in err) == (status, True), err
