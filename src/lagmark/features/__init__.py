"""Features: one definition, one arithmetic, two drivers."""

from __future__ import annotations

from lagmark.features.aggregations.count import Count
from lagmark.features.aggregations.decayed_sum import DecayedSum
from lagmark.features.aggregations.distance import Distance
from lagmark.features.aggregations.distinct import Distinct
from lagmark.features.aggregations.first_seen_age import FirstSeenAge
from lagmark.features.aggregations.fraud_count import FraudCount
from lagmark.features.aggregations.fraud_rate import FraudRate
from lagmark.features.aggregations.fraud_streak import FraudStreak
from lagmark.features.aggregations.fraud_streak_age import FraudStreakAge
from lagmark.features.aggregations.last import Last
from lagmark.features.aggregations.last_label import LastLabel
from lagmark.features.aggregations.maximum import Max
from lagmark.features.aggregations.mean import Mean
from lagmark.features.aggregations.minimum import Min
from lagmark.features.aggregations.new_entity import NewEntity
from lagmark.features.aggregations.quantile import Quantile
from lagmark.features.aggregations.rate import Rate
from lagmark.features.aggregations.ratio import Ratio
from lagmark.features.aggregations.speed import Speed
from lagmark.features.aggregations.std import Std
from lagmark.features.aggregations.sum import Sum
from lagmark.features.aggregations.time_since_fraud import TimeSinceFraud
from lagmark.features.aggregations.time_since_last import TimeSinceLast
from lagmark.features.aggregations.zscore import ZScore
from lagmark.features.backfill import Vectors, backfill
from lagmark.features.definition import Aggregation
from lagmark.features.feature import Feature
from lagmark.features.feature_set import FeatureSet
from lagmark.features.online import OnlineEngine
from lagmark.features.plain import DayOfWeek, Difference, HourOfDay, Is, Quotient, Value
from lagmark.features.predicates import (
    Above,
    And,
    AtLeast,
    AtMost,
    Below,
    Between,
    Equals,
    FeatureAbove,
    OneOf,
    Predicate,
)

__all__ = [
    "Above",
    "Aggregation",
    "And",
    "AtLeast",
    "AtMost",
    "Below",
    "Between",
    "Count",
    "DayOfWeek",
    "DecayedSum",
    "Difference",
    "Distance",
    "Distinct",
    "Equals",
    "Feature",
    "FeatureAbove",
    "FeatureSet",
    "FirstSeenAge",
    "FraudCount",
    "FraudRate",
    "FraudStreak",
    "FraudStreakAge",
    "HourOfDay",
    "Is",
    "Last",
    "LastLabel",
    "Max",
    "Mean",
    "Min",
    "NewEntity",
    "OneOf",
    "OnlineEngine",
    "Predicate",
    "Quantile",
    "Quotient",
    "Rate",
    "Ratio",
    "Speed",
    "Std",
    "Sum",
    "TimeSinceFraud",
    "TimeSinceLast",
    "Value",
    "Vectors",
    "ZScore",
    "backfill",
]
