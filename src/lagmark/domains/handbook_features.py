"""Default features and model settings for the handbook's payments."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lagmark.features import Feature

__all__ = [
    "DEFAULT_ROUNDS",
    "DEFAULT_TRAIN_DAYS",
    "DEFAULT_XGBOOST",
    "default_features",
    "wide_features",
]

DELAY = "7d"
"""Age at which the truth of a payment is known."""

WINDOWS = (1, 7, 30)
"""Days, as in the published baseline."""

RISK_WINDOWS = (1, 3, 7, 14, 21, 28, 30)
"""Days; a compromised terminal stays so for 28 of them."""

DEFAULT_TRAIN_DAYS = 90
"""Days of training events before the gap of one label delay."""

DEFAULT_ROUNDS = 300
"""Trees of the default model."""

# With the published features, 256 bins and a base score from the data lose much here: frauds
# are rare, and one pattern starts at an exact amount.
DEFAULT_XGBOOST: dict[str, object] = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "base_score": 0.5,
    "max_bin": 1024,
    "max_depth": 4,
    "learning_rate": 0.05,
    "subsample": 0.8,
    "colsample_bytree": 0.5,
    "min_child_weight": 5,
    "seed": 0,
}
"""Parameters of the default model under XGBoost's own names."""


def default_features() -> list[Feature]:
    """Features of the default set, in the order of the contract.

    Returns
    -------
    list of Feature
        Calendar and amount, the customer's volume and habit, and the terminal's volume and risk.
        Every label they read is at least seven days old.
    """
    return [*_payment(), *_customer_volume(), *_customer_habit(), *_odd_amounts(), *_terminal()]


def _payment() -> list[Feature]:
    # Amounts above a fixed limit are a fraud pattern of their own; the calendar is kept from the
    # published baseline.
    from lagmark.features import AtLeast, AtMost, Is, Value

    return [
        Value("amount", name="amount"),
        Is(AtLeast("weekday", 5), name="is_weekend"),
        Is(AtMost("hour", 6), name="is_night"),
    ]


def _customer_volume() -> list[Feature]:
    # What the published baseline knows of a customer: how often and how much lately.
    from lagmark.features import Count, Mean

    features: list[Feature] = []
    for days in WINDOWS:
        window = f"{days}d"
        features += [
            Count("customer", window=window, name=f"customer_count_{window}"),
            Mean("customer", "amount", window=window, name=f"customer_amount_mean_{window}"),
        ]
    return features


def _customer_habit() -> list[Feature]:
    # A stolen card spends several times its owner's usual amount. The payment itself stays out of
    # the habit it is held against, and the median does not move when a few frauds are in it.
    from lagmark.features import Quantile, Quotient, Ratio, Value, ZScore

    amount = Value("amount")
    median = Quantile("customer", "amount", q=0.5)
    recent_median = Quantile("customer", "amount", q=0.5, window="90d")
    high = Quantile("customer", "amount", q=0.95)
    return [
        Ratio("customer", "amount", name="customer_amount_ratio_all"),
        ZScore("customer", "amount", name="customer_amount_zscore_all"),
        Ratio("customer", "amount", window="30d", name="customer_amount_ratio_30d"),
        Quotient(amount, median, name="customer_amount_over_median_all"),
        Quotient(amount, high, name="customer_amount_over_q95_all"),
        Quotient(amount, recent_median, name="customer_amount_over_median_90d"),
    ]


def _odd_amounts() -> list[Feature]:
    # Frauds of one stolen card come within two weeks, long before the first label: earlier odd
    # amounts are the only warning that comes in time.
    from lagmark.features import Count, FeatureAbove, Ratio, TimeSinceLast

    ratio = Ratio("customer", "amount")
    windows = ((2.0, (1, 3, 7, 14, 30)), (3.0, (1, 7, 14)), (2.5, (14,)))
    features: list[Feature] = [
        Count(
            "customer",
            window=f"{days}d",
            include_current=False,
            where=FeatureAbove(ratio, times),
            name=f"customer_count_ratio_above_{times:g}_{days}d".replace(".", "_"),
        )
        for times, spans in windows
        for days in spans
    ]
    features.append(
        TimeSinceLast(
            "customer",
            where=FeatureAbove(ratio, 2.5),
            name="customer_time_since_ratio_above_2_5",
        )
    )
    return features


