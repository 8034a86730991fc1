"""Values of requests and answers: instants, names of events, texts, cursors."""

from __future__ import annotations

import base64
import binascii
import zlib
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
)

from lagmark.apps.api.problems import Fault, Problem
from lagmark.errors import DataError
from lagmark.schema.raw import EARLIEST, LATEST
from lagmark.schema.time import DAY, from_micros, to_micros
from lagmark.serving.fields import UnusableError, id_reader

__all__ = [
    "PLACE",
    "Binary",
    "Body",
    "Cursor",
    "EntityValue",
    "EventId",
    "Instant",
    "Name",
    "Text",
    "cursor_text",
    "identifier",
    "named",
    "position_of",
]

PLACE = "x-place"
"""Key of a schema that stands for one of the domain."""
_INSTANT = "an ISO 8601 instant with its zone, such as 2026-03-01T12:00:00Z, or a date"


class Body(BaseModel):
    """What a request or answer holds; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _micros(value: object, info: ValidationInfo) -> object:
    if isinstance(value, int) and info.mode == "python":
        return value  # an answer being made
    if not isinstance(value, str):
        raise ValueError(f"write {_INSTANT}")  # noqa: TRY004 -- Pydantic reports value errors
    text = value.strip()
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        hint = " (a + in a query is written %2B)" if " " in text else ""
        raise ValueError(f"write {_INSTANT}{hint}") from None
    if instant.tzinfo is None:
        try:
            date.fromisoformat(text)
        except ValueError:
            raise ValueError("has no zone; end it with Z or an offset") from None
        micros = (instant.toordinal() - date(1970, 1, 1).toordinal()) * DAY
    else:
        try:
            micros = to_micros(instant)
        except (DataError, OverflowError):
            raise ValueError(f"write {_INSTANT}") from None
    if not EARLIEST <= micros < LATEST:
        low, high = from_micros(EARLIEST).date(), from_micros(LATEST - 1).date()
        raise ValueError(f"out of range ({low} to {high})")
    return micros


def _iso(micros: int) -> str:
    return from_micros(micros).isoformat().replace("+00:00", "Z")


Instant = Annotated[
    int,
    BeforeValidator(_micros),
    PlainSerializer(_iso, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "examples": ["2026-03-01T12:00:00Z"],
            "pattern": r"^(19|20|21)\d\d-",
        }
    ),
]
"""Microseconds since 1970 UTC, written as an ISO 8601 instant."""


def named(schema: str) -> WithJsonSchema:
    """JSON schema that depends on the domain: the name of what :mod:`~.openapi` puts there."""
    return WithJsonSchema({PLACE: schema})


_PLAIN = r"^[^\x00-\x1f\x7f\ufffd]*$"
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_PLAIN)]
"""Text without control characters."""
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
"""A short name."""


def _whole(value: object) -> object:
    """Whole number that JSON may also write with a point."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Binary = Annotated[int, Field(ge=0, le=1), BeforeValidator(_whole)]
"""0 or 1."""
EventId = Annotated[int | str, BeforeValidator(_whole), named("EventId")]
"""Name of an event: a whole number or text, as the domain has them."""
EntityValue = Annotated[int | str, BeforeValidator(_whole), named("EntityValue")]
"""Value of an entity field, likewise."""
Cursor = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_-]{16}$"),
    Field(description="`cursor` of the page before."),
]
"""Place in a list, as the page before told it."""


def identifier(raw: Any, *, integer: bool, field: str = "event_id") -> int | str:
    """Name of an event or entity in the form that the domain has.

    Parameters
    ----------
    raw
        As it was sent.
    integer
        Whether the domain has whole numbers or text.
    field
        Where it was sent.

    Raises
    ------
    Problem
        422 if it is none.

    Examples
    --------
    >>> identifier("17", integer=True), identifier(17, integer=False)
    (17, '17')
    """
    try:
        # What is only asked for may look like a card number: events with one were refused.
        found: int | str = id_reader(integer=integer, required=True, card_numbers=True)(raw, [])
    except UnusableError as problem:
        fault = Fault(field, problem.what, problem.hint)
        raise Problem(422, f"{field}: {problem.what}", errors=[fault]) from None
    return found


def cursor_text(position: int, query: Any) -> str:
    """Opaque cursor after a position of the list that a query gives."""
    raw = position.to_bytes(8, "big") + _mark(query)
    return base64.urlsafe_b64encode(raw).decode()


def position_of(cursor: str | None, query: Any) -> int | None:
    """Position of a cursor.

    Raises
    ------
    Problem
        404 if it is none of this query.

    Examples
    --------
    >>> position_of(cursor_text(7, "all"), "all")
    7
    """
    if cursor is None:
        return None
    try:
        raw = base64.b64decode(cursor, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 12 or raw[8:] != _mark(query) or raw[0] > 127:
        fault = Fault("cursor", "not of this query", "repeat the query that it came from")
        raise Problem(404, "there is no such place in this list", errors=[fault])
    return int.from_bytes(raw[:8], "big")


def _mark(query: Any) -> bytes:
    return zlib.crc32(repr(query).encode()).to_bytes(4, "big")
