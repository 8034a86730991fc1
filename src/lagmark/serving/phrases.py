"""Phrases for every kind of feature and predicate."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lagmark import features as of
from lagmark.reports.formats import duration, percent
from lagmark.schema.fields import Kind
from lagmark.schema.time import SECOND, format_duration, parse_duration

if TYPE_CHECKING:
    from lagmark.schema.fields import Field

__all__ = ["LONGEST", "Phrases", "Say"]

LONGEST = 119
"""Characters of a text at most."""

Say = Callable[[float], str]

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ROOM = 12
"""Characters that a value may take."""


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _plural(noun: str) -> str:
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")


def _time(micros: int) -> str:
    text = format_duration(micros)
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    return f"{digits} {text[len(digits) :]}"


def _seconds(value: float) -> str:
    return duration(round(value * SECOND))


def _share(value: float) -> str:
    return percent(value, 1)


def _number(value: float) -> str:
    # More digits than people read only hide the first ones.
    whole = value == math.floor(value) and abs(value) < 1e15
    return f"{value:,.0f}" if whole else f"{value:,.2f}" if abs(value) >= 1 else f"{value:.3g}"


def _compact(value: float) -> str:
    return f"{value:.4g}"


class Phrases:
    """Phrases for the features over some fields.

    Parameters
    ----------
    fields
        Fields by name.
    event
        What an event is called.
    """

    def __init__(self, fields: dict[str, Field], event: str) -> None:
        self._fields = fields
        self.event, self.events = event, _plural(event)

    def sentence(self, feature: of.Feature) -> Say:
        """What says a feature's value."""
        special = _SENTENCES.get(type(feature))
        say = special(self, feature) if special is not None else None
        if say is not None and max(len(say(v)) for v in (0.0, 1.0, -1.0)) <= LONGEST - _ROOM:
            return _short(say)
        title, unit = self.title(feature), self.unit(feature)
        return _short(lambda value: f"{title}: {unit(value)}")

    def title(self, feature: of.Feature) -> str:
        """What a feature is, without its value; its name where the definition is too long."""
        title = _TITLES[type(feature)](self, feature)
        if len(title) > LONGEST - _ROOM:
            title = _plain(feature.label)
        return title if len(title) <= LONGEST - _ROOM else title[: LONGEST - _ROOM - 1] + "…"

    def unit(self, feature: Any) -> Say:
        """How values of a feature are written."""
        if isinstance(feature, (of.Sum, of.Mean, of.Std, of.Max, of.Min, of.Last, of.Value)):
            return self._amount(feature.field)
        if isinstance(feature, (of.Quantile, of.DecayedSum)):
            return self._amount(feature.field)
        if isinstance(feature, of.Difference):
            return self.unit(feature.a)
        return _UNITS.get(type(feature), _number)

    def _amount(self, name: str) -> Say:
        field = self._fields.get(name)
        if field is not None and field.kind is Kind.MONEY:
            form = f",.{field.decimals}f"
            return lambda value: _compact(value) if abs(value) >= 1e15 else format(value, form)
        if field is not None and field.kind is Kind.FLAG:
            return lambda value: {0.0: "no", 1.0: "yes"}.get(value, _number(value))
        return _number

    def whose(self, feature: Any) -> str:
        """Key, window and predicate, with a blank before them."""
        where = f" with {self.condition(feature.where)}" if feature.where is not None else ""
        return f" {self.key(feature)}{self.window(feature)}{where}"

    def counted(self, feature: of.Count, *, one: bool = False) -> str:
        """What a count counts."""
        earlier = "earlier " if feature.skips_current else ""
        return earlier + (self.event if one else self.events)

    def key(self, feature: Any) -> str:
        """The key, as an attribute of events."""
        things = [_plain(key) for key in feature.keys if key not in ("hour", "weekday")]
        times = [key for key in feature.keys if key in ("hour", "weekday")]
        parts = [f"of this {' and '.join(things)}"] if things else []
        if times:
            # One key value holds the events of the same hour, weekday, or both.
            parts.append("at this hour" if "hour" in times else "")
            parts.append("on this weekday" if "weekday" in times else "")
        return " ".join(part for part in parts if part)

    def window(self, feature: Any) -> str:
        """The window, with a blank before it; nothing for all history."""
        delay = parse_duration(feature.delay)
        if feature.window is None:
            return f" up to {_time(delay)} ago" if delay else ""
        width = _time(parse_duration(feature.window))
        return f" in the {width} up to {_time(delay)} ago" if delay else f" within {width}"

    def condition(self, predicate: Any) -> str:
        """A predicate."""
        return _CONDITIONS[type(predicate)](self, predicate)

    def bound(self, name: str, bound: float) -> str:
        """A number that a field is compared with."""
        if name == "weekday":
            return _DAYS[round(bound) % 7]
        return self._amount(name)(float(bound))

    def constant(self, name: str, value: str | float | bool) -> str:
        """A value that a field may have."""
        return value if isinstance(value, str) else self.bound(name, float(value))


