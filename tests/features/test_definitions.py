"""Definitions: what is refused, what a contract's hash depends on, what must have an oracle."""

from __future__ import annotations

import dataclasses
import inspect
import os
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest

import lagmark.features as lf
from lagmark.errors import DefinitionError, LeakageError
from lagmark.features.definition import Feature
from lagmark.features.registry import AGGREGATIONS
from lagmark.schema.fields import Field, Kind

from .catalogue import catalogue, feature_set
from .oracle import RULES
from .streams import FIELDS


def exported_definitions() -> set[str]:
    """Names of the exported features that can be computed."""
    classes = {n: getattr(lf, n) for n in lf.__all__ if inspect.isclass(getattr(lf, n))}
    features = {n: c for n, c in classes.items() if issubclass(c, Feature)}
    # Bases that others derive from are no features of their own.
    return {
        n
        for n, c in features.items()
        if not any(c in other.__mro__[1:] for other in features.values())
    }


def test_every_exported_aggregation_has_an_oracle() -> None:
    assert exported_definitions() == set(RULES)
    assert {c.__name__ for c in AGGREGATIONS} <= exported_definitions()


def test_every_aggregation_is_in_the_catalogue() -> None:
    assert {type(f).__name__ for f in catalogue()} == set(RULES)


def test_definitions_are_frozen_values() -> None:
    one, two = lf.Count("customer", window="1d"), lf.Count("customer", window="1d")
    assert one == two
    assert hash(one) == hash(two)
    assert one != lf.Count("customer", window="7d")
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.key = "terminal"  # type: ignore[misc]


@pytest.mark.parametrize(
    "leaking",
    [
        lambda: lf.Value("settled"),
        lambda: lf.Sum("customer", "settled", window="1d"),
        lambda: lf.Distinct("settled", "customer", window="1d"),
        lambda: lf.Count("customer", window="1d", where=lf.AtLeast("settled", 1.0)),
        lambda: lf.Is(lf.And(lf.Equals("type", "PAYMENT"), lf.Above("settled", 1.0))),
        lambda: lf.Quotient(lf.Value("settled"), lf.Value("amount")),
        lambda: lf.Count(
            "customer",
            window="1d",
            where=lf.FeatureAbove(lf.Ratio("customer", "settled", window="7d"), 2.0),
        ),
    ],
)
def test_what_is_known_only_after_the_decision_is_refused(leaking: Any) -> None:
    with pytest.raises(LeakageError) as caught:
        feature_set([leaking()])
    assert "settled" in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: lf.Sum("customer", "nowhere", window="1d"),
        lambda: lf.Count("nowhere", window="1d"),
        lambda: lf.Count(("customer", "nowhere"), window="1d"),
        lambda: lf.Count((), window="1d"),
        lambda: lf.Count("customer", window="1d", where=lf.Equals("nowhere", 1)),
        lambda: lf.Sum("customer", "type", window="1d"),
        lambda: lf.Mean("customer", "terminal", window="1d"),
        lambda: lf.Value("customer"),
        lambda: lf.Value("nowhere"),
        lambda: lf.Distance("customer", "lat", "type"),
        lambda: lf.Count("customer", window="0s"),
        lambda: lf.Count("customer", window=timedelta(days=-1)),
        lambda: lf.Count("customer", window="1d", delay=timedelta(days=-1)),
        lambda: lf.Count("customer", window="1d", delay="1d", include_current=True),
        lambda: lf.FraudCount("customer", window="1d", include_current=True),
        lambda: lf.Last("customer", "amount", include_current=True),
        lambda: lf.FirstSeenAge("customer", window="1d"),
        lambda: lf.Max("customer", "amount", window="1d", resolution="1min"),
        lambda: lf.Rate("customer", window="1d"),
        lambda: lf.Is(lf.FeatureAbove(lf.Count("customer"), 1.0)),
        lambda: lf.Count("customer", window="1d", where=lf.AtLeast("type", 1.0)),
        lambda: lf.Quantile("customer", "amount", q=-0.1, window="1d"),
        lambda: lf.Quantile("customer", "amount", q=1.5, window="1d"),
        lambda: lf.DecayedSum("customer", "amount", half_life="0s"),
        lambda: lf.Count(
            "customer",
            window="1d",
            where=lf.FeatureAbove(lf.Ratio("terminal", "amount", window="7d"), 2.0),
        ),
    ],
)
def test_contradictions_are_refused(wrong: Any) -> None:
    with pytest.raises(DefinitionError):
        lf.OnlineEngine(feature_set([wrong()]))


