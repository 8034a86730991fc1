"""The alert budget: reviews per day stay near what analysts can work, whatever comes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lagmark.decisions.budget import AlertBudget
from lagmark.decisions.policy import Verdict
from lagmark.decisions.settings import Budget, Thresholds
from lagmark.schema.decision import Action
from lagmark.schema.time import DAY

START = 19_000 * DAY


def verdict(
    probability: float, review: float | None, *, by: str = "model", block: float = 2.0
) -> Verdict:
    action = Action.ALLOW
    if review is not None and probability >= review:
        action = Action.BLOCK if probability >= block else Action.REVIEW
    if by == "rules":
        action = Action.REVIEW
    return Verdict(probability, action, action, 1.0, by, (), (), (), ())


def observe(budget: AlertBudget, time: int, made: Verdict) -> None:
    budget.observe(time, probability=made.probability, intended=made.intended, by=made.by)


def reviews_per_day(
    budget: AlertBudget,
    probabilities: np.ndarray,
    *,
    per_day: int,
    block: float = 2.0,
    ruled: int = 0,
) -> list[int]:
    """Reviews of each day when every proposal is taken up at once."""
    thresholds = Thresholds(review=0.5)
    found: dict[int, int] = {}
    for number, probability in enumerate(probabilities):
        time = START + number * DAY // per_day
        by = "rules" if ruled and number % ruled == 0 else "model"
        made = verdict(float(probability), thresholds.review, by=by, block=block)
        day = (time - START) // DAY
        found[day] = found.get(day, 0) + (made.intended is Action.REVIEW)
        observe(budget, time, made)
        if budget.due:
            # A restart goes on from what was counted.
            budget = AlertBudget(budget._budget, budget.settle())
            thresholds = budget.propose(thresholds) or thresholds
    return list(found.values())


def test_reviews_meet_the_budget() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.beta(0.3, 6.0, 12 * 5_000)
    probabilities[30_000:] **= 0.7  # the model grows bolder
    found = reviews_per_day(AlertBudget(Budget(cases=100)), probabilities, per_day=5_000)
    assert all(80 <= count <= 120 for count in found[1:6])
    assert found[6] > 200
    assert all(80 <= count <= 120 for count in found[-3:])


def test_reviews_of_rules_take_their_part() -> None:
    rng = np.random.default_rng(1)
    budget = AlertBudget(Budget(cases=100))
    found = reviews_per_day(budget, rng.beta(0.3, 6.0, 30_000), per_day=5_000, ruled=100)
    assert all(80 <= count <= 120 for count in found[2:])


def test_blocked_payments_are_no_reviews() -> None:
    rng = np.random.default_rng(2)
    budget = AlertBudget(Budget(cases=100))
    found = reviews_per_day(budget, rng.beta(0.5, 2.0, 30_000), per_day=5_000, block=0.7)
    assert all(80 <= count <= 120 for count in found[2:])


def filled(budget: AlertBudget, probabilities: np.ndarray, *, per_day: int = 5_000) -> AlertBudget:
    for number, probability in enumerate(probabilities):
        observe(budget, START + number * DAY // per_day, verdict(float(probability), None))
    return budget


def test_ties_at_the_top_are_reviewed() -> None:
    probabilities = np.where(np.arange(10_000) % 20 == 0, 0.8, 0.01)
    proposed = filled(AlertBudget(Budget(cases=10)), probabilities).propose(Thresholds())
    assert proposed is not None
    assert proposed.review is not None
    assert 0.7 < proposed.review <= 0.8


def test_idle_analysts_review_nothing_unlikely() -> None:
    proposed = filled(AlertBudget(Budget(cases=50_000)), np.full(10_000, 0.001)).propose(
        Thresholds()
    )
    assert proposed is not None
    assert proposed.review == Budget().floor


def test_nobody_reviews_nothing() -> None:
    proposed = filled(AlertBudget(Budget(analysts=0)), np.full(10_000, 0.9)).propose(Thresholds())
    assert proposed is not None
    assert proposed.review is None


def test_too_little_is_known() -> None:
    few = filled(AlertBudget(Budget()), np.full(500, 0.5))
    assert few.propose(Thresholds()) is None
    short = filled(AlertBudget(Budget()), np.full(5_000, 0.5), per_day=1_000_000)
    assert short.propose(Thresholds()) is None


def test_a_threshold_that_stays_is_no_proposal() -> None:
    budget = filled(AlertBudget(Budget()), np.linspace(0, 1, 10_000))
    proposed = budget.propose(Thresholds(step_up=0.1, block=0.999))
    assert proposed is not None
    assert (proposed.step_up, proposed.block) == (0.1, 0.999)
    assert budget.propose(proposed) is None


def test_when_a_proposal_is_due() -> None:
    budget = AlertBudget(Budget(every=1_000))
    assert not budget.due
    for number in range(1_000):
        assert not budget.due
        observe(budget, START + number, verdict(0.1, None))
    assert budget.due
    counts = budget.settle()
    assert not budget.due
    budget = AlertBudget(Budget(every=1_000), counts)
    assert not budget.due
    observe(budget, START + DAY, verdict(0.1, None))
    assert budget.due


def test_late_events_and_old_days() -> None:
    budget = filled(AlertBudget(Budget(cases=100, days=2)), np.full(30_000, 0.9))
    assert len(budget._counts) == 2
    proposed = budget.propose(Thresholds())
    observe(budget, START - 400 * DAY, verdict(0.9, None))
    assert len(budget._counts) == 2
    assert proposed is not None
    assert budget.propose(proposed) is None


def test_counts_are_json_and_all_that_there_is_to_know() -> None:
    rng = np.random.default_rng(3)
    budget = filled(AlertBudget(Budget(cases=30, days=2)), rng.beta(0.3, 6.0, 20_000))
    for _ in range(7):
        observe(budget, START + 4 * DAY, verdict(0.9, None, by="rules"))
    again = AlertBudget(Budget(cases=30, days=2), json.loads(json.dumps(budget.settle())))
    assert again.settle() == budget.settle()
    proposed = budget.propose(Thresholds())
    assert proposed is not None
    assert again.propose(Thresholds()) == proposed


@pytest.mark.parametrize("probability", [0.0, 1e-12, 0.5, 1.0 - 1e-12, 1.0])
def test_any_probability_is_counted(probability: float) -> None:
    budget = filled(AlertBudget(Budget()), np.full(5_000, probability))
    proposed = budget.propose(Thresholds(review=0.3))
    assert proposed is not None
    assert proposed.review is not None
    assert proposed.review <= max(probability, Budget().floor)