def _short(say: Say) -> Say:
    # Values are not known beforehand, and a sum may have any length.
    def limited(value: float) -> str:
        text = say(value)
        return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"

    return limited


def _equals(words: Phrases, p: of.Equals) -> str:
    if isinstance(p.value, bool):
        return _plain(p.field) if p.value else f"no {_plain(p.field)}"
    return f"{_plain(p.field)} {words.constant(p.field, p.value)}"


def _one_of(words: Phrases, p: of.OneOf) -> str:
    values = [words.constant(p.field, value) for value in p.values] or ["of no value"]
    return f"{_plain(p.field)} {', '.join(values[:-1])}{' or ' if values[1:] else ''}{values[-1]}"


def _bounded(text: str) -> Callable[[Phrases, Any], str]:
    return lambda words, p: f"{_plain(p.field)} {text.format(words.bound(p.field, p.bound))}"


def _feature_above(_: Phrases, p: of.FeatureAbove) -> str:
    # The key and window of the other feature are nearly those of the sentence.
    if isinstance(p.feature, of.Ratio):
        return f"{_plain(p.feature.field)} above {p.threshold:g} times the mean"
    return f"{_plain(p.feature.label)} above {p.threshold:g}"


_CONDITIONS: dict[type, Callable[[Phrases, Any], str]] = {
    of.Equals: _equals,
    of.OneOf: _one_of,
    of.AtLeast: _bounded("from {} on"),
    of.AtMost: _bounded("up to {}"),
    of.Above: _bounded("above {}"),
    of.Below: _bounded("below {}"),
    of.Between: lambda w, p: (
        f"{_plain(p.field)} {w.bound(p.field, p.low)} to {w.bound(p.field, p.high)}"
    ),
    of.And: lambda w, p: f"{w.condition(p.left)} and {w.condition(p.right)}",
    of.FeatureAbove: _feature_above,
}


def _of_field(text: str) -> Callable[[Phrases, Any], str]:
    return lambda w, f: f"{text} {_plain(f.field)}{w.whose(f)}"


def _of_events(text: str) -> Callable[[Phrases, Any], str]:
    return lambda w, f: f"{text.format(event=w.event, events=w.events)}{w.whose(f)}"


def _quantile(words: Phrases, f: of.Quantile) -> str:
    return _of_field("median" if f.q == 0.5 else f"{f.q * 100:g} % quantile of")(words, f)


_TITLES: dict[type, Callable[[Phrases, Any], str]] = {
    of.Count: lambda w, f: w.counted(f) + w.whose(f),
    of.Sum: _of_field("total"),
    of.Mean: _of_field("mean"),
    of.Std: _of_field("standard deviation of"),
    of.Max: _of_field("highest"),
    of.Min: _of_field("lowest"),
    of.Last: _of_field("previous"),
    of.Distinct: lambda w, f: f"different {_plural(_plain(f.field))}{w.whose(f)}",
    of.Rate: _of_events("share of {events}"),
    of.Ratio: lambda w, f: f"{_plain(f.field)} over the mean{w.whose(f)}",
    of.ZScore: lambda w, f: f"deviations of {_plain(f.field)} from the mean{w.whose(f)}",
    of.Quantile: _quantile,
    of.DecayedSum: lambda w, f: f"{_of_field('recent')(w, f)} (half-life {_time(_half_life(f))})",
    of.FirstSeenAge: lambda w, f: f"time since the first {w.event}{w.whose(f)}",
    of.TimeSinceLast: _of_events("time since the previous {event}"),
    of.NewEntity: lambda w, f: f"first {w.event}{w.whose(f)}",
    of.Distance: _of_events("distance from the previous {event}"),
    of.Speed: _of_events("speed since the previous {event}"),
    of.FraudCount: _of_events("known frauds"),
    of.FraudRate: _of_events("known frauds among the {events}"),
    of.LastLabel: _of_events("known fraud in the latest {event}"),
    of.FraudStreak: _of_events("known frauds in a row"),
    of.FraudStreakAge: _of_events("time since the first of the known frauds in a row"),
    of.TimeSinceFraud: _of_events("time since the latest known fraud"),
    of.Value: lambda _, f: _plain(f.field),
    of.HourOfDay: lambda *_: "hour of the day in UTC",
    of.DayOfWeek: lambda *_: "day of the week in UTC",
    of.Is: lambda w, f: w.condition(f.predicate),
    of.Quotient: lambda w, f: f"{w.title(f.a)} over {w.title(f.b)}",
    of.Difference: lambda w, f: f"{w.title(f.a)} minus {w.title(f.b)}",
}


