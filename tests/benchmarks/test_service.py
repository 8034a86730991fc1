"""The decision service beside other stacks: the report on known turns, and a small whole run."""

from __future__ import annotations

import json

import pytest
from benchmarks.__main__ import main
from benchmarks.service_report import (
    LEVELS,
    Turn,
    Turns,
    bulk_section,
    saturated_section,
    steady_section,
)

from lagmark.apps.bench.load import Load, Outcome
from lagmark.apps.bench.outcome import Answer


def turn(answers: int, *, seconds: float, score: float = 0.5, status: int = 200) -> Turn:
    """One second of clock and of CPU time."""
    body = json.dumps({"score": score}).encode()
    return Turn(Load(1.0, [Outcome(n, status, seconds, body) for n in range(answers)]), 1.0)


def turns(**changed: Turn) -> Turns:
    good = {
        "tutorial": turn(100, seconds=0.2),
        "tuned": turn(500, seconds=0.05),
        "lagmark": turn(4_000, seconds=0.005),
    }
    return {
        name: {connections: [each, each] for connections in LEVELS}
        for name, each in (good | changed).items()
    }


ANSWERS = [Answer(0.1, "3")] * 200


def missed(found: Turns, answers: list[Answer] = ANSWERS) -> list[str]:
    section = saturated_section(found, answers)
    return [target.text for target in section.targets if not target.met]


def test_every_target_can_be_met_and_missed() -> None:
    assert missed(turns()) == []
    assert missed(turns(lagmark=turn(1_999, seconds=0.02))) == [
        ">= 2,000 per CPU second",
        "aim: 4,000 per CPU second",
        "20x the tutorial stack",
        "aim: 40x the tutorial stack",
        "8x the tuned stack",
    ]
    assert missed(turns(lagmark=turn(4_000, seconds=0.03))) == [
        "p99 at most 1/10 of the tutorial stack's"
    ]
    assert missed(turns(tuned=turn(500, seconds=0.05, score=0.6))) == [
        "both peers give the same scores"
    ]
    rules = [*ANSWERS, *[Answer(0.1, "rules")] * 3]
    assert missed(turns(), rules) == ["the model made at least 99 % of the decisions"]
    broken = turns()
    broken["tuned"][1][1].load.outcomes[0] = Outcome(0, 500, 0.1, b"")
    assert missed(broken) == ["no request failed, of any server"]


def test_open_loop_and_batches_are_held_against_their_targets() -> None:
    assert [t.met for t in steady_section(turn(9, seconds=0.002).load, 500).targets] == [True] * 2
    assert [t.met for t in steady_section(turn(9, seconds=0.011).load, 500).targets] == [False] * 2
    told = {"probability": 0.1, "reasons": [{}]}
    body = json.dumps({"results": [{"probability": 0.1}] * 490 + [told] * 10}).encode()
    for count, met in ((40, True), (39, False)):
        load = Load(1.0, [Outcome(n, 200, 0.1, body) for n in range(count)])
        section = bulk_section([Turn(load, 0.5)])
        assert [t.met for t in section.targets] == [met]
        assert section.rows[0][-1] == "2.0%"


@pytest.mark.parametrize("argv", [["--repeats", "0"], ["--customers", "3"], ["--seconds", "0"]])
def test_bad_arguments_are_explained(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["service", *argv])
    assert stopped.value.code == 2
    assert "must be" in capsys.readouterr().err


@pytest.mark.slow
def test_a_small_run_serves_all_three(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(
        ["service", "--seconds", "0.5", "--repeats", "1", "--customers", "200", "--trees", "10",
         "--rate", "20", "--json"]
    )  # fmt: skip
    told = json.loads(capsys.readouterr().out)
    assert status == (0 if told["met"] else 1)
    saturated, steady, bulk = told["sections"]
    assert set(saturated["per_second"]) == {"tutorial", "tuned", "lagmark"}
    found = saturated["per_core_second"].values()
    assert all(min(rates) > 0 for levels in found for rates in levels.values())
    # Speed depends on the machine; what is right does not.
    right = [each["met"] for each in saturated["targets"][-3:]]
    assert right == [True, True, True]
    assert steady["p99_ms"] >= steady["p50_ms"] > 0
    assert bulk["per_second"] > 0
