"""What raw values mean: patterns, faults and exact conversions, for columns and single records."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import IntEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from lagmark.schema.time import DAY, HOUR, MINUTE, SECOND, to_micros

if TYPE_CHECKING:
    from lagmark.schema.fields import Field

__all__ = [
    "BLANKS",
    "EARLIEST",
    "FLAGS",
    "INSTANT",
    "INTEGER",
    "LATEST",
    "NON_FINITE",
    "NUMBER",
    "PATTERNS",
    "UNITS",
    "WHOLE",
    "Fault",
    "fault_text",
    "fullmatch",
    "local_to_utc",
    "origin_of",
    "reason",
    "round_decimal",
]

BLANKS = " \t\r\n"
"""Characters taken off both ends of every text; what is left empty is absent."""

NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
NON_FINITE = r"[+-]?([iI][nN][fF]([iI][nN][iI][tT][yY])?|[nN][aA][nN])"
INTEGER = r"([+-]?[0-9]+)(\.0*)?"
INSTANT = (
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?"
    r"(?: ?([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?))?)?"
)
"""ISO 8601 date, optional time, optional zone; digits below the microsecond are cut off."""

FLAGS = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False}
"""Texts a flag or label may take, letter case aside."""

WHOLE = 2**53
"""Largest magnitude at which a float that stands for an identifier is exact."""

UNITS = {"s": SECOND, "min": MINUTE, "h": HOUR, "d": DAY}
"""Units of counted times, microseconds."""

EARLIEST = to_micros(datetime(1900, 1, 1, tzinfo=UTC))
LATEST = to_micros(datetime(2200, 1, 1, tzinfo=UTC))
"""Instants outside are out of range: no payment carries them, and sums of them overflow nowhere."""


class Fault(IntEnum):
    """Why a value is no value of its field; 0 means that it is one."""

    NONE = 0
    ABSENT = 1
    NOT_A_NUMBER = 2
    NOT_FINITE = 3
    OUT_OF_RANGE = 4
    BEYOND_LIMIT = 5
    NOT_TEXT = 6
    NOT_AN_INTEGER = 7
    NOT_IN_VOCABULARY = 8
    NOT_A_FLAG = 9
    NOT_A_TIME = 10
    SKIPPED_TIME = 11
    AMBIGUOUS_TIME = 12
    BEFORE_EVENT = 13
    DUPLICATE = 14
    CHECK = 15
    UNREADABLE = 16


_TEXTS = {
    Fault.ABSENT: "required but absent",
    Fault.NOT_A_NUMBER: "not a number",
    Fault.NOT_FINITE: "not a finite number",
    Fault.OUT_OF_RANGE: "out of range",
    Fault.BEYOND_LIMIT: "larger than exact arithmetic allows",
    Fault.NOT_TEXT: "neither text nor a whole number",
    Fault.NOT_AN_INTEGER: "not a whole number of 64 bits",
    Fault.NOT_IN_VOCABULARY: "not in the vocabulary",
    Fault.NOT_A_FLAG: "neither true nor false",
    Fault.NOT_A_TIME: "not an instant",
    Fault.SKIPPED_TIME: "a local time that the clocks skipped",
    Fault.AMBIGUOUS_TIME: "a local time that the clocks passed twice",
    Fault.BEFORE_EVENT: "label known before its event",
    Fault.DUPLICATE: "id of an event that arrived earlier",
    Fault.UNREADABLE: "not one record of the file's columns",
}


def fault_text(fault: Fault, field: Field | None = None) -> str:
    """Text of a fault, with the field's bounds or vocabulary where the rule is about them.

    Examples
    --------
    >>> fault_text(Fault.NOT_A_NUMBER)
    'not a number'
    """
    text = _TEXTS[fault]
    if field is not None and fault is Fault.OUT_OF_RANGE:
        low = "" if field.minimum is None else f"at least {field.minimum:g}"
        high = "" if field.maximum is None else f"at most {field.maximum:g}"
        text += f" ({' and '.join(bound for bound in (low, high) if bound)})"
    if field is not None and fault is Fault.NOT_IN_VOCABULARY:
        text += f" ({', '.join(field.vocabulary)})"
    return text


def reason(name: str, fault: Fault, field: Field | None = None) -> str:
    """Text of a fault, ``"<field>: <rule>"``, with the rule's bounds where it has some.

    Parameters
    ----------
    name
        Field, time or check the fault was found in.
    fault
        The rule.
    field
        The field's definition, for its bounds and vocabulary.
    """
    return f"check {name}" if fault is Fault.CHECK else f"{name}: {fault_text(fault, field)}"


def fullmatch(pattern: str) -> str:
    """Pattern that must match a whole text, as polars writes it."""
    return rf"\A(?:{pattern})\z"


PATTERNS = {text: re.compile(text) for text in (NUMBER, NON_FINITE, INTEGER, INSTANT)}
"""The same patterns compiled for single values; use their ``fullmatch``."""


def round_decimal(value: float, decimals: int) -> tuple[int, bool]:
    """Fixed-point integer of a finite float, and whether digits were rounded away.

    Examples
    --------
    >>> round_decimal(12.345, 2), round_decimal(12.340000000000002, 2), round_decimal(0.1, 2)
    ((1234, True), (1234, True), (10, False))
    """
    shifted = Decimal(repr(value)).scaleb(decimals)
    whole = shifted.to_integral_value(ROUND_HALF_EVEN)
    return int(whole), whole != shifted


def local_to_utc(moment: datetime, zone: str) -> tuple[int, Fault]:
    """Microseconds UTC of a time without a zone, and the fault if the clocks make it unclear."""
    if zone == "UTC":
        return to_micros(moment.replace(tzinfo=UTC)), Fault.NONE
    first = moment.replace(tzinfo=ZoneInfo(zone), fold=0)
    if first.utcoffset() == first.replace(fold=1).utcoffset():
        return to_micros(first), Fault.NONE
    there_and_back = first.astimezone(UTC).astimezone(ZoneInfo(zone))
    skipped = there_and_back.replace(tzinfo=None) != moment
    return 0, Fault.SKIPPED_TIME if skipped else Fault.AMBIGUOUS_TIME


def origin_of(origin: str, zone: str) -> int:
    """Microseconds UTC of the ISO date that counted times start from.

    Parameters
    ----------
    origin
        The date, or an instant.
    zone
        Zone where it says none, an IANA name.

    Raises
    ------
    ValueError
        If it is no date, or there is no such zone.
    """
    start = datetime.fromisoformat(origin)
    return to_micros(start) if start.tzinfo is not None else local_to_utc(start, zone)[0]
