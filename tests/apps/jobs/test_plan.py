"""Which days a run learns from and is tested on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lagmark.apps.jobs.plan import Plan, make_plan
from lagmark.domains.domain import Evaluation, ModelChoice
from lagmark.domains.registry import get_domain
from lagmark.errors import ConfigError, DataError
from lagmark.schema.events import EventBatch
from lagmark.schema.time import DAY, HOUR, from_micros, parse_instant, to_micros
from lagmark.settings import RunSettings

START = to_micros(parse_instant("2018-04-01"))


def batch(days: int, start: int = START) -> EventBatch:
    times = [start + i * DAY + 9 * HOUR for i in range(days)]
    frame = pl.DataFrame({"event_id": range(days), "event_time": times, "ingest_time": times})
    empty = pl.DataFrame({"row": [], "known_at": [], "fraud": [], "source": []})
    return EventBatch(frame, empty)


def plan(days: int = 183, domain: str = "handbook", **settings: Any) -> Plan:
    given = RunSettings(domain=domain, events=Path("x"), **settings)
    return make_plan(given, get_domain(domain), batch(days))


def day(micros: int) -> str:
    return from_micros(micros).date().isoformat()


def test_the_handbook_is_tested_on_four_weeks_the_last_as_published() -> None:
    found = plan()
    assert [t.fold.name for t in found.trials] == [
        "2018-07-18",
        "2018-07-25",
        "2018-08-01",
        "2018-08-08",
    ]
    last = found.trials[-1].fold
    assert (day(last.train_start), day(last.train_end)) == ("2018-05-03", "2018-08-01")
    assert last.delay == 7 * DAY
    assert last.as_of == last.test_start
    assert {t.feature_set for t in found.trials} == {"default"}
    assert found.notes == ()


def test_the_published_protocol_is_one_week_and_lagmarks_own_beside_it() -> None:
    found = plan(protocol="published")
    told = [(t.feature_set, t.model.kind, day(t.fold.train_start)) for t in found.trials]
    assert told == [
        ("published", "logistic_regression", "2018-07-25"),
        ("published", "random_forest", "2018-07-25"),
        ("published", "xgboost", "2018-07-25"),
        ("default", "xgboost", "2018-05-03"),
    ]
    assert {day(t.fold.test_start) for t in found.trials} == {"2018-08-08"}
    assert found.trials[2].model.params["tree_method"] == "exact"
    assert [t.as_published for t in found.trials] == [True, True, True, False]


def test_the_published_protocol_cannot_be_bent() -> None:
    with pytest.raises(ConfigError, match="fixes folds, train_days"):
        plan(protocol="published", folds=2, train_days=3)
    with pytest.raises(ConfigError, match="no published result"):
        plan(domain="card", protocol="published")


def test_events_that_end_earlier_are_tested_on_their_last_mature_days() -> None:
    found = plan(days=60)
    last = found.trials[-1].fold
    assert day(last.test_end) == "2018-05-24", "events end 05-30, labels are a week late"
    assert day(last.train_start) == "2018-04-01"
    assert any("do not cover the usual test" in note for note in found.notes)
    assert all(t.fold.train_end <= t.fold.as_of - 7 * DAY for t in found.trials)


def test_few_days_shorten_the_test_and_too_few_are_refused() -> None:
    folds = [t.fold for t in plan(days=20).trials]
    assert [f.test_end - f.test_start for f in folds] == [2 * DAY] * len(folds)
    with pytest.raises(DataError, match="too few"):
        plan(days=15)


def test_days_asked_for_must_be_there() -> None:
    with pytest.raises(ConfigError, match="do not cover"):
        plan(days=60, test_start="2018-07-01")
    found = plan(test_start="2018-07-01", folds=1, test_days=3, train_days=10, delay="2d")
    (trial,) = found.trials
    assert (day(trial.fold.train_start), day(trial.fold.test_end)) == ("2018-06-19", "2018-07-04")


def test_settings_choose_models_and_keep_tuned_parameters() -> None:
    found = plan(models="xgboost,random_forest", folds=1)
    tuned, plain = (t.model for t in found.trials)
    assert tuned.params == get_domain("handbook").evaluation.models[0].params
    assert plain.params == {}


def test_a_domain_without_labels_cannot_be_learnt_from() -> None:
    domain = replace(get_domain("card"), label=None, evaluation=Evaluation())
    with pytest.raises(DataError, match="no labels"):
        make_plan(RunSettings(domain="card", events=Path("x")), domain, batch(90))


def test_a_model_is_called_by_its_name() -> None:
    assert ModelChoice("xgboost").label == "xgboost"
    assert ModelChoice("xgboost", name="deep").label == "deep"
