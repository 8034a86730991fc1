from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lagmark.errors import ConfigError, DataError
from lagmark.labels import NEVER, UNKNOWN, labels_known
from lagmark.learning import Dataset, KnownHistory, TrainedModel, create_policy
from lagmark.learning.maturity import POLICIES, expected_known, share_at
from lagmark.learning.maturity.shares import Reports, known_shares, reports
from lagmark.learning.metrics import calibration_ratio
from lagmark.learning.training import block_predictions
from lagmark.schema.time import DAY

from .payments import payments
from .worlds import World, world

AS_OF = 90 * DAY
SMALL = {"n_estimators": 10, "num_leaves": 4}


@pytest.fixture(scope="module")
def late() -> World:
    return world(1, days=120, per_day=200)


def curve(age: np.ndarray) -> np.ndarray:
    return 1 - np.exp(-age / (14 * DAY))


def test_a_history_holds_what_was_known_and_nothing_else() -> None:
    batch, vectors = payments(np.random.default_rng(2))
    as_of = 12 * DAY
    history = KnownHistory.build(
        batch, vectors, as_of=as_of, start=2 * DAY, end=11 * DAY, contract_hash="c",
        subject="customer", amount="amount",
    )  # fmt: skip
    verdict, _ = labels_known(batch, as_of)
    time, ingest = batch.events["event_time"].to_numpy(), batch.events["ingest_time"].to_numpy()
    here = np.flatnonzero((ingest <= as_of) & (time >= 2 * DAY) & (time < 11 * DAY))
    assert history.rows.tolist() == here.tolist()
    assert history.verdict.tolist() == verdict[here].tolist()
    assert history.amount.tolist() == batch.events["amount"].to_numpy()[here].tolist()
    assert ((history.fraud_since == NEVER) == (history.verdict != 1)).all()
    # A fixed delay without guesses about silence is what Dataset.build does.
    built = Dataset.build(
        batch, vectors, as_of=as_of, start=2 * DAY, end=11 * DAY, delay=3 * DAY,
        contract_hash="c", subject="customer", amount="amount",
    )  # fmt: skip
    same = create_policy("fixed_delay", {"delay": "3d", "silence": "unknown"}).examples(history)
    assert same.rows.tolist() == built.rows.tolist()
    assert same.y.tolist() == built.y.tolist()
    assert same.X.tobytes() == built.X.tobytes()


def test_a_verdict_lasts_from_its_first_word_after_the_last_change() -> None:
    said = [(0, 5, True), (0, 9, True), (1, 3, True), (1, 4, False), (1, 8, True), (2, 2, True),
            (2, 6, False), (3, 50, True)]  # fmt: skip
    row, when, fraud = (np.array(part) for part in zip(*said, strict=True))
    history = KnownHistory.from_arrays(
        names=("a",), X=np.zeros((4, 1)), event_time=np.zeros(4, np.int64),
        ingest_time=np.zeros(4, np.int64), label_row=row, label_known_at=when, label_fraud=fraud,
        label_feedback=np.zeros(8, bool), as_of=20, start=0, end=1,
    )  # fmt: skip
    assert history.verdict.tolist() == [1, 1, 0, UNKNOWN]
    assert history.fraud_since.tolist() == [5, 8, NEVER, NEVER]
    assert history.told_since.tolist() == [5, 8, NEVER, NEVER]


def test_what_analysts_found_is_kept_apart_from_what_others_told() -> None:
    # Event, when, fraud, analyst: found and told; found, cleared by the bank; missed and told;
    # found and taken back.
    said = [(0, 2, True, True), (0, 7, True, False), (1, 3, True, True), (1, 9, False, False),
            (2, 2, False, True), (2, 8, True, False), (3, 4, True, True),
            (3, 5, False, True)]  # fmt: skip
    row, when, fraud, analyst = (np.array(part) for part in zip(*said, strict=True))
    history = KnownHistory.from_arrays(
        names=("a",), X=np.zeros((4, 1)), event_time=np.zeros(4, np.int64),
        ingest_time=np.zeros(4, np.int64), label_row=row, label_known_at=when, label_fraud=fraud,
        label_feedback=analyst, as_of=20, start=0, end=1,
    )  # fmt: skip
    assert history.found.tolist() == [True, True, False, False]
    assert history.told_since.tolist() == [7, NEVER, 8, NEVER]
    assert history.verdict.tolist() == [1, 0, 1, 0]


