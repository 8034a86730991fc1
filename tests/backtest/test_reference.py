"""A reference is taught the truth, says so everywhere, wins nothing, and nobody else gets it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lagmark.apps.cli import main
from lagmark.apps.jobs.backtest_data import DataSource, WorldSource
from lagmark.backtest import Plan, ResultStore, Study, Truth, run_unit, summarise
from lagmark.backtest.conclusions import conclusions, limits
from lagmark.backtest.page import study_page
from lagmark.errors import ConfigError
from lagmark.learning import create_policy
from lagmark.learning.maturity import POLICIES
from lagmark.schema.time import DAY
from lagmark.simulator import simulate_handbook

from .test_loop import KINDS, Listening
from .worlds import WARM_UP, policy, policy_file, replay, scenario

SLOW = "card_long_delay"
DECIDED = ("probability", "alerted", "reviewed", "control", "blocked", "propensity")


class Sealed(Listening):
    """A feed whose truth is forbidden, or told wrongly from an instant on."""

    def __init__(
        self, inner: Any, *, forbidden: bool = False, wrong_from: int | None = None
    ) -> None:
        super().__init__(inner)
        self.forbidden, self.wrong_from = forbidden, wrong_from

    def truth(self) -> Truth:
        assert not self.forbidden, "the truth was opened"
        found = self.inner.truth()
        if self.wrong_from is None:
            return found
        right = sum(len(blocked) for *_, blocked in self.said[: self.wrong_from])
        late = np.arange(found.fraud.shape[0]) >= right
        return replace(found, fraud=found.fraud ^ late)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind["maturity"])[:40])
def test_no_other_policy_ever_opens_the_truth(kind: dict[str, Any]) -> None:
    source = WorldSource(scenario())
    found = replay(Sealed(source.feed(0), forbidden=True), source, policy(**kind))
    assert found.log.array("reviewed").any()


@pytest.mark.parametrize("blocks", [False, True], ids=["alert", "block"])
def test_it_learns_what_every_payment_before_really_was(blocks: bool) -> None:
    source = WorldSource(scenario(SLOW))
    acts: dict[str, Any] = {"action": "block", "block_above": 0.3} if blocks else {}
    found = replay(source.feed(0), source, policy(maturity="truth", window=10, **acts))
    fraud, log = found.feed.truth().fraud, found.log
    for one in found.retrainings:
        first, last = log.cuts[one.day - 10], log.cuts[one.day]
        assert one.examples == last - first
        assert one.frauds == fraud[first:last].sum() > 0
        # Believed and true are one.
        assert one.known_frauds == fraud[one.first_row : one.last_row].sum()
        assert not one.reason
    assert log.array("blocked").any() == blocks
    known = replay(source.feed(0), source, policy(maturity="naive", window=10))
    assert known.retrainings[0].frauds < found.retrainings[0].frauds / 2


def test_the_truth_of_later_days_changes_none_of_its_decisions() -> None:
    source, chosen, day = WorldSource(scenario(SLOW)), policy(maturity="truth"), WARM_UP + 7
    plain = replay(source.feed(0), source, chosen).log
    other = replay(Sealed(source.feed(0), wrong_from=day), source, chosen).log
    rows = plain.cuts[day + 7]
    for name in DECIDED:
        np.testing.assert_array_equal(plain.array(name)[:rows], other.array(name)[:rows], name)
    # It reached the next training.
    assert not np.array_equal(plain.array("probability")[rows:], other.array("probability")[rows:])


def test_its_features_know_no_more_than_those_of_the_others() -> None:
    source = WorldSource(scenario(SLOW))
    instant = source.scenario.start + (WARM_UP + 2) * DAY
    chosen = policy(maturity="truth")
    plain = replay(source.feed(0), source, chosen).log
    other = replay(Listening(source.feed(0), after=instant), source, chosen).log
    rows = plain.cuts[WARM_UP + 2]
    for name in DECIDED:
        np.testing.assert_array_equal(plain.array(name)[:rows], other.array(name)[:rows], name)


def test_of_a_data_set_the_labels_are_the_truth_without_their_delay(tmp_path: Path) -> None:
    path = tmp_path / "payments.parquet"
    simulate_handbook(customers=60, terminals=90, days=26, seed=3).write_parquet(path)
    source = DataSource(path, "handbook", "published")
    found = replay(source.feed(0), source, policy(maturity="truth"))
    fraud, log = found.feed.truth().fraud, found.log
    for one in found.retrainings:
        assert one.frauds == fraud[: log.cuts[one.day]].sum()
    late = replay(source.feed(0), source, policy(maturity="naive")).retrainings
    assert all(a.frauds < b.frauds for a, b in zip(late, found.retrainings, strict=True))


def test_no_training_outside_a_backtest_can_ask_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "truth" not in POLICIES
    with pytest.raises(ConfigError, match="no maturity policy 'truth'"):
        create_policy("truth")
    path = tmp_path / "payments.parquet"
    simulate_handbook(customers=60, terminals=90, days=40, seed=3).write_parquet(path)
    options = [
        *("--domain", "handbook", "--events", str(path), "--feature-set", "published"),
        *("--as-of", "2018-05-08", "--train-days", "20", "--home", str(tmp_path / "home")),
    ]
    assert main(["train", *options, "--maturity", "truth"]) == 2
    assert "there is no maturity policy 'truth'" in capsys.readouterr().err
    # With another word the same command trains.
    assert main(["train", *options, "--maturity", "naive", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["train_frauds"] > 0


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A reference, named first in the file, and two policies on three seeds of a short world."""
    file = policy_file(
        policy("best", maturity="truth"),
        policy("plain"),
        policy("patient", maturity={"policy": "fixed_delay", "params": {"delay": "5d"}}),
    )
    plan = Plan(WorldSource(scenario(SLOW, days=24)), file, (0, 1, 2))
    store = ResultStore(tmp_path_factory.mktemp("study"), plan.inputs())
    for name, seed in plan.units:
        run_unit(plan, name, seed, store, lambda _day: None)
    return summarise(plan, store)


