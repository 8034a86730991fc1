"""Feature sets that are measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.data import fields

if TYPE_CHECKING:
    from lagmark.features import Feature, FeatureSet

__all__ = ["WINDOWS", "flat", "nine", "sixty", "twelve"]

WINDOWS = (1, 7, 30)
"""Days of the handbook's windows."""


def twelve() -> FeatureSet:
    """The handbook's twelve window features, in the order in which contenders give them."""
    from lagmark.features import Count, FeatureSet, FraudRate, Mean

    features: list[Feature] = []
    for days in WINDOWS:
        window = f"{days}d"
        features += [Count("customer", window=window), Mean("customer", "amount", window=window)]
    for days in WINDOWS:
        window = f"{days}d"
        features += [
            Count("terminal", window=window, delay="7d"),
            FraudRate("terminal", window=window, delay="7d"),
        ]
    return FeatureSet("twelve", fields(), features)


def nine() -> FeatureSet:
    """What River's rolling statistics can say of the same payments."""
    from lagmark.features import Count, FeatureSet, Mean

    features: list[Feature] = []
    for days in WINDOWS:
        window = f"{days}d"
        features += [
            Count("customer", window=window),
            Mean("customer", "amount", window=window),
            Count("terminal", window=window),
        ]
    return FeatureSet("nine", fields(), features)


def sixty() -> FeatureSet:
    """Sixty features over customer, terminal and their pair, windows from an hour to 90 days."""
    from lagmark.domains.handbook_features import wide_features
    from lagmark.features import FeatureSet

    return FeatureSet("sixty", fields(), wide_features())


def flat(window: str, *, only: str | None = None) -> FeatureSet:
    """One feature of each aggregation over one window; quantile only when asked for by name."""
    from lagmark import features as f

    c, a = "customer", "amount"
    kinds: dict[str, Any] = {
        "count": f.Count(c, window=window),
        "sum": f.Sum(c, a, window=window),
        "mean": f.Mean(c, a, window=window),
        "std": f.Std(c, a, window=window),
        "min": f.Min(c, a, window=window),
        "max": f.Max(c, a, window=window),
        "distinct": f.Distinct(c, "terminal", window=window),
        "ratio": f.Ratio(c, a, window=window),
        "zscore": f.ZScore(c, a, window=window),
        "time_since_last": f.TimeSinceLast(c, window=window),
        "fraud_rate": f.FraudRate(c, window=window),
        "new": f.NewEntity(c, window=window),
        "quantile": f.Quantile(c, a, 0.95, window=window),
    }
    if only is not None:
        return f.FeatureSet(f"flat {only}", fields(), [kinds[only]])
    return f.FeatureSet("flat", fields(), [kinds[k] for k in kinds if k != "quantile"])
