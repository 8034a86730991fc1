"""Every aggregation over windows, keys, filters and delays: what the parity tests draw from."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import lagmark.features as lf

from .streams import FIELDS

if TYPE_CHECKING:
    import numpy as np

    from lagmark.features import FeatureSet

__all__ = ["WINDOWS", "catalogue", "draw", "feature_set", "options_of"]

WINDOWS = (None, "1s", "1min", "1h", "12h", "1d", "7d", "30d", "365d")
_KEYS: tuple[Any, ...] = (
    "customer",
    "terminal",
    "device",
    ("customer", "terminal"),
    ("customer", "hour"),
    ("terminal", "device", "weekday"),
)
_LABELS = (
    "FraudCount", "FraudRate", "LastLabel", "FraudStreak", "FraudStreakAge", "TimeSinceFraud",
)  # fmt: skip
_NUMERIC = ("Sum", "Mean", "Std", "Min", "Max", "Last", "Ratio", "ZScore", "Quantile")
_SELECTED_BY_FEATURES = ("Count", "Sum", "Mean", "Std", "Rate", "Ratio", "ZScore")
_TILED = ("Count", "Sum", "Mean", "Std", "Rate")


def has_feature(predicate: Any) -> bool:
    """Whether a predicate looks at another feature."""
    if isinstance(predicate, lf.And):
        return has_feature(predicate.left) or has_feature(predicate.right)
    return isinstance(predicate, lf.FeatureAbove)


def options_of(cls: type) -> set[str]:
    """Parameters that a definition takes."""
    return {f.name for f in dataclasses.fields(cls) if f.init}


def predicates(key: Any) -> list[Any]:
    """Predicates of every kind, absent values, virtual fields and features of the key included."""
    above = lf.FeatureAbove(lf.Ratio(key, "amount", window="7d"), 1.5)
    return [
        lf.Equals("type", "TRANSFER"),
        lf.Equals("declined", True),
        lf.Equals("amount", 0.01),
        lf.OneOf("type", ("TRANSFER", "CASH_OUT", "never seen")),
        lf.AtLeast("amount", 220.0),
        lf.AtMost("amount", 10.0),
        lf.Above("balance", 0.0),
        lf.Below("balance", -250.125),
        lf.Between("hour", 0, 6),
        lf.Between("weekday", 5, 6),
        lf.And(lf.AtLeast("amount", 0.01), lf.Equals("declined", False)),
        above,
        lf.And(above, lf.Between("hour", 6, 23)),
        lf.FeatureAbove(lf.FraudCount(key, window="30d"), 0.0),
    ]


def catalogue() -> list[Any]:
    """A few hundred definitions, uniquely named."""
    found: list[Any] = []

    def add(name: str, *args: Any, **options: Any) -> None:
        cls = getattr(lf, name)
        kept = {k: v for k, v in options.items() if k in options_of(cls)}
        if has_feature(kept.get("where")) and (
            name not in _SELECTED_BY_FEATURES or kept.get("resolution") is not None
        ):
            del kept["where"]
        for key in [
            k
            for k, v in kept.items()
            if v is None or (k == "where" and getattr(cls, "plain", False))
        ]:
            del kept[key]
        if cls in (lf.FirstSeenAge, lf.DecayedSum):
            kept.pop("window", None)
        found.append(cls(*args, **kept, name=f"f{len(found)}_{name}"))

    turn = 0
    for k, key in enumerate(_KEYS):
        wheres = predicates(key)
        for w, window in enumerate(WINDOWS):
            for delay in ("0s", "1d", "7d"):
                turn += 1
                where = wheres[turn % len(wheres)] if turn % 3 == 0 else None
                shared = {"window": window, "delay": delay, "where": where}
                field = ("amount", "balance", "declined")[0 if turn % 2 else 1]
                current = {"include_current": turn % 4 != 1} if delay == "0s" else {}
                add("Count", key, **shared, **current)
                name = _NUMERIC[turn % len(_NUMERIC)]
                if name in ("Ratio", "ZScore", "Last", "Quantile"):
                    add(name, key, field, **shared, q=(0.25, 0.9)[turn % 2])
                else:
                    add(name, key, field, **shared, **current)
                add(_LABELS[turn % len(_LABELS)], key, **shared)
                add("Rate", key, where=wheres[turn % len(wheres)], window=window, delay=delay)
                add("Distinct", key, ("device", "type", "terminal")[w % 3], **shared, **current)
                if delay == "0s":
                    add("TimeSinceLast", key, **shared)
                    add("NewEntity", key, window=window)
                    add("Distance", key, "lat", "lon", window=window)
                    add("Speed", key, "lat", "lon", window=window)
                if (k + w) % 3 == 0:
                    add(_TILED[turn % 4], key, *(["amount"] if turn % 4 else []), **shared,
                        resolution=("1s", "1min", "1h")[turn % 3])  # fmt: skip
        for half_life in ("1s", "1h", "1d", "30d"):
            add("DecayedSum", key, "amount", half_life=half_life)
        add("DecayedSum", key, "balance", half_life="7d", where=wheres[k])
        add("FirstSeenAge", key)
        for q in (0.01, 0.5, 0.95, 1.0):
            add("Quantile", key, "amount", q=q, window=WINDOWS[-1 - k])
        for name in ("Mean", "Last", "TimeSinceLast", "Count"):
            args = [key, "amount"] if name in ("Mean", "Last") else [key]
            add(name, *args, window="1h", default=-1.0)
    for f in ("amount", "balance", "declined"):
        add("Value", f)
    add("HourOfDay")
    add("DayOfWeek")
    for predicate in predicates("customer")[:-3]:
        add("Is", predicate)
    many = lf.Count("customer", window="7d")
    few = lf.Sum("terminal", "balance", window="1d")
    add("Quotient", many, few)
    add("Quotient", few, many)
    add("Difference", lf.Value("balance"), few)
    add("Difference", lf.Mean("customer", "amount", window="30d"), lf.Value("amount"))
    return found


def feature_set(features: Any, name: str = "drawn") -> FeatureSet:
    """Feature set over the test fields."""
    return lf.FeatureSet(name, FIELDS, list(features))


def draw(rng: np.random.Generator, n: int) -> list[Any]:
    """``n`` definitions of the catalogue, in random order."""
    every = catalogue()
    return [every[int(k)] for k in rng.permutation(len(every))[:n]]