def test_the_result_marks_it_and_puts_it_last(study: Study) -> None:
    assert list(study.policies) == ["plain", "patient", "best"]
    assert [one["reference"] for one in study.policies.values()] == [False, False, True]
    assert study.candidates == ["plain", "patient"]
    assert study.reference == "best"
    assert study.policies["best"]["relative_calibration"] is None
    json.dumps(study.as_dict(), allow_nan=False)


def test_calibration_beside_it_is_a_quotient_of_sums(study: Study) -> None:
    def sums(name: str) -> tuple[float, float]:
        # Daily sums are means over the seeds; their number cancels.
        daily = study.policies[name]["daily"]
        return sum(daily["predicted"]), sum(daily["frauds"])

    (mine, actual), (its, same) = sums("plain"), sums("best")
    assert actual == same
    found = study.policies["plain"]["relative_calibration"]
    assert found["value"] == pytest.approx(mine / its)
    assert found["low"] < found["value"] < found["high"]
    own = study.policies["plain"]["figures"]["calibration"]
    assert own["value"] == pytest.approx(mine / actual)
    assert study.difference("best", "plain", "calibration")["value"] == pytest.approx(
        (mine - its) / actual
    )


def test_it_is_never_a_winner(study: Study) -> None:
    told = conclusions(study)
    for text in told:
        before, marked, _ = text.partition("best (reference)")
        # A sentence that names it names it as what it is.
        assert marked or not re.search(r"\bbest\b", before), text
    assert any("Taught the truth, best (reference)" in text for text in told)
    said = limits(study)
    assert any(text.startswith("best (reference) learns from") for text in said)
    assert not any("more than labels" in text for text in said)


def test_what_else_differs_is_said(study: Study) -> None:
    values = json.loads(json.dumps(study.as_dict()))
    values["policies"]["patient"]["settings"]["window"] = 30
    assert any("more than labels (window)" in text for text in limits(Study(**values)))


def test_the_page_marks_it_in_every_place(study: Study) -> None:
    page = study_page(study)
    caught = next(tile for tile in page.tiles if tile.label == "Most value caught")
    assert caught.hint.split(",")[0] in study.candidates
    text = page.html()
    assert "What labels cost" in re.findall(r"<h2>(.*?)</h2>", text)
    assert "2 policies and a reference that is taught the truth" in text
    assert "but for best (reference)." in text
    bare = re.sub(r"best \(reference\)", "", text)
    assert not re.search(r"\bbest\b", bare)
    assert len(re.findall(r"best \(reference\)", text)) > 10


def test_without_one_nothing_is_said_of_it(study: Study) -> None:
    others = {name: one for name, one in study.policies.items() if not one["reference"]}
    alone = Study(**{**study.as_dict(), "policies": others})
    text = study_page(alone).html()
    assert "reference" not in text
    assert "What labels cost" not in text
