"""Calibration of single rows, and the score that people see."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lagmark.decisions.levels import level, score
from lagmark.errors import DataError
from lagmark.learning import Calibration
from lagmark.learning.calibration import score as scores
from lagmark.ports.scorer import Scorer
from lagmark.schema.decision import Level
from lagmark.serving.scoring import TreeScorer
from lagmark.serving.trees.calibrate import calibrated, probability
from lagmark.wiring.scorers import curve_of


def calibrations() -> dict[str, Calibration]:
    rng = np.random.default_rng(0)
    p = rng.beta(0.3, 3, 4000)
    y = (rng.random(4000) < p**1.3).astype(np.int8)
    p[::97], p[1::97] = 0.0, 1.0
    fitted = {m: Calibration.fit(p, y, m) for m in ("identity", "logistic", "isotonic")}
    moved = {f"{name}, moved": c.moved(-0.7) for name, c in fitted.items()}
    return {**fitted, **moved, "one knot": Calibration("isotonic", knots=(0.3,), levels=(-2.0,))}


@pytest.mark.parametrize("name", list(calibrations()))
def test_rows_are_calibrated_as_in_evaluation(name: str) -> None:
    calibration = calibrations()[name]
    rng = np.random.default_rng(1)
    edges = [0.0, 1.0, 1e-12, 1 - 1e-12, 5e-324, 0.5, calibration.floor]
    z = np.array(calibration.knots[:50])
    p = np.concatenate([edges, rng.random(2000), rng.beta(0.05, 2, 2000), 1 / (1 + np.exp(-z))])
    curve = curve_of(calibration)
    found = np.array([calibrated(curve, each) for each in p.tolist()])
    assert np.abs(found - calibration.apply(p)).max() <= 1e-12


@pytest.mark.parametrize("margin", [-200.0, -88.8, -15.0, -0.1, 0.0, 0.1, 15.0, 40.0, 200.0])
def test_probabilities_of_margins(margin: float) -> None:
    exact = 1 / (1 + math.exp(-margin))
    assert probability(margin, False) == pytest.approx(exact, rel=1e-15)
    assert probability(float(np.float32(margin)), True) == pytest.approx(exact, rel=1e-6, abs=1e-38)


@given(st.floats(0, 1))
def test_one_rule_makes_the_score(p: float) -> None:
    assert scores(np.array([p])).tolist() == [score(p)]
    assert 1 <= score(p) <= 99


def test_a_score_never_falls_with_the_probability() -> None:
    p = np.sort(np.concatenate([np.random.default_rng(0).beta(0.1, 1, 5000), [0, 1, 1e-9]]))
    found = [score(each) for each in p.tolist()]
    assert found == sorted(found)
    assert {found[0], found[-1]} == {1, 99}
    with pytest.raises(DataError, match="NaN"):
        score(math.nan)


def test_levels_are_bands_of_the_score() -> None:
    order = list(Level)
    found = [order.index(level(each)) for each in range(1, 100)]
    assert found == sorted(found)
    assert set(found) == {0, 1, 2, 3}
    # The bands are told in odds: 1 in 100, 1 in 10, rather fraud than not.
    for p, below, at in (
        (0.01, Level.LOW, Level.MEDIUM),
        (0.1, Level.MEDIUM, Level.HIGH),
        (0.5, Level.HIGH, Level.CRITICAL),
    ):
        assert level(score(p)) is at
        assert level(score(p / 1.2)) is below


def test_tree_scorers_are_scorers() -> None:
    promised = {name for name in vars(Scorer) if not name.startswith("_")}
    assert promised <= {*dir(TreeScorer), "version", "kind", "contract_hash", "names"}
