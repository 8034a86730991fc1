"""Decisions of a day follow the policy, and the control group is drawn fairly."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lagmark.backtest import Costs
from lagmark.backtest.control import estimate_rate
from lagmark.backtest.deciding import decide

from .worlds import policy

SHARES = arrays(np.float64, st.integers(0, 60), elements=st.floats(0, 1, width=32))


@given(
    p=SHARES,
    cases=st.integers(1, 20),
    action=st.sampled_from(["alert", "block"]),
    above=st.sampled_from([None, 0.4]),
    threshold=st.sampled_from(["budget", "cost"]),
    control=st.sampled_from([0.0, 0.3]),
    seed=st.integers(0, 9),
)
def test_decisions_are_consistent(
    p: np.ndarray,
    cases: int,
    action: str,
    above: float | None,
    threshold: str,
    control: float,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    amount, draw = rng.uniform(0, 300, p.size), rng.random(p.size)
    chosen = policy(
        action=action,
        block_above=above if action == "block" else None,
        threshold=threshold,
        control=control,
        budget={"analysts": 1, "cases": cases},
    )
    costs = Costs()
    found = decide(p, amount, draw, chosen, costs)
    assert found.reviewed.sum() <= cases
    assert not (found.reviewed & found.blocked).any()
    assert not (found.control & (found.reviewed | found.blocked)).any()
    np.testing.assert_array_equal(found.control, draw < control)
    assert (found.alerted >= (found.reviewed | found.blocked)).all()
    if action == "alert":
        assert not found.blocked.any()
        assert (found.propensity == 1).all()
    else:
        high = p >= above if above is not None else p * amount > (1 - p) * costs.friction
        np.testing.assert_array_equal(found.blocked, high & ~found.control)
        wanted = np.where(high & (control > 0), control, 1.0)
        np.testing.assert_array_equal(found.propensity, wanted)
    if threshold == "cost":
        assert (p * amount)[found.reviewed].min(initial=np.inf) > costs.review


def test_no_analyst_reviews_nothing() -> None:
    chosen = policy(budget={"analysts": 0, "cases": 5}, control=0.5)
    found = decide(np.ones(9), np.ones(9), np.linspace(0, 1, 9), chosen, Costs())
    assert not found.reviewed.any()


def test_the_control_group_is_unbiased_and_covers_while_the_plain_rate_does_not() -> None:
    rng = np.random.default_rng(1)
    chosen = policy(action="block", block_above=0.3, control=0.1)
    errors, covers, plain = [], 0, 0
    runs = 150
    for _ in range(runs):
        p = rng.beta(0.05, 2.0, 5_000)
        fraud = rng.random(p.size) < p
        found = decide(p, np.ones(p.size), rng.random(p.size), chosen, Costs())
        estimate = estimate_rate(fraud, found.blocked, found.propensity)
        assert estimate.estimate is not None
        errors.append(estimate.estimate - estimate.truth)
        covers += bool(estimate.covers)
        plain += estimate.plain_covers
    error = np.array(errors)
    assert abs(error.mean()) < 3 * error.std() / np.sqrt(runs)
    # Fay and Feuer's interval holds its level and more.
    assert covers >= 0.92 * runs
    assert plain <= 0.02 * runs


def test_without_a_control_group_what_was_refused_cannot_be_estimated() -> None:
    fraud, blocked = np.array([True, False, True]), np.array([True, False, False])
    found = estimate_rate(fraud, blocked, np.ones(3))
    assert (found.estimate, found.covers) == (None, None)
    assert found.plain == 0.5
