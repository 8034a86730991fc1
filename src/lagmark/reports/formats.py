"""How figures are written for people: one function each, the same in text and HTML."""

from __future__ import annotations

import math

from lagmark.schema.time import DAY, HOUR, MINUTE, SECOND, from_micros

__all__ = ["ABSENT", "count", "duration", "instant", "number", "percent"]

ABSENT = "–"
"""What stands where there is no figure."""


def count(value: int | None) -> str:
    """Whole number with thousands separators.

    Examples
    --------
    >>> count(1754155)
    '1,754,155'
    """
    return ABSENT if value is None else f"{value:,}"


def number(value: float | None, digits: int = 2) -> str:
    """Number with a fixed count of decimals and thousands separators.

    Examples
    --------
    >>> number(1234.5), number(None)
    ('1,234.50', '–')
    """
    return ABSENT if value is None or math.isnan(value) else f"{value:,.{digits}f}"


def percent(value: float | None, digits: int = 2) -> str:
    """Share as a percentage.

    Examples
    --------
    >>> percent(0.00837)
    '0.84 %'
    """
    return ABSENT if value is None or math.isnan(value) else f"{value * 100:,.{digits}f} %"


def instant(micros: int | None) -> str:
    """Instant in UTC to the second, from microseconds since 1970.

    Examples
    --------
    >>> instant(0)
    '1970-01-01 00:00:00 UTC'
    """
    return ABSENT if micros is None else f"{from_micros(micros):%Y-%m-%d %H:%M:%S} UTC"


def duration(micros: int | None) -> str:
    """Duration in its largest fitting unit, from microseconds.

    Examples
    --------
    >>> duration(7 * 86_400_000_000), duration(5_400_000_000)
    ('7 d', '1.5 h')
    """
    if micros is None:
        return ABSENT
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if abs(micros) >= unit:
            return f"{micros / unit:.3g} {name}"
    return f"{micros / SECOND:.3g} s"
