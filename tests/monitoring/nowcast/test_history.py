"""Published figures stay as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from lagmark.errors import StateError
from lagmark.monitoring.nowcast import NowcastSettings, nowcast
from lagmark.monitoring.nowcast.history import RevisionHistory
from lagmark.monitoring.nowcast.page import nowcast_page
from lagmark.schema.time import DAY

from .worlds import START, make_world

WORLD = make_world(7, days=110, per_day=400, rate=0.02)


def test_a_cohort_is_revised_as_labels_come_in(tmp_path: Path) -> None:
    history = RevisionHistory(tmp_path / "kept")
    assert history.revisions() == []
    for day in (80, 87, 94):
        history.publish(nowcast(WORLD.at(START + day * DAY)))
    day = nowcast(WORLD.at(START + 80 * DAY)).cohorts[-6].day
    moved = history.revisions(cohort=day, estimator="naive", metric="count")
    assert [one.cohort for one in moved] == [day] * 3
    assert [one.as_of for one in moved] == sorted(one.as_of for one in moved)
    counts = [one.figure for one in moved]
    assert counts == sorted(counts, key=lambda value: value or 0.0)
    assert history.revisions(as_of=START + 81 * DAY) == [
        one for one in history.revisions() if one.as_of == moved[0].as_of
    ]
    assert len(history.revisions(cohort="7-14", metric="recall")) == 3


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    history = RevisionHistory(tmp_path)
    found = nowcast(WORLD.at(START + 90 * DAY))
    first = history.publish(found)
    before = first.read_bytes(), first.stat().st_mtime_ns
    assert history.publish(nowcast(WORLD.at(START + 90 * DAY))) == first
    assert (first.read_bytes(), first.stat().st_mtime_ns) == before
    other = nowcast(WORLD.at(START + 90 * DAY), NowcastSettings(never_labelled=0.1))
    assert history.publish(other) != first
    assert len(list(tmp_path.iterdir())) == 2


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "20250101T000000.000000Z-0.jsonl").write_text("{")
    with pytest.raises(StateError, match="cannot be read"):
        RevisionHistory(tmp_path).revisions()


def test_the_page_holds_plots_and_verdict() -> None:
    text = nowcast_page(nowcast(WORLD.at(START + 90 * DAY))).html()
    assert text.count("<svg") >= 7
    assert "chain ladder" in text
    assert "Maturity of labels" in text
