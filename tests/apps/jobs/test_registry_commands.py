"""Training by policy, gates, promotion, cards and the search, as commands."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from lagmark.apps.cli import main
from lagmark.backends.parquet_labels import ParquetLabels
from lagmark.schema.time import DAY
from lagmark.simulator import simulate_handbook
from lagmark.wiring import Home

Answer = Any


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty-five days of payments; frauds are reported with a median of five days."""
    folder = tmp_path_factory.mktemp("history")
    frame = simulate_handbook(customers=220, terminals=200, days=45, radius=20.0, seed=5)
    (folder / "events").mkdir()
    frame.drop("TX_FRAUD", "TX_FRAUD_SCENARIO", strict=False).write_parquet(
        folder / "events" / "all.parquet"
    )
    rng = np.random.default_rng(0)
    fraud = frame.filter(pl.col("TX_FRAUD") == 1)
    time = fraud["TX_DATETIME"].dt.epoch("us").to_numpy()
    known = time + (rng.lognormal(np.log(3.0), 0.7, fraud.height) * DAY).astype(np.int64)
    messages = pl.DataFrame({
        "event_id": fraud["TRANSACTION_ID"].cast(pl.Int64), "known_at": known, "said_at": known,
        "fraud": [True] * fraud.height, "source": ["chargeback"] * fraud.height,
        "confidence": [1.0] * fraud.height, "reversal": [False] * fraud.height,
    })  # fmt: skip
    ParquetLabels(folder / "labels", integer_ids=True).append(messages.sort("known_at"))
    day = frame["TX_DATETIME"].dt.date()
    (folder / "manifest.json").write_text(json.dumps({
        "format": 1, "domain": "handbook", "events": frame.height,
        "first_day": str(day.min()), "last_day": str(day.max()),
    }))  # fmt: skip
    return folder


class Lagmark:
    """Commands on one home."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self.capsys = home, capsys

    def __call__(self, *arguments: object, status: int = 0, plain: bool = False) -> Answer:
        self.capsys.readouterr()
        given = [*map(str, arguments), "--home", str(self.home)]
        code = main(given if plain else [*given, "--json"])
        out, err = self.capsys.readouterr()
        assert code == status, err
        return out if plain else json.loads(out)


@pytest.fixture(scope="module")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a registry that holds nothing: making the database takes seconds."""
    home = tmp_path_factory.mktemp("empty") / "home"
    Home(home).registry()
    return home