def _half_life(feature: of.DecayedSum) -> int:
    return parse_duration(feature.half_life)


def _yes_no(value: float) -> str:
    return "yes" if value else "no"


_UNITS: dict[type, Say] = {
    of.Rate: _share,
    of.FraudRate: _share,
    of.FirstSeenAge: _seconds,
    of.TimeSinceLast: _seconds,
    of.FraudStreakAge: _seconds,
    of.TimeSinceFraud: _seconds,
    of.NewEntity: _yes_no,
    of.LastLabel: _yes_no,
    of.Is: _yes_no,
    of.DayOfWeek: lambda value: _DAYS[int(value) % 7],
    of.Distance: lambda value: f"{_number(value)} km",
    of.Speed: lambda value: f"{_number(value)} km/h",
}


def _counted(one: str, many: str, rest: str) -> Say:
    return lambda value: f"{_number(value)} {one if value == 1 else many}{rest}"


def _count(words: Phrases, f: of.Count) -> Say:
    return _counted(words.counted(f, one=True), words.counted(f), words.whose(f))


def _distinct(words: Phrases, f: of.Distinct) -> Say:
    noun = _plain(f.field)
    return _counted(f"different {noun}", f"different {_plural(noun)}", words.whose(f))


def _ratio(words: Phrases, f: of.Ratio) -> Say:
    field, rest = _plain(f.field), words.whose(f)
    return lambda value: f"{field} is {_number(value)} times the mean{rest}"


def _zscore(words: Phrases, f: of.ZScore) -> Say:
    field, rest = _plain(f.field), words.whose(f)

    def say(value: float) -> str:
        side = "below" if value < 0 else "above"
        return f"{field} is {_number(abs(value))} deviations {side} the mean{rest}"

    return say


def _first_seen(words: Phrases, f: of.FirstSeenAge) -> Say:
    new, old = f"first {words.event}{words.whose(f)}", words.title(f)
    return lambda value: new if value == 0 else f"{old}: {_seconds(value)}"


def _new(words: Phrases, f: of.NewEntity) -> Say:
    first = words.title(f)
    return lambda value: first if value else f"not the {first}"


def _ago(text: str) -> Callable[[Phrases, Any], Say]:
    def sentence(words: Phrases, f: Any) -> Say:
        start = text.format(event=words.event) + words.whose(f)
        return lambda value: f"{start}: {_seconds(value)} ago"

    return sentence


def _apart(text: str, unit: str) -> Callable[[Phrases, Any], Say]:
    def sentence(words: Phrases, f: Any) -> Say:
        rest = f"{text} the previous {words.event}{words.whose(f)}"
        return lambda value: f"{_number(value)} {unit} {rest}"

    return sentence


def _last_label(words: Phrases, f: of.LastLabel) -> Say:
    start = f"latest {words.event}{words.whose(f)}"
    return lambda value: f"{start} {'is a known fraud' if value else 'is no known fraud'}"


def _quotient(words: Phrases, f: of.Quotient) -> Say:
    a, b = words.title(f.a), words.title(f.b)
    if isinstance(f.a, of.Value):
        return lambda value: f"{a} is {_number(value)} times the {b}"
    return lambda value: f"{a} over {b}: {_number(value)}"


def _is(words: Phrases, f: of.Is) -> Say:
    text = words.condition(f.predicate)
    return lambda value: text if value else f"not {text}"


def _hour(*_: Any) -> Say:
    return lambda value: f"between {int(value):02d}:00 and {int(value):02d}:59 UTC"


_SENTENCES: dict[type, Callable[[Phrases, Any], Say]] = {
    of.Count: _count,
    of.Distinct: _distinct,
    of.Ratio: _ratio,
    of.ZScore: _zscore,
    of.FirstSeenAge: _first_seen,
    of.NewEntity: _new,
    of.TimeSinceLast: _ago("previous {event}"),
    of.TimeSinceFraud: _ago("latest known fraud"),
    of.FraudStreakAge: _ago("first of the known frauds in a row"),
    of.Distance: _apart("from", "km"),
    of.Speed: _apart("since", "km/h"),
    of.FraudCount: lambda w, f: _counted("known fraud", "known frauds", w.whose(f)),
    of.FraudStreak: lambda w, f: _counted("known fraud", "known frauds in a row", w.whose(f)),
    of.LastLabel: _last_label,
    of.Quotient: _quotient,
    of.Is: _is,
    of.HourOfDay: _hour,
    of.DayOfWeek: lambda *_: lambda value: f"on a {_DAYS[int(value) % 7]} (UTC)",
}
