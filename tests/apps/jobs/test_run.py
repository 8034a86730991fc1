"""The whole way in, on small generated payments."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.apps.jobs.conftest import Silent, small_settings

from lagmark.apps.jobs.evaluate_model import evaluate_model
from lagmark.apps.jobs.ingest import ingest
from lagmark.apps.jobs.parity import check_parity
from lagmark.apps.jobs.record import best_of
from lagmark.apps.jobs.run import run
from lagmark.apps.jobs.train_model import train_as_of
from lagmark.domains.registry import get_domain
from lagmark.errors import ConfigError, DataError, ParityError
from lagmark.features import backfill
from lagmark.learning import TrainedModel
from lagmark.ports.model_registry import Alias
from lagmark.schema.time import parse_instant, to_micros
from lagmark.wiring import Home

if TYPE_CHECKING:
    from lagmark.apps.jobs.outcome import RunOutcome

PROMISED = {
    "model": str,
    "feature_set": str,
    "fold": str,
    "train_events": int,
    "train_frauds": int,
    "test_events": int,
    "test_frauds": int,
    "roc_auc": float,
    "pr_auc": float,
    "card_precision_at_100": float,
    "as_of": str,
}


def micros(text: str) -> int:
    return to_micros(parse_instant(text))


def test_results_have_the_promised_keys_and_survive_json(outcome: RunOutcome) -> None:
    found = json.loads(json.dumps(outcome.as_dict(), allow_nan=False))
    assert len(found["results"]) == 2
    for result in found["results"]:
        for name, kind in PROMISED.items():
            assert isinstance(result[name], kind), name
        assert result["train_frauds"] <= result["train_events"]
        assert result["pr_auc_low"] <= result["pr_auc"] <= result["pr_auc_high"]
    assert found["parity_differences"] == 0
    assert found["means"][0]["folds"] == 2


def test_no_label_younger_than_the_delay_is_used(outcome: RunOutcome) -> None:
    for result in outcome.results:
        fold = result.trial.fold
        assert result.model.train_end <= fold.as_of - fold.delay
        assert result.metrics.as_of >= fold.test_end + fold.delay


def test_the_first_best_model_becomes_champion_and_can_be_loaded(outcome: RunOutcome) -> None:
    registration = outcome.registration
    assert registration is not None
    assert registration.alias == "champion"
    assert registration.fold == outcome.results[-1].trial.fold.name
    bundle = Home(outcome.settings.home).registry().bundle("handbook", Alias.CHAMPION)
    loaded = TrainedModel.load(bundle)
    same = outcome.results[-1].model
    X = np.zeros((3, len(same.names)))
    assert loaded.probability(X).tolist() == same.probability(X).tolist()


def test_the_report_tells_the_figures(outcome: RunOutcome) -> None:
    page = outcome.report.read_text()
    assert "PR-AUC" in page
    assert outcome.results[-1].trial.fold.name in page


def test_a_second_run_leaves_the_champion_and_says_how_to_promote(
    payments: Path, tmp_path: Path
) -> None:
    settings = small_settings(payments, tmp_path, folds=1, parity=False, resamples=0)
    first, second = (run(settings, reporter=Silent()) for _ in range(2))
    assert first.registration is not None
    assert second.registration is not None
    assert second.registration.alias == "challenger"
    assert second.registration.champion_version == first.registration.version
    assert second.parity_differences is None
    metrics = [r.results[0].metrics["pr_auc"] for r in (first, second)]
    assert metrics[0] == metrics[1], "same seed, same data, same figures"


def test_what_happens_later_changes_no_result(payments: Path, tmp_path: Path) -> None:
    """Rows after the judging instant are dropped; every figure stays."""
    import polars as pl

    settings = small_settings(
        payments, tmp_path / "a", folds=1, test_start="2018-04-25", parity=False, resamples=0
    )
    whole = run(settings, reporter=Silent())
    judged = whole.results[0].metrics.as_of
    kept = pl.read_parquet(payments).filter(
        pl.col("TX_DATETIME").dt.epoch("us") < judged - 7 * 86_400_000_000
    )
    kept.write_parquet(tmp_path / "kept.parquet")
    cut = run(
        small_settings(
            tmp_path / "kept.parquet", tmp_path / "b", folds=1, test_start="2018-04-25",
            parity=False, resamples=0,
        ),
        reporter=Silent(),
    )  # fmt: skip
    assert cut.results[0].model.fingerprint == whole.results[0].model.fingerprint
    assert cut.results[0].metrics["pr_auc"] == whole.results[0].metrics["pr_auc"]


def test_a_model_with_a_caveat_is_never_the_best(outcome: RunOutcome) -> None:
    assert best_of(outcome.results, {"published": "leaks"}) is None
    leaking = replace(
        outcome.results[0], trial=replace(outcome.results[0].trial, feature_set="leaky")
    )
    best = best_of([leaking, outcome.results[1]], {"leaky": "leaks"})
    assert best is outcome.results[1]


def test_parity_notices_one_wrong_bit(payments: Path, tmp_path: Path) -> None:
    domain = get_domain("handbook")
    batch = ingest(payments, domain, dead_letters=tmp_path / "dead", reporter=Silent()).batch
    feature_set = domain.feature_set("published")
    vectors = backfill(feature_set, batch)
    for row in (5, len(batch) - 3):
        vectors.matrix[row, 4] = np.nextafter(vectors.matrix[row, 4], np.inf)
    parity = check_parity(feature_set, batch, vectors, reporter=Silent())
    assert parity.differences == 2
    assert parity.first is not None
    assert parity.first.startswith(f"event {batch.events['event_id'][5]}, feature")
    with pytest.raises(ParityError):
        parity.require()


def test_train_as_of_then_evaluate_later(payments: Path, tmp_path: Path) -> None:
    settings = small_settings(payments, tmp_path, resamples=0)
    as_of = micros("2018-04-25")
    trained = train_as_of(settings, as_of=as_of, reporter=Silent())
    assert trained.model.as_of == as_of
    assert trained.model.train_end == micros("2018-04-18")
    bundle = Home(tmp_path).registry().bundle_of(trained.run.run_id)
    period = {"start": as_of, "end": micros("2018-05-02")}
    found = evaluate_model(settings, bundle, as_of=None, reporter=Silent(), **period)
    assert found.metrics.events > 0
    assert found.metrics.as_of == micros("2018-05-09")
    with pytest.raises(ConfigError, match="after the period began"):
        evaluate_model(
            settings,
            bundle,
            start=as_of - 1,
            end=period["end"],
            as_of=None,
            reporter=Silent(),
        )
    with pytest.raises(DataError, match="label"):
        evaluate_model(
            settings, bundle, as_of=period["end"] - 1, reporter=Silent(),
            start=period["end"] - 86_400_000_000, end=period["end"],
        )  # fmt: skip


def test_training_before_any_label_was_known_is_refused(payments: Path, tmp_path: Path) -> None:
    settings = small_settings(payments, tmp_path)
    with pytest.raises(DataError, match="old by"):
        train_as_of(settings, as_of=micros("2018-04-05"), reporter=Silent())
