"""The page docs/semantics.md in plain Python: slow, obvious, and independent of the engine.

Nothing here imports the executors. A definition is only read as data: the rule is chosen by the
name of its class, its parameters by attribute. Every rule works on the raw list of events in
arrival order; Python's integers are exact and ``float(int)`` is correctly rounded.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from typing import Any

from .past import Entry, Past, key_fields, key_of, micros, value_of

__all__ = ["RULES", "decay_table", "evaluate"]

_EARTH_METRES = 6_371_008.8
NAN = math.nan


# --- predicates -----------------------------------------------------------------------------


def holds(predicate: Any, past: Past, entry: Entry) -> bool:
    """Whether a predicate holds on an entry."""
    kind = type(predicate).__name__
    if kind == "And":
        return holds(predicate.left, past, entry) and holds(predicate.right, past, entry)
    if kind == "FeatureAbove":
        return evaluate(predicate.feature, past, entry.seq) > float(predicate.threshold)
    value, scale = value_of(entry, predicate.field), past.scale(predicate.field)
    if value is None:
        return False
    # Numbers are compared in units of the source, identifiers and texts as they are.
    shown = value if scale == 1 else float(value) / scale
    if kind == "Equals":
        return bool(shown == predicate.value)
    if kind == "OneOf":
        return shown in tuple(predicate.values)
    if kind == "Between":
        return bool(predicate.low <= shown <= predicate.high)
    compare = {
        "AtLeast": operator.ge,
        "AtMost": operator.le,
        "Above": operator.gt,
        "Below": operator.lt,
    }[kind]
    return bool(compare(shown, predicate.bound))


# --- selection ------------------------------------------------------------------------------


def window(feature: Any, past: Past, i: int, *, current: bool | None = None) -> list[Entry]:
    """Entries that a feature selects for event ``i``, in log order.

    ``current`` overrules the definition's ``include_current`` where the page says so.
    """
    e = past.events[i]
    delay = micros(getattr(feature, "delay", None)) or 0
    width = micros(getattr(feature, "window", None))
    tile = micros(getattr(feature, "resolution", None)) or 1
    where = getattr(feature, "where", None)
    if current is None:
        current = getattr(feature, "include_current", None)
    if current is None:
        current = type(feature).__name__ != "Quantile"
    end = e.time // tile * tile - delay
    selected = []
    for f in past.log(feature.key, i):
        at = f.time // tile * tile
        if at > end or (past.right_open and delay and at == end):
            continue
        if width is not None and (at < end - width or (at == end - width and not past.left_closed)):
            continue
        if f.seq == i and not current:
            continue
        if where is not None and not holds(where, past, f):
            continue
        selected.append(f)
    return selected


def numbers(entries: Sequence[Entry], name: str) -> list[int]:
    """Stored integers of a field, absent ones skipped."""
    return [int(f.values[name]) for f in entries if f.values.get(name) is not None]


def seconds(duration: int) -> float:
    """Seconds of a number of microseconds."""
    return float(duration) / 1_000_000.0


# --- rules: one per aggregation; ``None`` means "empty, take the default" ---------------------


def count(feature: Any, past: Past, i: int) -> float | None:
    return float(len(window(feature, past, i)))


def total(feature: Any, past: Past, i: int) -> float | None:
    xs = numbers(window(feature, past, i), feature.field)
    return float(sum(xs)) / past.scale(feature.field) if xs else None


def mean(feature: Any, past: Past, i: int) -> float | None:
    xs = numbers(window(feature, past, i), feature.field)
    return float(sum(xs)) / float(len(xs) * past.scale(feature.field)) if xs else None


def std(feature: Any, past: Past, i: int) -> float | None:
    xs = numbers(window(feature, past, i), feature.field)
    n, s, q = len(xs), sum(xs), sum(x * x for x in xs)
    return math.sqrt(float(n * q - s * s)) / float(n * past.scale(feature.field)) if xs else None


def minimum(feature: Any, past: Past, i: int) -> float | None:
    xs = numbers(window(feature, past, i), feature.field)
    return float(min(xs)) / past.scale(feature.field) if xs else None


def maximum(feature: Any, past: Past, i: int) -> float | None:
    xs = numbers(window(feature, past, i), feature.field)
    return float(max(xs)) / past.scale(feature.field) if xs else None


def last(feature: Any, past: Past, i: int) -> float | None:
    xs = numbers(window(feature, past, i, current=False), feature.field)
    return float(xs[-1]) / past.scale(feature.field) if xs else None


def distinct(feature: Any, past: Past, i: int) -> float | None:
    found = {value_of(f, feature.field) for f in window(feature, past, i)}
    return float(len(found - {None}))


def rate(feature: Any, past: Past, i: int) -> float | None:
    held = window(feature, past, i)
    every = window(_Without(feature), past, i)
    return float(len(held)) / float(len(every)) if every else None


def ratio(feature: Any, past: Past, i: int) -> float | None:
    xs = numbers(window(feature, past, i, current=False), feature.field)
    x = past.events[i].values.get(feature.field)
    if not xs or x is None:
        return None
    return float(x) * float(len(xs)) / float(sum(xs)) if sum(xs) else NAN


def zscore(feature: Any, past: Past, i: int) -> float | None:
    xs = numbers(window(feature, past, i, current=False), feature.field)
    x = past.events[i].values.get(feature.field)
    if not xs or x is None:
        return None
    n, s, q = len(xs), sum(xs), sum(v * v for v in xs)
    root = math.sqrt(float(n * q - s * s))
    return (float(x) * float(n) - float(s)) / root if n > 1 and root else NAN


def quantile(feature: Any, past: Past, i: int) -> float | None:
    xs = sorted(numbers(window(feature, past, i), feature.field))
    if not xs:
        return None
    return float(xs[max(1, math.ceil(feature.q * len(xs))) - 1]) / past.scale(feature.field)


def decay_table() -> list[float]:
    """``2**(-i/64)`` correctly rounded: sixty digits, then one rounding."""
    with localcontext() as context:
        context.prec = 60
        return [float(Decimal(2) ** (Decimal(-i) / 64)) for i in range(64)]


TABLE = decay_table()


def decayed_sum(feature: Any, past: Past, i: int) -> float | None:
    e, half_life, where = past.events[i], micros(feature.half_life), feature.where
    assert half_life is not None
    decayed, tick = None, 0
    for f in past.log(feature.key, i):
        if (f.time, f.seq) > (e.time, e.seq):
            break
        x = f.values.get(feature.field)
        if x is None or (where is not None and not holds(where, past, f)):
            x = 0
        now = f.time * 64 // half_life
        if decayed is None:
            decayed = float(x)
        else:
            k = now - tick
            kept = decayed * (TABLE[k % 64] * 2.0 ** -(k // 64)) if k < 1000 * 64 else 0.0
            decayed = kept + float(x)
        tick = now
    return None if decayed is None else decayed / past.scale(feature.field)


def first_seen_age(feature: Any, past: Past, i: int) -> float | None:
    t = past.events[i].time
    return seconds(t - min(f.time for f in past.log(feature.key, i) if f.time <= t))


def time_since_last(feature: Any, past: Past, i: int) -> float | None:
    found = window(feature, past, i, current=False)
    return seconds(past.events[i].time - found[-1].time) if found else None


def new_entity(feature: Any, past: Past, i: int) -> float | None:
    return 0.0 if window(feature, past, i, current=False) else 1.0


def previous_place(feature: Any, past: Past, i: int) -> tuple[int, int] | None:
    """Metres and microseconds from the previous entry with coordinates."""

    def place(f: Entry) -> tuple[float, float] | None:
        lat, lon = f.values.get(feature.latitude), f.values.get(feature.longitude)
        if lat is None or lon is None:
            return None
        return (
            math.radians(float(lat) / past.scale(feature.latitude)),
            math.radians(float(lon) / past.scale(feature.longitude)),
        )

    here = place(past.events[i])
    before = [f for f in window(feature, past, i, current=False) if place(f) is not None]
    if here is None or not before:
        return None
    there = place(before[-1])
    assert there is not None
    a = (
        math.sin((here[0] - there[0]) / 2) ** 2
        + math.cos(here[0]) * math.cos(there[0]) * math.sin((here[1] - there[1]) / 2) ** 2
    )
    metres = 2 * _EARTH_METRES * math.asin(math.sqrt(min(1.0, a)))
    return math.floor(metres + 0.5), past.events[i].time - before[-1].time


def distance(feature: Any, past: Past, i: int) -> float | None:
    moved = previous_place(feature, past, i)
    return None if moved is None else float(moved[0]) / 1000.0


def speed(feature: Any, past: Past, i: int) -> float | None:
    moved = previous_place(feature, past, i)
    if moved is None:
        return None
    metres, passed = moved
    return (float(metres) / 1000.0) * 3600.0 / seconds(passed) if passed else NAN


def verdicts(feature: Any, past: Past, i: int) -> list[tuple[Entry, bool]]:
    """Entries of the window without ``e``, each with whether a visible label says fraud."""
    at = past.events[i].ingest
    return [(f, past.known_fraud(f, at)) for f in window(feature, past, i, current=False)]


def streak(feature: Any, past: Past, i: int) -> list[Entry]:
    """Frauds at the end of the window, latest first."""
    found = []
    for f, fraud in reversed(verdicts(feature, past, i)):
        if not fraud:
            break
        found.append(f)
    return found


def fraud_count(feature: Any, past: Past, i: int) -> float | None:
    return float(sum(fraud for _, fraud in verdicts(feature, past, i)))


def fraud_rate(feature: Any, past: Past, i: int) -> float | None:
    seen = verdicts(feature, past, i)
    return float(sum(fraud for _, fraud in seen)) / float(len(seen)) if seen else None


def last_label(feature: Any, past: Past, i: int) -> float | None:
    seen = verdicts(feature, past, i)
    return float(seen[-1][1]) if seen else None


def fraud_streak(feature: Any, past: Past, i: int) -> float | None:
    return float(len(streak(feature, past, i)))


def fraud_streak_age(feature: Any, past: Past, i: int) -> float | None:
    run = streak(feature, past, i)
    return seconds(past.events[i].time - run[-1].time) if run else None


def time_since_fraud(feature: Any, past: Past, i: int) -> float | None:
    frauds = [f for f, fraud in verdicts(feature, past, i) if fraud]
    return seconds(past.events[i].time - frauds[-1].time) if frauds else None


def value(feature: Any, past: Past, i: int) -> float | None:
    x = value_of(past.events[i], feature.field)
    return None if x is None else float(x) / past.scale(feature.field)


def hour_of_day(feature: Any, past: Past, i: int) -> float | None:
    return float(value_of(past.events[i], "hour"))


def day_of_week(feature: Any, past: Past, i: int) -> float | None:
    return float(value_of(past.events[i], "weekday"))


def is_(feature: Any, past: Past, i: int) -> float | None:
    return float(holds(feature.predicate, past, past.events[i]))


def quotient(feature: Any, past: Past, i: int) -> float | None:
    a, b = evaluate(feature.a, past, i), evaluate(feature.b, past, i)
    return NAN if b == 0 else a / b


def difference(feature: Any, past: Past, i: int) -> float | None:
    return evaluate(feature.a, past, i) - evaluate(feature.b, past, i)


class _Without:
    """A definition seen without its ``where``."""

    def __init__(self, feature: Any) -> None:
        self.feature = feature

    def __getattr__(self, name: str) -> Any:
        return None if name == "where" else getattr(self.feature, name)


RULES: dict[str, Callable[[Any, Past, int], float | None]] = {
    "Count": count,
    "Sum": total,
    "Mean": mean,
    "Std": std,
    "Min": minimum,
    "Max": maximum,
    "Last": last,
    "Distinct": distinct,
    "Rate": rate,
    "Ratio": ratio,
    "ZScore": zscore,
    "Quantile": quantile,
    "DecayedSum": decayed_sum,
    "FirstSeenAge": first_seen_age,
    "TimeSinceLast": time_since_last,
    "NewEntity": new_entity,
    "Distance": distance,
    "Speed": speed,
    "FraudCount": fraud_count,
    "FraudRate": fraud_rate,
    "LastLabel": last_label,
    "FraudStreak": fraud_streak,
    "FraudStreakAge": fraud_streak_age,
    "TimeSinceFraud": time_since_fraud,
    "Value": value,
    "HourOfDay": hour_of_day,
    "DayOfWeek": day_of_week,
    "Is": is_,
    "Quotient": quotient,
    "Difference": difference,
}

_ZERO_WHEN_EMPTY = {
    *("Count", "Sum", "Distinct", "Rate", "DecayedSum", "NewEntity"),
    *("FraudCount", "FraudRate", "LastLabel", "FraudStreak"),
}


def evaluate(feature: Any, past: Past, i: int) -> float:
    """Value of a feature for event ``i``, from what is visible when it arrives."""
    # What an entry was worth when it arrived never changes, and FeatureAbove asks for it often.
    # The definition is kept beside its values so that its id stays its own.
    memo = past._memo.setdefault(id(feature), (feature, {}))[1]
    if i not in memo:
        name = type(feature).__name__
        empty = getattr(feature, "default", None)
        if empty is None:
            empty = 0.0 if name in _ZERO_WHEN_EMPTY else NAN
        key = getattr(feature, "key", None)
        absent = key is not None and key_of(past.events[i], key_fields(key)) is None
        found = None if absent else RULES[name](feature, past, i)
        memo[i] = float(empty if found is None else found)
    return memo[i]
