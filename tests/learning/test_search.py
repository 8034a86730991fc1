from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lagmark.errors import ConfigError, DataError
from lagmark.learning import Dataset, create_policy
from lagmark.learning.models import create_model
from lagmark.learning.search import SEARCHED, search
from lagmark.schema.time import DAY

from .worlds import world

Folds = list[tuple[Dataset, Dataset]]


@pytest.fixture(scope="module")
def folds() -> Folds:
    late = world(2, days=90, per_day=120, alerts=0, median=3.0)
    final = late.history(400 * DAY, start=0)
    every = create_policy("naive").examples(final)
    made = []
    for as_of in (50 * DAY, 60 * DAY, 70 * DAY):
        test = every.take((every.event_time >= as_of) & (every.event_time < as_of + 10 * DAY))
        made.append((create_policy("fixed_delay", {"delay": "10d"}).examples(late.history(as_of)),
                     test))  # fmt: skip
    return made


def test_attempts_are_repeatable_and_the_first_is_the_start(folds: Folds) -> None:
    start = {"C": 0.5}
    first = search(folds, "logistic_regression", trials=14, seed=1, start=start)
    again = search(folds, "logistic_regression", trials=14, seed=1, start=start)
    assert first == again
    assert first.start.params == start
    assert first.start.state == "complete"
    assert first.best.value >= first.start.value
    assert all(len(a.folds) == 3 for a in first.attempts if a.state == "complete")
    pruned = [a for a in first.attempts if a.state == "pruned"]
    assert pruned, "some fall behind half way"
    assert all(len(a.folds) < 3 for a in pruned)
    assert first.as_dict()["pruned"] == len(pruned)


def test_a_stored_search_resumes_and_other_data_begins_anew(folds: Folds, tmp_path: Path) -> None:
    store = tmp_path / "deep" / "search.journal"
    told: list[tuple[int, int]] = []
    first = search(folds, "logistic_regression", trials=3, storage=store)
    second = search(
        folds, "logistic_regression", trials=5, storage=store, tell=lambda a, b: told.append((a, b))
    )
    assert second.attempts[:3] == first.attempts
    assert second.resumed == 3
    assert told == [(3, 5), (4, 5), (5, 5)]
    assert search(folds, "logistic_regression", trials=5, storage=store).resumed == 5
    assert search(folds[:2], "logistic_regression", trials=1, storage=store).resumed == 0


def test_no_attempt_begins_after_the_time_is_over(folds: Folds) -> None:
    found = search(folds, "logistic_regression", trials=500, seconds=0.5)
    assert 1 <= len(found.attempts) < 500


def test_every_searched_kind_takes_what_is_suggested(folds: Folds) -> None:
    import optuna

    for kind, ranges in SEARCHED.items():
        # The least of every range, which is the quickest to fit.
        least = {name: one.low for name, one in _ranges(ranges).items()}
        params = ranges(optuna.trial.FixedTrial(least))  # type: ignore[arg-type]
        training = folds[0][0].take(np.arange(0, len(folds[0][0]), 8))
        create_model(kind, params).fit(training.X, training.y, names=training.names)
        assert search(folds[:1], kind, trials=1, start=params).start.params == params


def _ranges(ranges: object) -> dict[str, object]:
    import optuna

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    trial = study.ask()
    ranges(trial)  # type: ignore[operator]
    return trial.distributions


def test_what_cannot_be_searched_is_refused(folds: Folds) -> None:
    with pytest.raises(ConfigError, match="no ranges are known"):
        search(folds, "oracle", trials=1)
    with pytest.raises(ConfigError, match="a fold and a trial"):
        search(folds, "sgd", trials=0)
    honest = folds[0][1].take(folds[0][1].y == 0)
    with pytest.raises(DataError, match="no fraud"):
        search([(folds[0][0], honest)], "sgd", trials=1)
