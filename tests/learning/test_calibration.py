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
