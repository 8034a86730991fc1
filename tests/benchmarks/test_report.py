from __future__ import annotations

import json

import pytest
from benchmarks.__main__ import main
from benchmarks.results import Section, Target, as_json, as_text, heading

from benchmarks import machine


def test_report_says_machine_table_and_verdicts() -> None:
    section = Section(
        "Speed",
        ("contender", "seconds"),
        [("Lagmark", "1.0"), ("another", "2.0")],
        ["a note"],
        [Target("fast", "2x", met=True), Target("faster", "2x", met=False)],
        {"benchmark": "speed"},
    )
    facts = machine.facts()
    text = heading(facts) + as_text(section)
    for part in (facts["cpu"], "polars", "Lagmark", "- a note", "PASS  fast: 2x", "FAIL  faster"):
        assert part in text
    document = json.loads(json.dumps(as_json(facts, [section])))
    assert document["met"] is False
    assert document["sections"][0]["targets"][0] == {"text": "fast", "value": "2x", "met": True}


def test_floor_counts_inputs_once_and_outputs_once() -> None:
    assert machine.floor_bytes(1_000) == 1_000 * (57 + 96)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--repeats", "0"], "--repeats"),
        (["--rows", "3"], "--rows must be at least"),
        (["--events", "nowhere.parquet"], "there is no file nowhere.parquet"),
        (["sideways"], "invalid choice"),
    ],
)
def test_bad_arguments_are_explained(
    argv: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(argv)
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err
