"""Readers of single JSON values: canonical, or refused with what is wrong and what to send."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from lagmark.errors import DataError
from lagmark.schema.fields import LIMIT, Field, Kind
from lagmark.schema.raw import (
    BLANKS,
    EARLIEST,
    FLAGS,
    INSTANT,
    INTEGER,
    LATEST,
    NON_FINITE,
    NUMBER,
    PATTERNS,
    UNITS,
    WHOLE,
    Fault,
    fault_text,
    local_to_utc,
    origin_of,
    round_decimal,
)
from lagmark.schema.time import DAY, HOUR, MINUTE, SECOND, from_micros
from lagmark.serving.card_numbers import is_card_number

if TYPE_CHECKING:
    from lagmark.domains.domain import TimeColumn
    from lagmark.schema.events import Value

__all__ = [
    "LONGEST",
    "Reader",
    "UnusableError",
    "clock_reader",
    "counted",
    "did_you_mean",
    "field_reader",
    "flag_reader",
    "id_reader",
    "number_of",
]

LONGEST = 128
"""Characters of an id or text."""

Reader = Callable[[Any, list[str]], Any]
"""Canonical value of a JSON value; a number that is rounded notes its field in the list."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_USUAL_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)", re.ASCII
).fullmatch
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]").search
_HINTS = {
    Fault.NOT_A_NUMBER: "send a JSON number, or its decimal text",
    Fault.NOT_FINITE: "send a finite number, or leave the field out",
    Fault.OUT_OF_RANGE: "numbers are in the units that people write, not in minor units",
    Fault.BEYOND_LIMIT: "check the unit of the number",
    Fault.NOT_TEXT: "send text",
    Fault.NOT_AN_INTEGER: "send a JSON whole number",
    Fault.NOT_A_FLAG: "send true or false",
    Fault.NOT_A_TIME: 'send ISO 8601 with its offset: "2024-03-01T10:00:00Z"',
    Fault.SKIPPED_TIME: "send it with its offset",
    Fault.AMBIGUOUS_TIME: "send it with its offset",
}


class UnusableError(DataError):
    """A value that is none of its field."""


def _unusable(fault: Fault, field: Field | None = None, hint: str = "") -> UnusableError:
    return UnusableError(fault_text(fault, field), hint=hint or _HINTS.get(fault, ""))


