from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lagmark.errors import DataError
from lagmark.learning import Dataset
from lagmark.learning.metrics import (
    Budget,
    average_precision,
    brier_score,
    calibration_ratio,
    card_precision_at_k,
    evaluate,
    expected_cost,
    reliability,
    roc_auc,
)
from lagmark.learning.metrics.bootstrap import resamples
from lagmark.learning.metrics.budget import daily_alerts, share_alerts
from lagmark.schema.time import DAY

from .payments import learnable

SEEDS = st.integers(0, 2**32)


def scored(seed: int, n: int = 60) -> tuple[np.ndarray, ...]:
    """Labels, scores with ties, times over four days, and subjects, some absent."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.3).astype(np.int8)
    score = rng.integers(0, 12, n) / 12
    return y, score, np.sort(rng.integers(0, 4 * DAY, n)), rng.integers(-1, 15, n)


@given(SEEDS)
def test_roc_auc_is_the_chance_to_rank_a_pair_rightly(seed: int) -> None:
    y, score, _, _ = scored(seed)
    weights = np.random.default_rng(seed + 1).integers(0, 4, y.shape[0]).astype(float)
    for w in (None, weights):
        won = total = 0.0
        for i in np.flatnonzero(y == 1):
            for j in np.flatnonzero(y == 0):
                pair = 1.0 if w is None else w[i] * w[j]
                total += pair
                won += pair * ((score[i] > score[j]) + 0.5 * (score[i] == score[j]))
        expected = won / total if total else None
        assert roc_auc(y, score, w) == (None if expected is None else pytest.approx(expected))


@given(SEEDS)
def test_average_precision_is_the_sum_over_distinct_scores(seed: int) -> None:
    y, score, _, _ = scored(seed)
    if not 0 < y.sum() < y.shape[0]:
        return
    expected = recall = 0.0
    for threshold in sorted(set(score), reverse=True):
        alerted = score >= threshold
        now = y[alerted].sum() / y.sum()
        expected += (now - recall) * y[alerted].mean()
        recall = now
    assert average_precision(y, score) == pytest.approx(expected)


@given(SEEDS)
def test_weights_are_repetitions(seed: int) -> None:
    y, score, time, _ = scored(seed)
    times = np.random.default_rng(seed).integers(0, 4, y.shape[0])
    weights, again = times.astype(float), np.repeat(np.arange(y.shape[0]), times)
    for metric in (roc_auc, average_precision, brier_score, calibration_ratio):
        one, other = metric(y, score, weights), metric(y[again], score[again])
        assert one == (None if other is None else pytest.approx(other))
    for make, size in ((daily_alerts, 3), (share_alerts, 0.1)):
        one, other = make(score, time, size), make(score[again], time[again], size)
        assert one is not None
        if other is not None:
            found = one.precision_recall(y, weights)
            for a, b in zip(found, other.precision_recall(y[again]), strict=True):
                assert a == (None if b is None else pytest.approx(b))


def plain_card_precision(
    y: np.ndarray, score: np.ndarray, time: np.ndarray, subject: np.ndarray, k: int
) -> float:
    """Card precision by loops; of equal scores the earlier event goes first, then the subject."""
    days = sorted({t // DAY for t, s in zip(time, subject, strict=True) if s >= 0})
    found: set[int] = set()
    shares = []
    for day in days:
        best: dict[int, tuple[float, int, int]] = {}
        guilty = set()
        for i in range(y.shape[0]):
            who = int(subject[i])
            if time[i] // DAY != day or who < 0 or who in found:
                continue
            rank = (-score[i], int(time[i]), who)
            best[who] = min(best.get(who, rank), rank)
            if y[i]:
                guilty.add(who)
        chosen = sorted(best, key=lambda who: best[who])[:k]
        hits = [who for who in chosen if who in guilty]
        found.update(hits)
        shares.append(len(hits) / k)
    return sum(shares) / len(shares)


@given(SEEDS, st.integers(1, 20))
def test_card_precision_as_plain_loops_count_it(seed: int, k: int) -> None:
    y, score, time, subject = scored(seed)
    expected = plain_card_precision(y, score, time, subject, k)
    assert card_precision_at_k(y, score, time, subject, k) == pytest.approx(expected)


@given(SEEDS, st.integers(1, 6))
def test_daily_alerts_and_their_cost_as_plain_loops_count_them(seed: int, k: int) -> None:
    y, score, time, _ = scored(seed)
    alerted = set()
    for day in set(time // DAY):
        today = [i for i in range(y.shape[0]) if time[i] // DAY == day]
        alerted.update(sorted(today, key=lambda i: (-score[i], time[i], i))[:k])
    alerts = daily_alerts(score, time, k)
    assert alerts is not None
    position, taken = alerts.front()
    assert {int(p) for p, t in zip(position, taken, strict=True) if t} == alerted
    caught = sum(int(y[i]) for i in alerted)
    precision, recall = alerts.precision_recall(y)
    assert precision == pytest.approx(caught / len(alerted))
    assert recall == (pytest.approx(caught / y.sum()) if y.sum() else None)
    loss = y * np.arange(y.shape[0], dtype=float)
    missed = sum(loss[i] for i in range(y.shape[0]) if i not in alerted)
    assert expected_cost(loss, alerts, 2.5) == pytest.approx(missed + 2.5 * len(alerted))


def test_share_alerts_take_the_top_of_everything() -> None:
    y = np.array([1, 0, 0, 1], dtype=np.int8)
    alerts = share_alerts(np.array([0.9, 0.8, 0.1, 0.2]), np.arange(4) * DAY, 0.3)
    assert alerts is not None
    assert alerts.precision_recall(y) == (0.5, 0.5)


def test_nan_scores_and_missing_classes_give_no_figure() -> None:
    none, score = np.zeros(3, dtype=np.int8), np.array([0.1, 0.2, 0.3])
    one, time = np.array([1, 0, 0], dtype=np.int8), np.arange(3)
    nan = np.array([0.1, np.nan, 0.3])
    for y in (none, none + 1):
        assert roc_auc(y.astype(np.int8), score) is None
        assert average_precision(y.astype(np.int8), score) is None
    assert calibration_ratio(none, score) is None
    for metric in (roc_auc, average_precision, brier_score, calibration_ratio):
        assert metric(one, nan) is None
    assert card_precision_at_k(one, nan, time, time) is None
    assert card_precision_at_k(one, score, time, np.full(3, -1)) is None
    assert daily_alerts(nan, time, 1) is None
    assert reliability(one, nan) == ()
    assert roc_auc(none[:0], score[:0]) is None
    assert brier_score(none[:0], score[:0]) is None


def test_reliability_bins_hold_everything_once() -> None:
    y, score, _, _ = scored(4)
    bins = reliability(y, score, bins=7)
    assert sum(b.count for b in bins) == y.shape[0]
    assert sum(b.count * b.actual for b in bins) == pytest.approx(y.sum())
    assert all(a.predicted <= b.predicted for a, b in pairwise(bins))


def test_resamples_take_clusters_whole_and_lone_examples_alone() -> None:
    clusters = np.array([4, 4, -1, -1, 9])
    drawn = list(resamples(clusters, 5, 300, np.random.default_rng(0)))
    assert all(w[0] == w[1] for w in drawn)
    assert any(w[2] != w[3] for w in drawn)
    assert all(w[0] + w[2] + w[3] + w[4] == 4 for w in drawn)


def dataset(seed: int = 0) -> Dataset:
    batch, vectors = learnable(np.random.default_rng(seed), n=1500)
    return Dataset.build(
        batch,
        vectors,
        as_of=30 * DAY,
        start=0,
        end=20 * DAY,
        contract_hash="c",
        subject="customer",
        amount="amount",
        amount_scale=100,
    )


def test_intervals_hold_the_figure_and_repeat_with_the_seed() -> None:
    data = dataset()
    probability = 1 / (1 + np.exp(2 - np.nan_to_num(data.X[:, 0])))
    budget = Budget(per_day=5, share=0.02, review_cost=3.0)
    first, again = (
        evaluate(data, probability, rng=np.random.default_rng(1), budget=budget) for _ in "ab"
    )
    assert first.as_dict() == again.as_dict()
    assert first["roc_auc"] == roc_auc(data.y, probability)
    for name, estimate in first.estimates.items():
        assert estimate.value is not None
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low < estimate.high
        if name != "card_precision_at_k":
            assert estimate.low <= estimate.value <= estimate.high, name
    record = first.as_dict()
    assert record["as_of"] == "1970-01-31T00:00:00+00:00"
    assert record["frauds"] == data.frauds


def test_bootstrap_agrees_with_the_known_spread_of_the_brier_score() -> None:
    data = dataset(1)
    alone = np.full(len(data), 0.1)
    metrics = evaluate(data, alone, rng=np.random.default_rng(2), resample=500)
    squared = (0.1 - data.y) ** 2
    error = squared.std() / math.sqrt(len(data))
    estimate = metrics.estimates["brier"]
    assert estimate.high is not None
    assert estimate.low is not None
    # Labels of one subject are independent here, so clustering changes next to nothing.
    assert (estimate.high - estimate.low) / 3.92 == pytest.approx(error, rel=0.25)


def test_figures_without_meaning_are_none_and_wrong_lengths_refused() -> None:
    data = dataset(2)
    metrics = evaluate(data, np.full(len(data), np.nan), rng=np.random.default_rng(0))
    assert all(estimate.value is None for estimate in metrics.estimates.values())
    empty = data.take(np.zeros(len(data), dtype=bool))
    assert evaluate(empty, np.empty(0), rng=np.random.default_rng(0))["roc_auc"] is None
    with pytest.raises(DataError, match="probabilities for"):
        evaluate(data, np.zeros(3), rng=np.random.default_rng(0))
