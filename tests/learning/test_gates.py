from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lagmark.errors import ConfigError, DataError
from lagmark.learning import Calibration, KnownHistory, TrainedModel, create_policy
from lagmark.learning.gates import GateReport, Limits, judge
from lagmark.learning.models import create_model
from lagmark.schema.contract import Contract
from lagmark.schema.time import DAY

from .worlds import NAMES, World, world

TRAINED, AS_OF = 60 * DAY, 140 * DAY
CONTRACT = Contract("default", NAMES, ("float64",) * len(NAMES), "c")
SLOW = Limits(p99_ms=10_000.0)


@pytest.fixture(scope="module")
def late() -> World:
    """A world in which one kind of fraud is labelled fast and the other slowly."""
    made = world(5, days=140, per_day=400, alerts=0, median=20.0)
    fast = made.X[made.label_row, 4] > 0.3
    delay = np.where(fast, 1 * DAY, 30 * DAY)
    return replace(made, label_known_at=made.event_time[made.label_row] + delay)


def of_coefficients(late: World, **weights: float) -> TrainedModel:
    """A logistic model that uses the true frauds of the past, with some columns reweighted."""
    old = late.event_time < TRAINED
    factors = np.array([weights.get(name, 1.0) for name in NAMES])
    model = create_model("logistic_regression").fit(
        late.X[old], late.fraud[old].astype(np.int8), names=NAMES
    )
    model._coefficients = model._coefficients * factors  # type: ignore[attr-defined]
    if "e" in weights:
        model._coefficients[4] = weights["e"]  # type: ignore[attr-defined]
    p = model.predict_proba(late.X[old])
    calibration = Calibration.fit(p, late.fraud[old].astype(np.int8))
    return TrainedModel(model, calibration, "c", TRAINED, "f", 0, 0, TRAINED, 1, 1)


def ask(
    late: World, candidate: TrainedModel, champion: TrainedModel | None, age: int = 31 * DAY,
    history: KnownHistory | None = None, **more: Any,
) -> GateReport:  # fmt: skip
    return judge(
        candidate, champion, late.history(AS_OF) if history is None else history, mature_age=age,
        rng=np.random.default_rng(0), contract=CONTRACT, **{"limits": SLOW, **more},
    )  # fmt: skip


def test_a_better_calibrated_model_passes_and_says_why(late: World) -> None:
    report = ask(late, of_coefficients(late), of_coefficients(late, a=0.0))
    assert report.passed, report.reason
    assert [gate.name for gate in report.gates] == [
        "mature", "better", "calibrated", "contract", "fast",
    ]  # fmt: skip
    better = report["better"]
    assert better.low is not None
    assert better.low > 0
    assert "passed the gates as of 1970-05-21" in report.reason
    assert report.as_dict()["gates"][1]["figure"] == better.figure
    assert report.end <= AS_OF - 31 * DAY + 1
    with pytest.raises(KeyError):
        report["beautiful"]


def test_a_model_that_is_only_better_on_immature_labels_is_refused(late: World) -> None:
    champion = of_coefficients(late)
    # It prefers the kind of fraud whose labels come within a day.
    candidate = of_coefficients(late, e=1.2)
    hasty = ask(late, candidate, champion, age=DAY, history=late.history(AS_OF, start=112 * DAY))
    assert hasty["better"].passed, "on young labels it looks better by more than its interval"
    report = ask(late, candidate, champion)
    assert not report["better"].passed
    assert report["better"].high is not None
    assert report["better"].high < 0, "on mature labels it is worse by more than its interval"
    assert report.reason.startswith("refused as of 1970-05-21")


def test_the_same_model_is_not_better_than_itself(late: World) -> None:
    model = of_coefficients(late)
    report = ask(late, model, model)
    assert not report.passed
    assert report["better"].figure == 0.0
    assert report["calibrated"].passed


def test_every_gate_can_fail_alone(late: World) -> None:
    good, champion = of_coefficients(late), of_coefficients(late, a=0.0)

    def failed(report: GateReport) -> list[str]:
        return [gate.name for gate in report.gates if not gate.passed]

    shifted = TrainedModel(
        good.model, good.calibration.moved(0.5), "c", TRAINED, "f", 0, 0, TRAINED, 1, 1
    )
    assert failed(ask(late, shifted, champion)) == ["calibrated"]
    assert failed(ask(late, good, champion, limits=Limits(p99_ms=0.0))) == ["fast"]
    other = Contract("default", NAMES, CONTRACT.dtypes, "other")
    assert failed(
        judge(good, champion, late.history(AS_OF), mature_age=31 * DAY, contract=other,
              rng=np.random.default_rng(0), limits=SLOW)
    ) == ["contract"]  # fmt: skip
    thin = ask(late, good, champion, history=late.history(AS_OF, start=108 * DAY))
    assert failed(thin) == ["mature", "better", "calibrated"]


def test_without_a_champion_guessing_is_the_rival(late: World) -> None:
    report = ask(late, of_coefficients(late), None)
    assert report.passed
    assert "of guessing" in report["better"].text
    cost = Limits(metric="brier", p99_ms=10_000.0)
    assert ask(late, of_coefficients(late), of_coefficients(late, a=0.0), limits=cost)[
        "better"
    ].passed


def test_models_of_different_features_are_compared_on_the_same_events(late: World) -> None:
    history = late.history(AS_OF)
    good = of_coefficients(late)
    old = late.event_time < TRAINED
    narrow = create_model("logistic_regression").fit(
        late.X[old][:, :1], late.fraud[old].astype(np.int8), names=("a",)
    )
    champion = TrainedModel(narrow, Calibration(), "narrow", TRAINED, "f", 0, 0, TRAINED, 1, 1)
    report = ask(late, good, champion, history=history, champion_values=history.X[:, :1])
    assert report["better"].passed
    with pytest.raises(DataError, match="other features"):
        ask(late, good, champion)
    with pytest.raises(DataError, match="have shape"):
        ask(late, good, champion, champion_values=history.X)
    with pytest.raises(ConfigError, match="no figure 'luck'"):
        ask(late, good, None, limits=Limits(metric="luck"))


def test_nothing_known_later_moves_a_gate(late: World) -> None:
    after = late.label_known_at > AS_OF
    flipped = late.label_fraud ^ after
    good, champion = of_coefficients(late), of_coefficients(late, a=0.0)
    plain = ask(late, good, champion).gates[:4]
    assert (
        ask(late, good, champion, history=late.history(AS_OF, label_fraud=flipped)).gates[:4]
        == plain
    )


def test_policies_and_gates_go_together(late: World) -> None:
    known = late.history(100 * DAY)
    young = create_policy("naive").fit(known, "logistic_regression")
    report = judge(
        young, None, late.history(AS_OF), mature_age=31 * DAY, rng=np.random.default_rng(0),
        limits=Limits(p99_ms=10_000.0, least_frauds=10),
    )  # fmt: skip
    assert report.start == 100 * DAY
    assert report["contract"].passed