_CARD = UnusableError(
    "raw card numbers are not accepted", hint="send a token that stands for the card"
)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Question after a similar word with the same first letter; empty if there is none.

    Only those are compared, so that a batch of mistakes costs no more than it has to.
    """
    if len(word) > LONGEST:
        return ""
    first = word[:1].casefold()
    near = [each for each in known if each[:1].casefold() == first]
    close = difflib.get_close_matches(word, near, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else ""


def field_reader(field: Field, *, card_numbers: bool = False) -> Reader:
    """Reader of a field.

    Parameters
    ----------
    field
        The field.
    card_numbers
        Whether identifiers may look like card numbers.
    """
    if field.kind in (Kind.MONEY, Kind.QUANTITY):
        return _number_reader(field)
    if field.kind is Kind.FLAG:
        return flag_reader(required=field.required)
    if field.kind is Kind.CATEGORY and field.vocabulary:
        return _vocabulary_reader(field)
    whole = field.integer and field.kind is Kind.ENTITY
    return id_reader(integer=whole, required=field.required, card_numbers=card_numbers)


def _absent(*, required: bool) -> Any:
    if required:
        raise _unusable(Fault.ABSENT, hint="send it")
    return None


def number_of(raw: Any) -> float | None:
    """Float of a JSON number or its text, ``None`` where absent.

    Raises
    ------
    UnusableError
        If it is none, or not finite.
    """
    if raw is None:
        return None
    if isinstance(raw, str):
        raw = raw.strip(BLANKS) or None
        if raw is not None and len(raw) > LONGEST:
            # The pattern's time grows with the square of the length.
            raise UnusableError(f"longer than {LONGEST} characters", hint="send a shorter number")
        if raw is not None and not PATTERNS[NUMBER].fullmatch(raw):
            infinite = PATTERNS[NON_FINITE].fullmatch(raw)
            raise _unusable(Fault.NOT_FINITE if infinite else Fault.NOT_A_NUMBER)
        if raw is None:
            return None
    elif isinstance(raw, bool) or not isinstance(raw, int | float):
        raise _unusable(Fault.NOT_A_NUMBER)
    try:
        value = float(raw)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise _unusable(Fault.NOT_FINITE)
    return value


def _number_reader(field: Field) -> Reader:
    name, decimals, required = field.name, field.decimals, field.required
    scale, beyond = float(field.scale), 2.0 * LIMIT
    low = -math.inf if field.minimum is None else field.minimum
    high = math.inf if field.maximum is None else field.maximum

    def read(raw: Any, rounded: list[str]) -> Value:
        if type(raw) is float:
            value = raw
        else:
            sent = number_of(raw)
            if sent is None:
                return _absent(required=required)
            value = sent
        scaled = value * scale
        if low <= value <= high and -beyond < scaled < beyond:
            whole = round(scaled)
            # Scaling errs by less than 1e-3 units here, so only next to a half the digits of the
            # shortest text of the float have to be looked at; see sources/numbers.py.
            if whole / scale != value:
                cut = True
                if abs(scaled - math.floor(scaled) - 0.5) <= 1e-3:
                    whole, cut = round_decimal(value, decimals)
                if cut:
                    rounded.append(name)
            if -LIMIT <= whole <= LIMIT:
                return whole
        if not math.isfinite(value):
            raise _unusable(Fault.NOT_FINITE)
        inside = low <= value <= high
        raise _unusable(Fault.BEYOND_LIMIT if inside else Fault.OUT_OF_RANGE, field)

    return read


def flag_reader(*, required: bool) -> Reader:
    """Reader of a flag: booleans, 0 and 1, and the texts of files."""

    def read(raw: Any, _rounded: list[str]) -> bool | None:
        if raw is True or raw is False:
            return raw
        if isinstance(raw, str):
            text = raw.strip(BLANKS)
            if not text:
                return _absent(required=required)
            if (known := FLAGS.get(text.lower())) is not None:
                return known
        elif raw is None:
            return _absent(required=required)
        elif isinstance(raw, int | float) and raw in (0, 1):
            return raw == 1
        raise _unusable(Fault.NOT_A_FLAG)

    return read


def _whole(raw: Any) -> int | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    if isinstance(raw, int):
        return raw
    return int(raw) if math.isfinite(raw) and raw == int(raw) and abs(raw) <= WHOLE else None


def _text_of(raw: Any) -> str | None:
    if isinstance(raw, str):
        return raw.strip(BLANKS) or None
    if raw is None:
        return None
    whole = _whole(raw)
    if whole is None:
        raise _unusable(Fault.NOT_TEXT)
    return str(whole) if abs(whole) < 10**LONGEST else "9" * (LONGEST + 1)


def _sound(text: str, *, card_numbers: bool) -> str:
    if len(text) > LONGEST:
        raise UnusableError(f"longer than {LONGEST} characters", hint="send a shorter name")
    if _CONTROL(text):
        raise UnusableError("text with control characters", hint="leave them out")
    if not card_numbers and is_card_number(text):
        raise _CARD
    return text


def id_reader(*, integer: bool, required: bool, card_numbers: bool = False) -> Reader:
    """Reader of an identifier, a whole number of 64 bits or text."""

    def read_text(raw: Any, _rounded: list[str]) -> str | None:
        text = raw.strip(BLANKS) if type(raw) is str else _text_of(raw)
        if not text:
            return _absent(required=required)
        # Card numbers are longer, and begin with a digit or a separator.
        if text.isprintable() and (len(text) < 13 or (text[0] > "9" and len(text) <= LONGEST)):
            return text
        return _sound(text, card_numbers=card_numbers)

    def read_integer(raw: Any, _rounded: list[str]) -> int | None:
        if type(raw) is int and 0 <= raw < 10**12:
            return raw
        value: int | None = raw
        if type(raw) is not int:
            if isinstance(raw, str):
                text = raw.strip(BLANKS)
                match = PATTERNS[INTEGER].fullmatch(text) if len(text) <= LONGEST else None
                value = int(match[1]) if match else None
                raw = text or None
            else:
                value = _whole(raw)
            if raw is None:
                return _absent(required=required)
        if value is None or not -(2**63) <= value < 2**63:
            raise _unusable(Fault.NOT_AN_INTEGER)
        if value >= 10**12 and not card_numbers and is_card_number(str(value)):
            raise _CARD
        return value

    return read_integer if integer else read_text


def _vocabulary_reader(field: Field) -> Reader:
    vocabulary, required = frozenset(field.vocabulary), field.required

    def read(raw: Any, _rounded: list[str]) -> str | None:
        if type(raw) is str and raw in vocabulary:
            return raw
        text = _text_of(raw)
        if text is None:
            return _absent(required=required)
        if text in vocabulary:
            return text
        hint = did_you_mean(text, field.vocabulary) or "send one of these words"
        raise _unusable(Fault.NOT_IN_VOCABULARY, field, hint)

    return read


def clock_reader(column: TimeColumn | None, *, required: bool) -> Reader:
    """Reader of an instant, microseconds since 1970 UTC.

    Parameters
    ----------
    column
        The domain's own column, whose values may carry no offset or count units; ``None`` takes
        ISO 8601 with an offset only.
    required
        Whether it must be there.
    """
    if column is not None and column.unit is not None:
        return _counted_reader(column, required=required)
    zone = None if column is None else column.zone

    def read(raw: Any, _rounded: list[str]) -> int | None:
        if type(raw) is str:
            if _USUAL_INSTANT(raw):
                try:
                    since = datetime.fromisoformat(raw) - _EPOCH
                except (ValueError, OverflowError):
                    raise _unusable(Fault.NOT_A_TIME) from None
                micros = since.days * DAY + since.seconds * SECOND + since.microseconds
                return _bounded(micros)
            raw = raw.strip(BLANKS)
            if raw:
                return _written(raw, zone)
        elif raw is not None:
            raise _unusable(Fault.NOT_A_TIME)
        return _absent(required=required)

    return read


def _origin(column: TimeColumn) -> tuple[int, int]:
    """Instant that counted values start from, and the length of their unit, microseconds."""
    return origin_of(column.origin, column.zone), UNITS[column.unit or "s"]


def counted(instant: int, column: TimeColumn) -> float:
    """Number that a counting column would hold for an instant."""
    start, unit = _origin(column)
    return (instant - start) / unit + column.first


def _counted_reader(column: TimeColumn, *, required: bool) -> Reader:
    start, unit = _origin(column)
    first = column.first

    def read(raw: Any, _rounded: list[str]) -> int | None:
        value = number_of(raw)
        if value is None:
            return _absent(required=required)
        if value < first or value >= WHOLE:
            raise _unusable(Fault.OUT_OF_RANGE, hint=f"it counts from {first}")
        return _bounded(round((value - first) * unit) + start)

    return read


def _written(text: str, zone: str | None) -> int:
    match = PATTERNS[INSTANT].fullmatch(text)
    if match is None:
        raise _unusable(Fault.NOT_A_TIME)
    hour, minute, second = (int(match[group] or 0) for group in (2, 3, 4))
    tail = (match[6] or "").replace(":", "")[1:]
    ahead, minutes = int(tail[:2] or 0), int(tail[2:] or 0)
    try:
        day = date.fromisoformat(match[1]).toordinal() - _EPOCH_DAY
    except ValueError:
        raise _unusable(Fault.NOT_A_TIME) from None
    if hour > 23 or minute > 59 or second > 59 or ahead > 23 or minutes > 59:
        raise _unusable(Fault.NOT_A_TIME)
    fraction = int((match[5] or "")[:6].ljust(6, "0"))
    micros = day * DAY + hour * HOUR + minute * MINUTE + second * SECOND + fraction
    if match[6]:
        sign = -1 if match[6].startswith("-") else 1
        return _bounded(micros - sign * (ahead * HOUR + minutes * MINUTE))
    if zone is None:
        raise UnusableError(
            "an instant without an offset",
            hint='say which zone: "2024-03-01T10:00:00Z" or "2024-03-01T11:00:00+01:00"',
        )
    if zone == "UTC":
        return _bounded(micros)
    try:
        micros, fault = local_to_utc(from_micros(micros).replace(tzinfo=None), zone)
    except OverflowError:
        raise _unusable(Fault.OUT_OF_RANGE, hint="check the year") from None
    if fault:
        raise _unusable(fault)
    return _bounded(micros)


def _bounded(micros: int) -> int:
    if EARLIEST <= micros < LATEST:
        return micros
    raise _unusable(Fault.OUT_OF_RANGE, hint="check the year")