def test_what_each_policy_makes_of_silence(late: World) -> None:
    history = late.history(AS_OF)
    silent = history.verdict == UNKNOWN
    naive = create_policy("naive").examples(history)
    assert len(naive) == len(history)
    assert naive.frauds == int((history.verdict == 1).sum())
    fixed = create_policy("fixed_delay", {"delay": "30d"}).examples(history)
    assert fixed.event_time.max() <= AS_OF - 30 * DAY
    pooled = create_policy("fixed_delay", {"delay": "30d", "pool": True}).examples(history)
    assert len(pooled) == len(fixed) + int((~silent & (history.age < 30 * DAY)).sum())
    params = {"curve": curve, "reported": 0.8}
    weighted = create_policy("maturity_weighted", params).examples(history)
    assert weighted.weights is not None
    assert len(weighted) == len(history)
    share = np.where(history.feedback, 1.0, 0.8 * curve(history.age))
    wanted = 1 / np.maximum(share, 0.1)
    # Of what is younger than any report nothing can be known, unless an analyst looked at it.
    week = {"curve": lambda age: (age > 7 * DAY).astype(float)}
    rows = create_policy("maturity_weighted", week).examples(history).rows
    assert set(rows) == set(history.rows[history.feedback | (history.age > 7 * DAY)])
    assert weighted.weights[weighted.y == 1] == pytest.approx(wanted[weighted.y == 1])
    assert (weighted.weights[weighted.y == 0] == 1).all()
    feedback, delayed = create_policy("feedback_delayed").parts(history)
    assert not set(feedback.rows) & set(delayed.rows)
    assert late.alerted[feedback.rows].all()
    assert delayed.event_time.max() <= AS_OF - 30 * DAY
    unlabelled = create_policy("positive_unlabelled", {"curve": curve}).examples(history)
    assert unlabelled.weights is not None
    # Every event weighs one, in one class or shared between both.
    total = np.bincount(unlabelled.rows, unlabelled.weights)
    assert total[np.unique(unlabelled.rows)] == pytest.approx(1.0)


def test_the_silence_of_blocked_payments_says_nothing(late: World) -> None:
    blocked = np.zeros(late.fraud.shape[0], dtype=bool)
    blocked[::3] = True
    history = late.history(AS_OF, blocked=blocked)
    silent = set(history.rows[history.blocked & (history.verdict == UNKNOWN)])
    assert silent
    for name in POLICIES:
        params = {"curve": curve} if name in ("maturity_weighted", "positive_unlabelled") else {}
        assert not silent & set(create_policy(name, params).examples(history).rows)


def fitted_bits(name: str, history: KnownHistory, X: np.ndarray) -> tuple[str, bytes, bytes]:
    policy = create_policy(name)
    examples = policy.examples(history)
    model = policy.fit(history, "lightgbm", SMALL)
    weights = b"" if examples.weights is None else examples.weights.tobytes()
    return examples.fingerprint, weights, model.probability(X).tobytes()


