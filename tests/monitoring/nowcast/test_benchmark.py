"""The benchmark's options, and its tables from records."""

from __future__ import annotations

import pytest
from benchmarks.nowcast_report import ESTIMATORS, report

from benchmarks import nowcast as benchmark


def test_seeds_that_served_for_tuning_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for first in (0, 11, 95, 111):
        with pytest.raises(SystemExit):
            benchmark.main(["--first-seed", str(first), "--seeds", "8"])
        assert "served for tuning" in capsys.readouterr().err


def test_worlds_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        benchmark.main(["--worlds", "stable,odd"])
    assert "no world is called 'odd'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        benchmark.main(["--help"])
    told = capsys.readouterr().out
    assert "--payments-per-day" in told
    assert "stable, rate (x2.3)" in told


def test_tables_of_one_kind_of_world() -> None:
    base = {"kind": "stable", "seed": 200, "days": 21, "per_day": 4_000}
    cell = {"low": 90.0, "high": 120.0, "final": 100, "fraud": 110, "estimable": True}
    shares = {
        f"{metric}{truth}": 0.5
        for metric in ("recall", "precision")
        for truth in ("", "_final", "_fraud")
    }
    records = [
        {**base, "kind": kind, "what": what, "estimator": name, "count": 105.0, **cell, **shares}
        for kind in ("stable", "stable, reviewed")
        for what in ("span", "day")
        for name in ESTIMATORS
    ]
    records.append({**base, "what": "alarm", "rings": False, "delays": ""})
    sections = report(records, (0, 1, 2, 100))
    targets = {target.text: target for section in sections for target in section.targets}
    assert all(target.met for target in targets.values())
    assert "stable: rate, week" not in targets
    assert any("recall" in text for text in targets)
    assert any("seeds reported: 200" in note for note in sections[0].notes)
    assert any("0-2, 100" in note for note in sections[0].notes)
    assert not any("rate x2.3" in text for text in targets)
    shown = report(records, (200,))
    assert any("SOME OF THEM ARE SHOWN" in note for note in shown[0].notes)