def test_names_are_unique_and_present() -> None:
    twice = [lf.Count("customer", window="1d", name="n"), lf.Value("amount", name="n")]
    with pytest.raises(DefinitionError, match="n"):
        feature_set(twice)
    same = [lf.Count("customer", window="1d"), lf.Count("customer", window="1d")]
    with pytest.raises(DefinitionError):
        feature_set(same)
    with pytest.raises(DefinitionError):
        feature_set([])


def test_names_made_for_the_definitions_tell_them_apart() -> None:
    names = feature_set(
        [
            lf.Count("customer", window="1d"),
            lf.Count("customer", window="7d"),
            lf.Count("customer", window="7d", delay="1d"),
            lf.Count("terminal", window="1d"),
            lf.Count(("customer", "terminal"), window="1d"),
            lf.Mean("customer", "amount", window="1d"),
            lf.Value("amount"),
            lf.HourOfDay(),
        ]
    ).names
    assert len(set(names)) == 8


def test_contract_hash_depends_on_every_part_of_the_definitions() -> None:
    def base() -> list[Any]:
        return [
            lf.Count("customer", window="1d", name="a"),
            lf.Quantile("customer", "amount", q=0.95, window="7d", name="b"),
            lf.Count("customer", window="7d", where=lf.AtLeast("amount", 220.0), name="c"),
        ]

    variants: dict[str, list[Any]] = {"base": base()}
    changes: dict[str, tuple[int, Any]] = {
        "window": (0, lf.Count("customer", window="2d", name="a")),
        "delay": (0, lf.Count("customer", window="1d", delay="1d", name="a")),
        "key": (0, lf.Count("terminal", window="1d", name="a")),
        "current": (0, lf.Count("customer", window="1d", include_current=False, name="a")),
        "default": (0, lf.Count("customer", window="1d", default=-1.0, name="a")),
        "tile": (0, lf.Count("customer", window="1d", resolution="1min", name="a")),
        "name": (0, lf.Count("customer", window="1d", name="z")),
        "class": (0, lf.FraudCount("customer", window="1d", name="a")),
        "q": (1, lf.Quantile("customer", "amount", q=0.9, window="7d", name="b")),
        "field": (1, lf.Quantile("customer", "balance", q=0.95, window="7d", name="b")),
        "threshold": (
            2,
            lf.Count("customer", window="7d", where=lf.AtLeast("amount", 221.0), name="c"),
        ),
        "operator": (
            2,
            lf.Count("customer", window="7d", where=lf.Above("amount", 220.0), name="c"),
        ),
    }
    for what, (place, changed) in changes.items():
        variants[what] = base()
        variants[what][place] = changed
    variants["order"] = base()[::-1]
    variants["fewer"] = base()[:2]
    hashes = {what: feature_set(v).contract.hash for what, v in variants.items()}
    assert len(set(hashes.values())) == len(hashes), hashes
    assert feature_set(base()).contract.hash == hashes["base"]


def test_contract_hash_depends_on_the_fields_it_reads() -> None:
    finer = tuple(
        Field("amount", Kind.MONEY, decimals=3) if f.name == "amount" else f for f in FIELDS
    )
    features = [lf.Sum("customer", "amount", window="1d", name="s")]
    one = lf.FeatureSet("s", FIELDS, features).contract.hash
    assert lf.FeatureSet("s", finer, features).contract.hash != one


_PROGRAM = """
import lagmark.features as lf
from lagmark.schema.fields import Field, Kind
fields = (Field("customer", Kind.ENTITY), Field("type", Kind.CATEGORY), Field("amount", Kind.MONEY))
where = lf.And(lf.OneOf("type", ("b", "a", "c")), lf.AtLeast("amount", 2.5))
features = [lf.Count("customer", window="1d", where=where), lf.Mean("customer", "amount")]
print(lf.FeatureSet("s", fields, features).contract.hash)
"""


def test_contract_hash_is_the_same_in_every_process() -> None:
    hashes = {
        subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(hashes) == 1
