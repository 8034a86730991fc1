"""Instants and durations as exact integers: microseconds, UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from lagmark.errors import ConfigError, DataError

__all__ = [
    "DAY",
    "HOUR",
    "MINUTE",
    "SECOND",
    "format_duration",
    "from_micros",
    "parse_duration",
    "parse_instant",
    "to_micros",
]

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_UNITS = {"s": SECOND, "min": MINUTE, "h": HOUR, "d": DAY}
_DURATION = re.compile(r"\s*(\d+)\s*(s|min|h|d)\s*")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_duration(text: str | timedelta) -> int:
    """Duration in microseconds.

    Parameters
    ----------
    text
        A whole number and a unit, ``"30s"``, ``"15min"``, ``"1h"`` or ``"7d"``, or a
        :class:`datetime.timedelta`.

    Raises
    ------
    ConfigError
        If the text is no duration.

    Examples
    --------
    >>> parse_duration("1h")
    3600000000
    """
    if isinstance(text, timedelta):
        return text // timedelta(microseconds=1)
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ConfigError(
            f"{text!r} is not a duration", hint='write a whole number and s, min, h or d: "7d"'
        )
    return int(match[1]) * _UNITS[match[2]]


def format_duration(micros: int) -> str:
    """Shortest text that :func:`parse_duration` reads back.

    Examples
    --------
    >>> format_duration(7 * DAY), format_duration(90 * SECOND)
    ('7d', '90s')
    """
    for unit in ("d", "h", "min", "s"):
        if micros % _UNITS[unit] == 0 and (micros or unit == "s"):
            return f"{micros // _UNITS[unit]}{unit}"
    return f"{micros}us"


def to_micros(instant: datetime) -> int:
    """Microseconds since 1970-01-01 UTC of an instant with a zone.

    Raises
    ------
    DataError
        If the instant has no zone: guessing one would move events silently.

    Examples
    --------
    >>> to_micros(datetime(1970, 1, 2, tzinfo=UTC)) == DAY
    True
    """
    if instant.tzinfo is None:
        raise DataError(f"{instant} has no time zone", hint="say which one, for example +00:00")
    since = instant - _EPOCH
    return since.days * DAY + since.seconds * SECOND + since.microseconds


def from_micros(micros: int) -> datetime:
    """Instant in UTC from microseconds since 1970-01-01."""
    return _EPOCH + timedelta(microseconds=int(micros))


def parse_instant(text: str) -> datetime:
    """Instant in UTC from ISO 8601 text; a plain date is its midnight, a missing zone is UTC.

    Raises
    ------
    ConfigError
        If the text is no date or instant.

    Examples
    --------
    >>> parse_instant("2018-08-08").isoformat()
    '2018-08-08T00:00:00+00:00'
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{text!r} is not an instant", hint='write ISO 8601: "2018-08-08T12:00:00Z"'
        ) from None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
