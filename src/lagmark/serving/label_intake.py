"""JSON as label messages: the verdict on an event, who said it, and since when it is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lagmark.schema.raw import UNITS, Fault, fault_text
from lagmark.schema.records import LabelRecord
from lagmark.serving.fields import (
    LONGEST,
    Reader,
    UnusableError,
    clock_reader,
    did_you_mean,
    flag_reader,
    id_reader,
    number_of,
)
from lagmark.serving.intake import Refusal, RefusedError
from lagmark.serving.json_objects import JsonObject, parse_carefully

if TYPE_CHECKING:
    from lagmark.domains.domain import Domain

__all__ = ["LabelIntake"]

_NAMES = ("event_id", "fraud", "source", "known_at", "reversal", "confidence")


class LabelIntake:
    """Reader of JSON label messages of one domain.

    A message has ``event_id``, ``fraud`` and ``source``, and may have ``known_at`` (ISO 8601 with
    an offset; now where absent, and never later), ``reversal`` (false) and ``confidence`` (0 to 1,
    1 where absent). The event need not be known.

    Parameters
    ----------
    domain
        Whose events the labels speak of.

    Examples
    --------
    >>> from lagmark.domains.registry import get_domain
    >>> labels = LabelIntake(get_domain("handbook"))
    >>> body = b'{"event_id": 7, "fraud": true, "source": "chargeback"}'
    >>> labels.label(body, now=1_600_000_000_000_000, by="ann").known_at
    1600000000000000
    """

    def __init__(self, domain: Domain) -> None:
        self._readers: dict[str, Reader] = {
            "event_id": id_reader(integer=domain.integer_id, required=True),
            "fraud": flag_reader(required=True),
            "source": id_reader(integer=False, required=True),
            "known_at": clock_reader(None, required=False),
            "reversal": flag_reader(required=False),
            "confidence": _confidence,
        }

    def label(self, body: bytes, *, now: int, by: str) -> LabelRecord:
        """Label of one JSON object.

        Parameters
        ----------
        body
            The JSON.
        now
            The present instant, microseconds since 1970 UTC.
        by
            Who sent it: the name of a key.

        Raises
        ------
        RefusedError
            With everything that is wrong.
        """
        return self._take(_parsed(body), now, by)

    def labels(
        self, body: bytes, *, now: int, by: str, most: int = 10_000
    ) -> list[LabelRecord | RefusedError]:
        """Labels of a JSON array, or of an object ``{"labels": [...]}``; each read by itself.

        Parameters
        ----------
        body, now, by
            As for :meth:`label`.
        most
            Labels that may come at once.

        Raises
        ------
        RefusedError
            If it is no array, is empty or too long.
        """
        found = _parsed(body)
        if isinstance(found, dict) and found.keys() == {"labels"}:
            found = found["labels"]
        if not isinstance(found, list) or not found:
            what = "neither an array of labels nor an object with one"
            raise RefusedError([Refusal("", what, 'send {"labels": [{...}, ...]}')])
        if len(found) > most:
            what = f"{len(found)} labels at once"
            raise RefusedError([Refusal("", what, f"send at most {most} in one request")])
        results: list[LabelRecord | RefusedError] = []
        for each in found:
            try:
                results.append(self._take(each, now, by))
            except RefusedError as refused:
                results.append(refused)
        return results

    def _take(self, record: Any, now: int, by: str) -> LabelRecord:
        if not isinstance(record, JsonObject):
            raise RefusedError([Refusal("", "not a JSON object", "send a label as {...}")])
        unknown = [name for name in record if name not in self._readers]
        refusals = [_unknown(name) for name in unknown[:20]]
        refusals += [
            Refusal(name[:LONGEST], "sent twice in one object", "send it once")
            for name in record.twice[:20]
        ]
        values: dict[str, Any] = {}
        for name, read in self._readers.items():
            try:
                values[name] = read(record.get(name), [])
                if name == "known_at" and values[name] is not None and values[name] > now:
                    _not_later(values[name], now)
            except UnusableError as problem:
                refusals.append(Refusal(name, problem.what, problem.hint))
        if refusals:
            raise RefusedError(refusals)
        return LabelRecord(
            event_id=values["event_id"],
            known_at=now if values["known_at"] is None else values["known_at"],
            fraud=values["fraud"],
            source=values["source"],
            reversal=bool(values["reversal"]),
            confidence=1.0 if values["confidence"] is None else values["confidence"],
            by=by,
        )


def _parsed(body: bytes) -> Any:
    try:
        return parse_carefully(body)
    except UnusableError as problem:
        raise RefusedError([Refusal("", problem.what, problem.hint)]) from None


def _confidence(raw: Any, _rounded: list[str]) -> float | None:
    value = number_of(raw)
    if value is not None and not 0.0 <= value <= 1.0:
        raise UnusableError(fault_text(Fault.OUT_OF_RANGE), hint="send a number from 0 to 1")
    return value


def _not_later(known_at: int, now: int) -> None:
    # Clocks of two machines differ a little; a label of the future would be seen too early.
    if known_at > now + UNITS["min"]:
        raise UnusableError("known in the future", hint="leave known_at out: it is known now")


def _unknown(name: str) -> Refusal:
    hint = did_you_mean(name, _NAMES) or f"a label has {', '.join(_NAMES)}"
    shown = name[:LONGEST].encode("ascii", "backslashreplace").decode()
    return Refusal(shown, "unknown field", hint)