@pytest.mark.parametrize("name", list(POLICIES))
@given(seed=st.integers(0, 2**32))
@settings(max_examples=4, deadline=None)
def test_nothing_that_became_known_later_can_matter(late: World, name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = late.fraud.shape[0]
    after = late.label_known_at > AS_OF
    to_come = late.event_time > AS_OF
    verdict, when, row = (
        part.copy() for part in (late.label_fraud, late.label_known_at, late.label_row)
    )
    verdict[after] = rng.random(int(after.sum())) < 0.5
    when[after] = AS_OF + 1 + rng.integers(0, 90 * DAY, int(after.sum()))
    row[after] = rng.integers(0, n, int(after.sum()))
    X, alerted = late.X.copy(), late.alerted.copy()
    X[to_come] = rng.normal(size=(int(to_come.sum()), X.shape[1]))
    alerted[to_come] = rng.random(int(to_come.sum())) < 0.5
    order = np.argsort(when, kind="stable")
    plain = late.history(AS_OF, start=30 * DAY)
    scrambled = late.history(
        AS_OF, start=30 * DAY, X=X, alerted=alerted, label_row=row[order],
        label_known_at=when[order], label_fraud=verdict[order],
        label_feedback=late.label_feedback[order] | after[order],
    )  # fmt: skip
    assert fitted_bits(name, plain, late.X[:500]) == fitted_bits(name, scrambled, late.X[:500])


def ratio(model: TrainedModel, later: World, since: int) -> float:
    chosen = later.event_time >= since
    found = calibration_ratio(
        later.fraud[chosen].astype(np.int8), model.probability(later.X[chosen])
    )
    assert found is not None
    return found


def test_maturity_weights_mend_the_level_that_the_naive_loses() -> None:
    as_of = 110 * DAY
    found: dict[str, list[float]] = {"naive": [], "maturity_weighted": [], "fixed_delay": []}
    for seed in range(4):
        lived = world(seed, days=150, per_day=500, alerts=0)
        history = lived.history(as_of, start=40 * DAY)
        for name, ratios in found.items():
            model = create_policy(name).fit(history, "logistic_regression")
            assert model.policy == name
            ratios.append(ratio(model, lived, as_of))
    means = {name: float(np.mean(ratios)) for name, ratios in found.items()}
    assert means["naive"] < 0.85
    assert 0.90 <= means["maturity_weighted"] <= 1.10


def with_reports(lived: World, seed: int, *, never: float, reviews: float = 0.0) -> World:
    """The same world, where customers report what analysts found as well, but never some of it.

    Besides the alerts, analysts come across a share of the frauds, whatever they look like.
    """
    rng = np.random.default_rng(seed)
    n = lived.fraud.shape[0]
    delay = (rng.lognormal(np.log(20.0), 0.8, n) * DAY).astype(np.int64)
    told = np.flatnonzero(lived.fraud & (rng.random(n) >= never))
    seen = np.flatnonzero(lived.alerted | (lived.fraud & (rng.random(n) < reviews)))
    row = np.concatenate([seen, told])
    known = lived.event_time[row] + np.concatenate([np.full(seen.shape[0], DAY), delay[told]])
    feedback = np.arange(row.shape[0]) < seen.shape[0]
    order = np.argsort(known, kind="stable")
    return replace(
        lived, label_row=row[order], label_known_at=known[order],
        label_fraud=lived.fraud[row][order], label_feedback=feedback[order],
    )  # fmt: skip


def test_frauds_that_analysts_found_show_how_many_are_never_told() -> None:
    shares = []
    for seed in range(4):
        lived = with_reports(world(seed, days=150, per_day=500), seed, never=0.3)
        shares.append(reports(lived.history(150 * DAY)).ever)
    # The curve reaches 150 days, by when nearly all that will come has come.
    assert np.mean(shares) == pytest.approx(0.7, abs=0.05)
    # Given, it is not estimated.
    assert reports(lived.history(150 * DAY), curve, 0.9).ever == 0.9


def test_what_comes_after_the_oldest_event_counts_as_not_told() -> None:
    lived = with_reports(world(1, days=40, per_day=1500), 1, never=0.0)
    found = reports(lived.history(40 * DAY))
    for days in (10, 20, 30):
        truth = NormalDist().cdf(np.log(days / 20.0) / 0.8)
        assert float(found.by(np.array([days * DAY]))[0]) == pytest.approx(truth, rel=0.2)


def test_where_a_verdict_ends_the_matter_nothing_is_made_of_it(late: World) -> None:
    # Here nobody ever reports what an analyst looked at.
    assert reports(late.history(AS_OF)).ever == 1.0
    # Too few are to be expected to say anything.
    few = with_reports(world(3, days=45, per_day=300, alerts=1), 3, never=0.2)
    assert reports(few.history(45 * DAY), curve).ever == 1.0


def test_the_known_stand_for_all_frauds_of_their_age() -> None:
    lived = with_reports(world(5, days=120, per_day=1500), 5, never=0.2)
    history = lived.history(AS_OF)
    share = known_shares(history, reports(history))
    old, fraud = history.age > 20 * DAY, lived.fraud[history.rows]
    stood_for = float((1 / share[old & (history.verdict == 1)]).sum())
    assert stood_for == pytest.approx(int((old & fraud).sum()), rel=0.1)


@pytest.mark.parametrize("policy", ["maturity_weighted", "positive_unlabelled"])
@pytest.mark.parametrize("reviews", [0.0, 0.15], ids=["alerts", "alerts and reviews"])
def test_the_level_holds_though_some_are_never_told_and_alerts_are_fast(
    policy: str, reviews: float
) -> None:
    # Analysts speak of young events, and with reviews mostly of frauds: neither may raise the
    # level; a third of the window is younger than any report to speak of.
    as_of = 60 * DAY
    found: dict[str, list[float]] = {"naive": [], policy: []}
    for seed in range(4):
        lived = with_reports(world(seed, days=90, per_day=700), seed, never=0.2, reviews=reviews)
        history = lived.history(as_of)
        for name, ratios in found.items():
            model = create_policy(name).fit(history, "logistic_regression")
            ratios.append(ratio(model, lived, as_of))
    means = {name: float(np.mean(ratios)) for name, ratios in found.items()}
    assert means["naive"] < 0.75
    assert 0.90 <= means[policy] <= 1.10


@pytest.mark.parametrize("policy", ["maturity_weighted", "positive_unlabelled"])
@pytest.mark.parametrize(("cold", "tell"), [(0, 5.0), (10, 4.0)], ids=["dense", "cold"])
def test_neither_dense_fraud_nor_a_cold_start_moves_the_level(
    policy: str, cold: int, tell: float
) -> None:
    # Where fraud looks like nothing else, weights alone leave the level a quarter too low: those
    # still out stand among the genuine. Where nothing is known of the past in the oldest days,
    # and what gives fraud away is faint, calibrating on those days alone leaves it far too high.
    ratios = []
    for seed in range(3):
        base = world(seed, days=90, per_day=1000, alerts=0)
        lived = with_reports(base, seed, never=0.2, reviews=0.3)
        X = np.random.default_rng(seed).normal(size=lived.X.shape)
        X[lived.fraud, 0] += np.where(lived.event_time < cold * DAY, 1.0, tell)[lived.fraud]
        lived = replace(lived, X=X)
        model = create_policy(policy).fit(lived.history(60 * DAY), "logistic_regression")
        ratios.append(ratio(model, lived, 60 * DAY))
    assert 0.90 <= float(np.mean(ratios)) <= 1.10


def test_the_level_is_the_known_over_their_share_and_age_alone_says_who_counts() -> None:
    lived = with_reports(world(1, days=90, per_day=500), 1, never=0.2, reviews=0.3)
    history = lived.history(60 * DAY)
    found = reports(history)
    policy = create_policy("maturity_weighted")
    model = policy.fit(history, "logistic_regression")
    # The same predictions for events that the predicting model had not seen.
    examples = policy.examples(history)
    index, found_p = block_predictions(examples, "logistic_regression")
    p = np.zeros(len(history))
    p[np.searchsorted(history.rows, examples.rows[index])] = model.calibration.apply(found_p)
    expected = known = total = 0.0
    for i in range(len(history)):
        by = float(found.by(history.age[i : i + 1])[0])
        counts = min(by / 0.1, 1.0)
        share = 1.0 if history.feedback[i] else by
        total += counts
        expected += counts * p[i]
        known += counts / share if counts and history.verdict[i] == 1 else 0.0
    assert 0 < (found.by(history.age) < 0.1).sum() < len(history)
    assert expected / total == pytest.approx(known / total, rel=1e-6)


@pytest.mark.parametrize("method", ["logistic", "isotonic"])
def test_every_kind_of_calibration_has_the_level(method: Any) -> None:
    lived = with_reports(world(2, days=90, per_day=1500), 2, never=0.2)
    history = lived.history(60 * DAY)
    model = create_policy("maturity_weighted").fit(history, "logistic_regression", method=method)
    assert model.calibration.method == method
    assert 0.8 <= ratio(model, lived, 60 * DAY) <= 1.2


def test_the_pair_is_stored_with_exact_reasons(late: World, tmp_path: Any) -> None:
    history = late.history(AS_OF)
    model = create_policy("feedback_delayed").fit(history, "lightgbm", SMALL)
    assert model.kind == "ensemble"
    assert model.model.exact
    model.save(tmp_path / "pair")
    loaded = TrainedModel.load(tmp_path / "pair", contract_hash="c")
    X = history.X[:200]
    assert loaded.probability(X).tobytes() == model.probability(X).tobytes()
    assert (loaded.policy, loaded.share_known) == ("feedback_delayed", model.share_known)
    feedback, delayed = model.model.parts
    halves = (feedback.contributions(X) + delayed.contributions(X)) / 2
    assert model.model.contributions(X) == pytest.approx(halves)
    assert feedback.predict_proba(X).mean() > 2 * delayed.predict_proba(X).mean()


def test_the_pair_falls_back_to_the_side_that_can_be_learnt(late: World) -> None:
    quiet = replace(late, alerted=np.zeros_like(late.alerted))
    model = create_policy("feedback_delayed").fit(quiet.history(AS_OF), "lightgbm", SMALL)
    assert len(model.model.parts) == 1


def test_the_share_known_is_told(late: World) -> None:
    history = late.history(AS_OF)
    known = expected_known(history, history.rows, Reports(curve, 0.9))
    fraud = history.verdict == 1
    share = 0.9 * share_at(curve, history.age[fraud])
    share[history.feedback[fraud]] = 1.0
    assert known == pytest.approx(share.shape[0] / (1 / share).sum())
    model = create_policy("naive").fit(history, "logistic_regression")
    assert model.share_known is not None
    assert 0.5 < model.share_known < 1
    assert expected_known(history, history.rows, None) is None


def test_a_prior_sets_the_level(late: World) -> None:
    history = late.history(AS_OF)
    model = create_policy("naive").fit(history, "logistic_regression", prior=0.05)
    assert model.probability(history.X).mean() == pytest.approx(0.05, rel=1e-3)


def test_bad_settings_and_thin_data_are_refused(late: World) -> None:
    for name, params in [
        ("guess", {}),
        ("naive", {"delay": 3}),
        ("fixed_delay", {"delay": -1}),
        ("fixed_delay", {"silence": "golden"}),
        ("maturity_weighted", {"least_share": 0}),
        ("positive_unlabelled", {"reported": 1.2}),
        ("feedback_delayed", {"feedback_weight": 1.0}),
    ]:
        with pytest.raises(ConfigError):
            create_policy(name, params)
    with pytest.raises(DataError, match="no analyst gave, 30 are needed"):
        create_policy("maturity_weighted").examples(late.history(3 * DAY))
    with pytest.raises(DataError, match="do not fit"):
        late.history(AS_OF, X=late.X[1:])
