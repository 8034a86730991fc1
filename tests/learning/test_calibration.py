from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lagmark.errors import ConfigError, DataError, StateError
from lagmark.learning import Calibration, score
from lagmark.learning.models.files import log_odds, sigmoid


def drawn(slope: float, intercept: float, n: int = 40_000) -> tuple[np.ndarray, np.ndarray]:
    """Predictions whose true probability is a known logistic map of them."""
    rng = np.random.default_rng(0)
    z = rng.normal(-2.0, 1.5, n)
    y = (rng.random(n) < sigmoid(slope * z + intercept)).astype(np.int8)
    return sigmoid(z), y


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.5, 0.7), (2.0, -1.0)])
def test_logistic_calibration_finds_the_map_back(slope: float, intercept: float) -> None:
    probability, y = drawn(slope, intercept)
    fitted = Calibration.fit(probability, y)
    assert fitted.slope == pytest.approx(slope, abs=0.1)
    assert fitted.intercept == pytest.approx(intercept, abs=0.15)
    assert fitted.apply(probability).sum() == pytest.approx(y.sum(), rel=0.01)


def test_logistic_calibration_is_that_of_an_unpenalised_regression() -> None:
    from sklearn.linear_model import LogisticRegression

    probability, y = drawn(0.6, 0.4, n=3000)
    fitted = Calibration.fit(probability, y)
    other = LogisticRegression(C=1e10, tol=1e-10).fit(log_odds(probability)[:, None], y)
    # Platt's targets differ from 0 and 1 by about one in the number of frauds.
    assert fitted.slope == pytest.approx(other.coef_[0, 0], abs=0.02)
    assert fitted.intercept == pytest.approx(other.intercept_[0], abs=0.02)


@pytest.mark.parametrize("method", ["identity", "logistic", "isotonic"])
def test_calibration_is_monotone_and_survives_json(method: str) -> None:
    probability, y = drawn(0.5, 0.7, n=3000)
    fitted = Calibration.fit(probability, y, method)
    assert fitted.method == method
    again = Calibration.from_json(fitted.to_json())
    assert again == fitted
    grid = np.linspace(0, 1, 1001)
    out = again.apply(grid)
    assert (np.diff(out) >= 0).all()
    assert ((out >= 0) & (out <= 1)).all()
    if method != "identity":
        assert fitted.apply(probability).sum() == pytest.approx(y.sum(), rel=0.02)


def test_too_few_frauds_leave_the_probability_alone() -> None:
    y = np.zeros(1000, dtype=np.int8)
    y[:9] = 1
    fitted = Calibration.fit(np.linspace(0, 1, 1000), y)
    assert (fitted.method, fitted.frauds) == ("identity", 9)


def test_a_model_that_ranks_backwards_gets_the_base_rate() -> None:
    probability, y = drawn(-1.0, -2.0, n=5000)
    out = Calibration.fit(probability, y).apply(probability)
    assert out == pytest.approx(np.full(5000, y.mean()), abs=1e-3)


def test_exact_zeros_do_not_dominate() -> None:
    rng = np.random.default_rng(1)
    true = rng.beta(0.3, 3.0, 20_000)
    y = (rng.random(20_000) < true).astype(np.int8)
    votes = rng.binomial(20, true) / 20
    fitted = Calibration.fit(votes, y)
    assert fitted.floor == pytest.approx(0.025)
    brier = ((fitted.apply(votes) - y) ** 2).mean()
    assert brier < 1.02 * ((votes - y) ** 2).mean()


def test_bad_calibrations_are_refused() -> None:
    with pytest.raises(ConfigError, match="no calibration 'magic'"):
        Calibration.fit(np.zeros(2), np.zeros(2, dtype=np.int8), "magic")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="NaN"):
        Calibration.fit(np.array([np.nan]), np.zeros(1, dtype=np.int8))
    with pytest.raises(StateError, match="unreadable"):
        Calibration.from_json("[]")
    with pytest.raises(StateError, match="not a rising map"):
        Calibration("logistic", slope=-1.0)
    with pytest.raises(StateError, match="not a rising map"):
        Calibration("isotonic", knots=(0.0, 1.0), levels=(1.0, 0.0))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_scores_run_from_1_to_99_and_never_fall(probability: list[float]) -> None:
    points = score(np.sort(np.array(probability)))
    assert ((points >= 1) & (points <= 99)).all()
    assert (np.diff(points) >= 0).all()


def test_score_of_nan_is_refused() -> None:
    with pytest.raises(DataError, match="NaN"):
        score(np.array([np.nan]))


def test_weights_stand_for_copies() -> None:
    probability, y = drawn(0.6, 0.4, n=4000)
    twice = np.concatenate([probability, probability[y == 1]])
    labels = np.concatenate([y, y[y == 1]])
    weights = np.where(y == 1, 2.0, 1.0)
    for method in ("logistic", "isotonic"):
        copied = Calibration.fit(twice, labels, method)  # type: ignore[arg-type]
        weighted = Calibration.fit(probability, y, method, weights)  # type: ignore[arg-type]
        grid = np.linspace(0.01, 0.9, 50)
        assert weighted.apply(grid) == pytest.approx(copied.apply(grid), rel=1e-2, abs=1e-4)
    few = Calibration.fit(probability, y, weights=np.full(y.shape[0], 9.0 / y.sum()))
    assert few.method == "identity", "copies of little weight are little evidence"


def test_a_new_share_of_frauds_moves_the_log_odds() -> None:
    rng = np.random.default_rng(2)
    y = (rng.random(60_000) < 0.1).astype(np.int8)
    z = rng.normal(size=y.shape[0]) + 2 * y
    fitted = Calibration.fit(sigmoid(z), y)
    # Half of the genuine events go: frauds look as before, their share is another.
    kept = (y == 1) | (rng.random(y.shape[0]) < 0.5)
    moved = fitted.for_prior(float(y.mean()), float(y[kept].mean()))
    assert moved.apply(sigmoid(z[kept])).sum() == pytest.approx(y[kept].sum(), rel=0.03)
    assert Calibration.from_json(moved.to_json()) == moved
    assert moved.shift == pytest.approx(np.log(2), abs=0.05)
    back = moved.for_prior(float(y[kept].mean()), float(y.mean()))
    assert back.shift == pytest.approx(0.0, abs=1e-12)


def test_a_calibration_can_be_matched_with_a_rate() -> None:
    probability, y = drawn(1.0, 0.0, n=5000)
    for fitted in (Calibration(), Calibration.fit(probability, y, "isotonic")):
        matched = fitted.matched(probability, 0.02)
        assert matched.apply(probability).mean() == pytest.approx(0.02, rel=1e-6)
        assert (np.diff(matched.apply(np.linspace(0, 1, 101))) >= 0).all()
    weights = np.where(y == 1, 3.0, 1.0)
    heavy = Calibration().matched(probability, 0.1, weights)
    assert np.average(heavy.apply(probability), weights=weights) == pytest.approx(0.1, rel=1e-6)
    with pytest.raises(ConfigError, match="share of frauds"):
        Calibration().matched(probability, 0.0)
    with pytest.raises(ConfigError, match="share of frauds"):
        Calibration().for_prior(0.1, 1.5)
    with pytest.raises(DataError, match="no probabilities"):
        Calibration().matched(probability[:0], 0.1)


def test_calibrations_of_earlier_versions_are_read() -> None:
    text = Calibration().to_json().replace(', \n "shift": 0.0', "").replace(
        ',\n "shift": 0.0', ""
    )  # fmt: skip
    assert "shift" not in text
    assert Calibration.from_json(text) == Calibration()
