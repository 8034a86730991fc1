"""Reasons in words."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lagmark import features as lf
from lagmark.domains.registry import DOMAINS
from lagmark.features.registry import AGGREGATIONS
from lagmark.schema.fields import Field, Kind
from lagmark.serving.phrases import LONGEST
from lagmark.serving.reasons import Wording

FIELDS = (
    Field("customer", Kind.ENTITY),
    Field("merchant", Kind.ENTITY),
    Field("category", Kind.CATEGORY),
    Field("amount", Kind.MONEY, decimals=2),
    Field("points", Kind.QUANTITY, decimals=1),
    Field("lat", Kind.QUANTITY, decimals=6),
    Field("lon", Kind.QUANTITY, decimals=6),
    Field("declined", Kind.FLAG),
)
WEB = lf.Equals("category", "web")
AMOUNT = lf.Value("amount")

SAID = [
    (lf.Count("customer", window="1h"), 5, "5 payments of this customer within 1 h"),
    (lf.Count("customer", window="1h"), 1, "1 payment of this customer within 1 h"),
    (lf.Count("customer", window="1d", where=WEB, include_current=False), 2,
     "2 earlier payments of this customer within 1 d with category web"),
    (lf.Count("customer", window="30d", delay="7d"), 12,
     "12 payments of this customer in the 30 d up to 7 d ago"),
    (lf.Count(("customer", "hour"), window="30d"), 0,
     "0 payments of this customer at this hour within 30 d"),
    (lf.Count(("customer", "merchant", "weekday")), 3,
     "3 payments of this customer and merchant on this weekday"),
    (lf.Sum("customer", "amount", window="7d"), 1234.5,
     "total amount of this customer within 7 d: 1,234.50"),
    (lf.Sum("customer", "points"), 1500, "total points of this customer: 1,500"),
    (lf.Mean("merchant", "amount", window="90s"), 0.125,
     "mean amount of this merchant within 90 s: 0.12"),
    (lf.Std("customer", "amount", window="30d"), 3,
     "standard deviation of amount of this customer within 30 d: 3.00"),
    (lf.Max("customer", "amount", where=lf.AtLeast("hour", 22)), 9.99,
     "highest amount of this customer with hour from 22 on: 9.99"),
    (lf.Min("customer", "amount"), 1, "lowest amount of this customer: 1.00"),
    (lf.Last("customer", "amount"), 7.5, "previous amount of this customer: 7.50"),
    (lf.Last("customer", "declined"), 1, "previous declined of this customer: yes"),
    (lf.Distinct("customer", "merchant", window="1d"), 4,
     "4 different merchants of this customer within 1 d"),
    (lf.Distinct("customer", "category"), 1, "1 different category of this customer"),
    (lf.Distinct("customer", "category"), 2, "2 different categories of this customer"),
    (lf.Rate("customer", where=lf.Equals("declined", True), window="1d"), 0.125,
     "share of payments of this customer within 1 d with declined: 12.5 %"),
    (lf.Ratio("customer", "amount", window="30d"), 3.216,
     "amount is 3.22 times the mean of this customer within 30 d"),
    (lf.ZScore("customer", "amount"), -2.5,
     "amount is 2.50 deviations below the mean of this customer"),
    (lf.ZScore("customer", "amount"), 2.5,
     "amount is 2.50 deviations above the mean of this customer"),
    (lf.Quantile("customer", "amount", q=0.5), 20, "median amount of this customer: 20.00"),
    (lf.Quantile("customer", "amount", q=0.95, window="30d"), 120,
     "95 % quantile of amount of this customer within 30 d: 120.00"),
    (lf.DecayedSum("customer", "amount", half_life="1d"), 55,
     "recent amount of this customer (half-life 1 d): 55.00"),
    (lf.FirstSeenAge("customer"), 0, "first payment of this customer"),
    (lf.FirstSeenAge("customer"), 5400, "time since the first payment of this customer: 1.5 h"),
    (lf.TimeSinceLast("customer"), 35, "previous payment of this customer: 35 s ago"),
    (lf.NewEntity(("customer", "merchant")), 1, "first payment of this customer and merchant"),
    (lf.NewEntity(("customer", "merchant"), window="90d"), 0,
     "not the first payment of this customer and merchant within 90 d"),
    (lf.Distance("customer", "lat", "lon"), 12.34,
     "12.34 km from the previous payment of this customer"),
    (lf.Speed("customer", "lat", "lon"), 850,
     "850 km/h since the previous payment of this customer"),
    (lf.FraudCount("merchant", window="28d", delay="7d"), 2,
     "2 known frauds of this merchant in the 28 d up to 7 d ago"),
    (lf.FraudCount("merchant", delay="7d"), 1, "1 known fraud of this merchant up to 7 d ago"),
    (lf.FraudRate("merchant", window="30d", delay="7d"), 0.25,
     "known frauds among the payments of this merchant in the 30 d up to 7 d ago: 25.0 %"),
    (lf.LastLabel("merchant", delay="7d"), 1,
     "latest payment of this merchant up to 7 d ago is a known fraud"),
    (lf.LastLabel("merchant", delay="7d"), 0,
     "latest payment of this merchant up to 7 d ago is no known fraud"),
    (lf.FraudStreak("merchant"), 4, "4 known frauds in a row of this merchant"),
    (lf.FraudStreakAge("merchant"), 86400 * 3,
     "first of the known frauds in a row of this merchant: 3 d ago"),
    (lf.TimeSinceFraud("merchant"), 7200, "latest known fraud of this merchant: 2 h ago"),
    (AMOUNT, 12, "amount: 12.00"),
    (lf.Value("declined"), 0, "declined: no"),
    (lf.HourOfDay(), 3, "between 03:00 and 03:59 UTC"),
    (lf.DayOfWeek(), 5, "on a Saturday (UTC)"),
    (lf.Is(lf.AtLeast("amount", 220)), 1, "amount from 220.00 on"),
    (lf.Is(lf.AtMost("amount", 220)), 0, "not amount up to 220.00"),
    (lf.Is(lf.Above("points", 2.5)), 1, "points above 2.50"),
    (lf.Is(lf.Below("points", 2)), 1, "points below 2"),
    (lf.Is(lf.AtLeast("weekday", 5)), 1, "weekday from Saturday on"),
    (lf.Is(lf.And(lf.Between("hour", 0, 6), lf.Equals("declined", False))), 1,
     "hour 0 to 6 and no declined"),
    (lf.Is(lf.OneOf("category", ("a", "b", "c"))), 1, "category a, b or c"),
    (lf.Is(lf.OneOf("category", ())), 0, "not category of no value"),
    (lf.Quotient(AMOUNT, lf.Quantile("customer", "amount", q=0.5)), 3,
     "amount is 3 times the median amount of this customer"),
    (lf.Quotient(lf.Sum("customer", "amount"), lf.Sum("merchant", "amount")), 0.5,
     "total amount of this customer over total amount of this merchant: 0.5"),
    (lf.Difference(AMOUNT, lf.Last("customer", "amount")), -2.5,
     "amount minus previous amount of this customer: -2.50"),
    (lf.Count("customer", where=lf.FeatureAbove(lf.Ratio("customer",
     "amount"), 2.0), window="7d"), 2,
     "2 payments of this customer within 7 d with amount above 2 times the mean"),
]  # fmt: skip


@pytest.mark.parametrize(("feature", "value", "text"), SAID, ids=[text for _, _, text in SAID])
def test_sentences(feature: lf.Feature, value: float, text: str) -> None:
    wording = Wording(lf.FeatureSet("one", FIELDS, [feature]), "payment")
    assert wording.text(0, float(value)) == text


def test_every_aggregation_has_a_sentence_here() -> None:
    assert {type(feature) for feature, _, _ in SAID} >= {
        *AGGREGATIONS, lf.Value, lf.HourOfDay, lf.DayOfWeek, lf.Is, lf.Quotient, lf.Difference,
    }  # fmt: skip


@pytest.mark.parametrize("value", [None, math.nan])
def test_what_is_absent(value: float | None) -> None:
    features = [lf.Mean("customer", "amount", window="1d"), lf.TimeSinceLast("customer")]
    wording = Wording(lf.FeatureSet("two", FIELDS, features), "payment")
    assert wording.text(0, value) == "mean amount of this customer within 1 d: none"
    assert wording.text(1, value) == "time since the previous payment of this customer: none"


def feature_sets() -> list[lf.FeatureSet]:
    from tests.features.catalogue import catalogue
    from tests.features.streams import FIELDS as MANY

    built_in = [make() for domain in DOMAINS.values() for make in domain.feature_sets.values()]
    return [*built_in, lf.FeatureSet("catalogue", MANY, catalogue())]


def test_every_text_is_short_and_says_the_value() -> None:
    for features in feature_sets():
        wording = Wording(features)
        for column in range(len(features.names)):
            for value in (0.0, 1.0, 2.5, -1e6, 1e17, 1e-9, math.nan, 123456.789):
                text = wording.text(column, value)
                assert 0 < len(text) <= LONGEST < 120
                assert "nan" not in text.split()
            said = {wording.text(column, v) for v in (0.0, 3.0, 7.0, math.nan)}
            assert len(said) > 1


def test_reasons_are_said_in_order() -> None:
    features = lf.FeatureSet("two", FIELDS, [AMOUNT, lf.Count("customer", window="1h")])
    wording = Wording(features, "payment")
    found = wording.reasons(np.array([np.nan, 5.0]), np.array([1, 0, -1]), np.array([0.5, 0.25, 0]))
    assert [(r.feature, r.value, r.contribution, r.text) for r in found] == [
        ("customer_count_1h", 5.0, 0.5, "5 payments of this customer within 1 h"),
        ("amount", None, 0.25, "amount: none"),
    ]
    assert wording.reasons(np.array([1.0, 1.0]), np.array([-1]), np.array([0.0])) == ()
