"""docs/simulator.md names every typology and scenario, and its examples work."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from lagmark.simulator import load_scenario, scenario_names
from lagmark.simulator.typologies import TYPOLOGIES

from .worlds import lived

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def test_every_typology_stands_with_its_tell() -> None:
    told = dict(re.findall(r"^\| `(\w+)` \| (?:both|`bank_link`) \| (.*) \|$", TEXT, re.MULTILINE))
    assert set(told) == set(TYPOLOGIES)
    for name, typology in TYPOLOGIES.items():
        said = told[name].replace("`", "")
        start = typology.text.split(";")[0]
        assert said.startswith(start[: len(said)]) or start in said


def test_every_scenario_is_named() -> None:
    assert [name for name in scenario_names() if f"`{name}`" not in TEXT] == []


def test_the_scenario_loads(tmp_path: Path) -> None:
    (text,) = blocks("yaml")
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    assert load_scenario(path).change_days == (45, 60)


def test_the_queries_find_something() -> None:
    events = lived("bank_link_attack").events
    (queries,) = (block for block in blocks("python") if "merchant_compromise" in block)
    found = [
        eval(query, {"pl": pl, "events": events})
        for query in re.split(r"^# .*$", queries, flags=re.MULTILINE)
        if query.strip()
    ]
    assert [len(each) > 0 for each in found] == [True] * 3