def _terminal() -> list[Feature]:
    # A compromised terminal takes only frauds, for four weeks. Known frauds say that it was, the
    # age and length of their streak say how much of that time is left.
    from lagmark.features import (
        Count,
        FraudCount,
        FraudRate,
        FraudStreak,
        FraudStreakAge,
        LastLabel,
        TimeSinceFraud,
    )

    key = "terminal"
    features: list[Feature] = []
    for days in WINDOWS:
        window = f"{days}d"
        features.append(
            Count(key, window=window, delay=DELAY, name=f"terminal_count_{window}_delay_7d")
        )
    for days in RISK_WINDOWS:
        window = f"{days}d"
        features.append(
            FraudRate(key, window=window, delay=DELAY, name=f"terminal_fraud_rate_{window}")
        )
    for days in (7, 14, 28):
        window = f"{days}d"
        features.append(
            FraudCount(key, window=window, delay=DELAY, name=f"terminal_fraud_count_{window}")
        )
    return [
        *features,
        FraudRate(key, delay=DELAY, name="terminal_fraud_rate_all"),
        FraudCount(key, delay=DELAY, name="terminal_fraud_count_all"),
        LastLabel(key, delay=DELAY, name="terminal_last_label"),
        FraudStreak(key, delay=DELAY, name="terminal_fraud_streak"),
        FraudStreakAge(key, delay=DELAY, name="terminal_fraud_streak_age"),
        TimeSinceFraud(key, delay=DELAY, name="terminal_time_since_fraud"),
        Count(key, window="1d", name="terminal_count_1d"),
        Count(key, window="7d", name="terminal_count_7d"),
    ]


def wide_features() -> list[Feature]:
    """Sixty features over customer, terminal and their pair, windows from an hour to 90 days.

    A little of everything: what benchmarks of the engine and the service compute. All that needs
    single events has a window, so that memory has a bound.
    """
    from lagmark import features as f

    c, t, pair, a = "customer", "terminal", ("customer", "terminal"), "amount"
    return [
        *(f.Count(c, window=w) for w in ("1h", "1d", "7d", "30d", "90d")),
        *(f.Sum(c, a, window=w) for w in ("1d", "7d", "30d")),
        *(f.Mean(c, a, window=w) for w in ("1d", "7d", "30d", "90d")),
        *(f.Std(c, a, window=w) for w in ("7d", "30d", "90d")),
        f.Min(c, a, window="30d"),
        *(f.Max(c, a, window=w) for w in ("7d", "30d")),
        *(f.Ratio(c, a, window=w) for w in ("7d", "30d", "90d")),
        *(f.ZScore(c, a, window=w) for w in ("7d", "30d", "90d")),
        *(f.Distinct(c, t, window=w) for w in ("1d", "7d", "30d")),
        f.TimeSinceLast(c),
        f.FirstSeenAge(c),
        f.Last(c, a, window="90d"),
        f.DecayedSum(c, a, half_life="7d"),
        *(f.Count(t, window=w) for w in ("1h", "1d", "7d", "30d")),
        *(f.Mean(t, a, window=w) for w in ("1d", "7d", "30d")),
        f.Std(t, a, window="30d"),
        f.Max(t, a, window="7d"),
        f.Ratio(t, a, window="30d"),
        f.ZScore(t, a, window="30d"),
        *(f.Distinct(t, c, window=w) for w in ("1d", "7d")),
        f.TimeSinceLast(t),
        f.FraudCount(t, window="30d", delay="7d"),
        *(f.FraudRate(t, window=w, delay="7d") for w in ("1d", "7d", "30d", "90d")),
        f.LastLabel(t, window="90d", delay="7d"),
        f.TimeSinceFraud(t, window="90d", delay="7d"),
        f.Count(pair, window="30d"),
        f.Count(pair, window="90d"),
        f.NewEntity(pair, window="90d"),
        f.TimeSinceLast(pair),
        f.Sum(pair, a, window="30d"),
        f.Mean(pair, a, window="90d"),
        f.Max(pair, a, window="90d"),
        f.FraudRate(pair, window="90d", delay="7d"),
    ]
