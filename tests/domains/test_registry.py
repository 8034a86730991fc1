"""Built-in domains, a user's file, and definitions that contradict themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lagmark.domains.check import check_domain
from lagmark.domains.domain import Domain, LabelColumn, TimeColumn
from lagmark.domains.registry import DOMAINS, get_domain, load_domain
from lagmark.errors import ConfigError, DefinitionError
from lagmark.schema.fields import Field, Kind

GOOD = DOMAINS["handbook"]


@pytest.mark.parametrize("name", list(DOMAINS))
def test_built_in_domain_holds_together(name: str) -> None:
    domain = get_domain(name)
    assert domain.name == name
    check_domain(domain)
    assert load_domain(name) is domain


def test_unknown_name_lists_the_known() -> None:
    with pytest.raises(ConfigError, match="handbook, card, mobile_money"):
        get_domain("handbok")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import nowhere_at_all", "fails with ModuleNotFoundError"),
        ("DOMAIN = 1", "defines no DOMAIN"),
        ("def broken(:", "fails with SyntaxError"),
    ],
)
def test_file_that_is_no_domain(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(ConfigError, match=says):
        load_domain(path)
    with pytest.raises(ConfigError, match="no such file"):
        load_domain(tmp_path / "other.py")


def test_file_with_a_contradiction(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from dataclasses import replace\n"
        "from lagmark.domains.handbook import DOMAIN as BASE\n"
        "DOMAIN = replace(BASE, amount='customer')\n"
    )
    with pytest.raises(DefinitionError, match="amount 'customer' is of kind entity, not money"):
        load_domain(path)


def _with(field: Field) -> Domain:
    return replace(GOOD, fields=(*GOOD.fields, field))


@pytest.mark.parametrize(
    ("domain", "says"),
    [
        (_with(Field("customer", Kind.FLAG, "other")), "'customer' is declared 2 times"),
        (_with(Field("other", Kind.FLAG, "TX_AMOUNT")), "read from column 'TX_AMOUNT'"),
        (_with(Field("hour", Kind.QUANTITY)), "something every event has"),
        (_with(Field("a b", Kind.FLAG)), "no word"),
        (_with(Field("x", Kind.FLAG, decimals=2)), "decimals or bounds"),
        (_with(Field("x", Kind.MONEY, decimals=12)), "keeps 12 decimals"),
        (_with(Field("x", Kind.MONEY, minimum=2, maximum=1)), "minimum above its maximum"),
        (_with(Field("x", Kind.MONEY, decimals=2, maximum=1e12)), "beyond exact arithmetic"),
        (_with(Field("x", Kind.FLAG, vocabulary=("a",))), "with a vocabulary"),
        (_with(Field("x", Kind.FLAG, integer=True)), "integer=True"),
        (replace(GOOD, name="my domain"), "no word"),
        (replace(GOOD, fields=()), "no fields"),
        (replace(GOOD, amount="price"), "amount 'price' is not among the fields"),
        (replace(GOOD, subject="amount"), "subject 'amount' is of kind money"),
        (replace(GOOD, category="terminal"), "category 'terminal' is of kind entity"),
        (replace(GOOD, feature_sets={}), "no default feature set"),
        (replace(GOOD, label=LabelColumn("TX_FRAUD", delay=-1)), "delay is negative"),
        (replace(GOOD, event_time=TimeColumn("t", unit="week")), "unit 'week'"),
        (replace(GOOD, event_time=TimeColumn("t", zone="Mars/Base")), "zone 'Mars/Base'"),
        (replace(GOOD, event_time=TimeColumn("t", origin="soon")), "origin 'soon'"),
    ],
)
def test_contradiction(domain: Any, says: str) -> None:
    with pytest.raises(DefinitionError, match=says) as caught:
        check_domain(domain)
    assert caught.value.hint
