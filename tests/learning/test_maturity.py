from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lagmark.errors import ConfigError, DataError
from lagmark.labels import NEVER, UNKNOWN, labels_known
from lagmark.learning import Dataset, KnownHistory, TrainedModel, create_policy
from lagmark.learning.maturity import POLICIES, expected_known, share_at
from lagmark.learning.metrics import calibration_ratio
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
    weighted = create_policy("maturity_weighted", {"curve": curve}).examples(history)
    assert weighted.weights is not None
    share = curve(AS_OF - weighted.event_time)
    assert weighted.weights[weighted.y == 1] == pytest.approx(1 / share[weighted.y == 1])
    assert (weighted.weights[weighted.y == 0] == 1).all()
    assert (share[weighted.y == 1] >= 0.1).all()
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
    known = expected_known(history, history.rows, curve)
    share = share_at(curve, history.age[history.verdict == 1])
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
        ("feedback_delayed", {"feedback_weight": 1.0}),
    ]:
        with pytest.raises(ConfigError):
            create_policy(name, params)
    with pytest.raises(DataError, match="fraud labels known, 30 are needed"):
        create_policy("maturity_weighted").examples(late.history(3 * DAY))
    with pytest.raises(DataError, match="do not fit"):
        late.history(AS_OF, X=late.X[1:])
