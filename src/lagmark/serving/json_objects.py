"""JSON objects of plain values: fast where nothing is odd, else with all that is odd found."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import msgspec

from lagmark.serving.fields import UnusableError

__all__ = ["JsonObject", "parse_carefully", "parse_objects"]

Plain = dict[str, str | int | float | bool | None]


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    events: list[Plain]


_ONE = msgspec.json.Decoder(Plain)
_ARRAY = msgspec.json.Decoder(list[Plain])
_ENVELOPE = msgspec.json.Decoder(_Envelope)


class JsonObject(dict[str, Any]):
    """A JSON object that knows which of its names came more than once; the last value counts."""

    __slots__ = ("twice",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.twice: list[str] = []
        if len(self) < len(pairs):
            counts = Counter(name for name, _ in pairs)
            self.twice = sorted(name for name, count in counts.items() if count > 1)


def parse_objects(body: bytes, *, many: bool) -> list[dict[str, Any]] | None:
    """Objects of plain values, or ``None`` where :func:`parse_carefully` has to look.

    A parser keeps the last of two equal names. Where no backslash stands in the JSON, every quote
    begins or ends a name or text, so that counting quotes finds any name that was dropped.

    Parameters
    ----------
    body
        The JSON.
    many
        Whether it is an array (or an object with one) instead of one object.
    """
    extra = 0
    try:
        if not many:
            found: list[dict[str, Any]] = [_ONE.decode(body)]
        elif body.lstrip()[:1] == b"[":
            found = _ARRAY.decode(body)
        else:
            found, extra = _ENVELOPE.decode(body).events, 1
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if body.find(92) >= 0:  # a backslash
        return None
    texts = sum(len(each) + list(map(type, each.values())).count(str) for each in found)
    return found if body.count(b'"') == 2 * (texts + extra) else None


def parse_carefully(body: bytes) -> Any:
    """JSON value with :class:`JsonObject` for objects; numbers beyond a float are infinite.

    Raises
    ------
    UnusableError
        If it is no JSON in UTF-8.

    Examples
    --------
    >>> parse_carefully(b'{"a": 1, "a": 1e400}').twice
    ['a']
    """
    try:
        return json.loads(body.decode(), object_pairs_hook=JsonObject, parse_int=_whole)
    except UnicodeDecodeError as problem:
        what = f"not UTF-8 (byte {problem.start})"
        raise UnusableError(what, hint="encode the text as UTF-8") from None
    except RecursionError:
        raise UnusableError("nested too deep", hint="send one flat object per event") from None
    except json.JSONDecodeError as problem:
        what = f"not JSON: {problem.msg.lower()} (line {problem.lineno}, column {problem.colno})"
        raise UnusableError(what, hint="send one JSON value") from None


def _whole(digits: str) -> int | float:
    # Longer ones fit no field, and Python refuses to read very long ones.
    return int(digits) if len(digits) <= 40 else float(digits)