@pytest.fixture
def lagmark(empty_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Lagmark:
    shutil.copytree(empty_home, tmp_path / "home")
    return Lagmark(tmp_path / "home", capsys)


def test_from_a_history_to_a_gated_champion_and_back(lagmark: Lagmark, history: Path) -> None:
    common = ("-d", "handbook", "-e", history, "-f", "published", "--model", "logistic_regression",
              "--as-of", "2018-04-23", "--delay", "7d")  # fmt: skip
    naive = lagmark("train", *common, "--maturity", "naive", "--train-days", "3")
    better = lagmark("train", *common, "--maturity", "maturity_weighted")
    assert (naive["policy"], better["policy"]) == ("naive", "maturity_weighted")
    assert 0 < naive["share_known"] < 1
    listed = lagmark("runs")["runs"]
    assert {one["policy"] for one in listed} == {"naive", "maturity_weighted"}
    assert lagmark("promote", naive["run_id"])["aliases"] == ["champion"]

    asked = ("--gate", "-e", history, "--mature-age", "8d", "--p99-ms", "10000")
    same = lagmark("promote", naive["run_id"], *asked, status=6)
    assert same["promoted"] is False
    assert same["gate"]["gates"][1]["figure"] == 0.0
    report = lagmark("promote", better["run_id"][:8], *asked, status=6)["gate"]
    found = {gate["name"]: gate for gate in report["gates"]}
    assert list(found) == ["mature", "better", "calibrated", "contract", "fast"]
    assert found["contract"]["passed"]
    assert report["frauds"] > 0
    refusal = lagmark("card", better["run_id"])["rulings"]
    assert [(one["what"], one["reason"]) for one in refusal] == [("refused", report["reason"])]
    ruled = {one["run_id"]: one["rulings"] for one in lagmark("runs")["runs"]}
    assert ruled[better["run_id"]] == refusal
    assert [one["what"] for one in ruled[naive["run_id"]]] == ["promoted", "refused"]
    assert f"refused {refusal[0]['at'][:10]}" in lagmark("runs", plain=True)
    assert report["reason"] in lagmark("card", better["run_id"], plain=True)
    challenger = lagmark("promote", "2", "--alias", "challenger", "--reason", "to be compared")
    assert challenger["aliases"] == ["challenger"]
    assert lagmark("promote", better["run_id"], "--reason", "by hand")["version"] == 2
    assert lagmark("rollback")["version"] == 1
    shown = {one["run_id"]: one["aliases"] for one in lagmark("runs")["runs"]}
    assert shown[naive["run_id"]] == "champion"
    assert shown[better["run_id"]] == "challenger, previous"


def test_labels_that_come_later_change_no_model_of_today(
    lagmark: Lagmark, history: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "history"
    shutil.copytree(history, folder)
    asked = ("train", "-d", "handbook", "-e", folder, "-f", "published", "--model",
             "logistic_regression", "--as-of", "2018-05-01", "--maturity")  # fmt: skip
    first = {name: lagmark(*asked, name) for name in ("positive_unlabelled", "feedback_delayed")}
    store = ParquetLabels(folder / "labels", integer_ids=True)
    later = int(datetime(2018, 5, 1, 0, 0, 1, tzinfo=UTC).timestamp() * 1e6)
    said = store.read().with_columns(
        known_at=pl.lit(later, pl.Int64), fraud=~pl.col("fraud"), source=pl.lit("analyst"),
        said_at=pl.lit(later, pl.Int64),
    )  # fmt: skip
    assert store.append(said) == said.height
    for name, model in first.items():
        again = lagmark(*asked, name)
        for fact in ("fingerprint", "share_known", "train_events", "train_frauds"):
            assert again[fact] == model[fact]
    measured = ("evaluate", "-d", "handbook", "-e", folder, "--from", "2018-05-01", "--to",
                "2018-05-10", "--as-of", "2018-05-16")  # fmt: skip
    lagmark("promote", first["positive_unlabelled"]["run_id"])
    judged = lagmark(*measured)
    assert 0 < judged["frauds"] < judged["events"] / 2, "silent payments count as genuine"


def test_gates_let_a_better_model_pass_and_keep_why(
    lagmark: Lagmark, payments: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    common = ("-d", "handbook", "-e", payments, "-f", "published", "--as-of", "2018-04-28")
    first = lagmark("train", *common, "--model", "logistic_regression", "--train-days", "2")
    second = lagmark("train", *common, "--model", "lightgbm")
    lagmark("promote", first["run_id"], "--reason", "the first")
    from lagmark.learning import gates

    # Whether a model of some days is calibrated is not what this shows.
    wide = gates.Limits(lowest_ratio=0.1, highest_ratio=10.0, p99_ms=10_000.0, least_frauds=10)
    monkeypatch.setattr(gates, "Limits", lambda **_: wide)
    answer = lagmark("promote", second["run_id"], "--gate", "-e", payments)
    assert answer["promoted"], answer["gate"]["reason"]
    text = lagmark("promote", second["run_id"], "--gate", "-e", payments, status=6, plain=True)
    assert "FAIL" in text


def test_a_card_in_every_format(lagmark: Lagmark, payments: Path, tmp_path: Path) -> None:
    config = tmp_path / "run.yaml"
    config.write_text(
        "domain: handbook\nfeature_sets: [published]\nmodels: [logistic_regression]\nfolds: 1\n"
        f"threads: 1\nresamples: 20\nparity: false\nevents: {payments}\n"
    )
    ran = lagmark("run", "--config", config)["results"][0]
    card = lagmark("card", ran["run_id"])["card"]
    assert card["model"]["fingerprint"]
    assert card["model"]["contract_hash"] == ran["contract_hash"]
    assert card["measured"]["figures"]["pr_auc"][0] == pytest.approx(ran["pr_auc"])
    assert {one["by"] for one in card["segments"]} == {"amount", "time"}
    assert sum(s["events"] for s in card["segments"]) == 2 * ran["test_events"]
    text = lagmark("card", ran["run_id"][:10], plain=True)
    for part in ("# Model card", "## Limits", "data fingerprint", "95 % interval", "night"):
        assert part in text
    out = tmp_path / "card.html"
    lagmark("card", ran["run_id"], "--format", "html", "--out", out)
    page = out.read_text()
    assert page.rstrip().endswith("</html>")
    assert "Predicted / actual" in page


def test_a_search_goes_on_where_it_stopped(lagmark: Lagmark, payments: Path, history: Path) -> None:
    asked = ("search", "-d", "handbook", "-e", payments, "-f", "published", "--folds", "2",
             "--model", "logistic_regression", "--threads", "1", "--seed", "3")  # fmt: skip
    first = lagmark(*asked, "--trials", "2")
    assert (len(first["trials"]), first["resumed"]) == (2, 0)
    assert len(first["trials"][0]["folds"]) == 2
    second = lagmark(*asked, "--trials", "4")
    assert second["trials"][:2] == first["trials"]
    assert (len(second["trials"]), second["resumed"]) == (4, 2)
    assert second["best"]["pr_auc"] >= second["start"]["pr_auc"]
    assert len({json.dumps(one["params"]) for one in second["trials"]}) == 4
    of_messages = lagmark(*asked[:4], history, *asked[5:], "--trials", "1")
    assert 0 < of_messages["best"]["pr_auc"] < 1
    stored = lagmark("card", second["run_id"])["card"]
    assert any("chosen on the test ranges" in limit for limit in stored["limits"])


def test_wrong_questions_are_answered_with_what_to_do(
    lagmark: Lagmark, payments: Path, history: Path
) -> None:
    assert lagmark("runs")["runs"] == []
    assert "no run" in lagmark("promote", "abc", status=6)["error"]["what"]
    assert "which domain" in lagmark("rollback", status=2)["error"]["what"]
    run = lagmark("train", "-d", "handbook", "-e", payments, "-f", "published", "--model",
                  "logistic_regression", "--as-of", "2018-04-28")  # fmt: skip
    assert (
        "gates need events"
        in lagmark("promote", run["run_id"], "--gate", status=2)["error"]["what"]
    )
    other = lagmark("train", "-d", "card", "-e", history, status=2)["error"]
    assert "history is of the domain 'handbook'" in other["what"]
    unknown = lagmark("train", "-d", "handbook", "-e", payments, "-f", "published", "--maturity",
                      "hope", "--as-of", "2018-04-28", status=2)["error"]  # fmt: skip
    assert "no maturity policy 'hope'" in unknown["what"]
