"""Events as other systems name their fields, read as events of the domain that is served."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lagmark.apps.api.problems import Fault, Problem
from lagmark.schema.time import from_micros, to_micros
from lagmark.serving.fields import UnusableError
from lagmark.serving.intake import RefusedError
from lagmark.serving.json_objects import JsonObject, parse_carefully
from lagmark.serving.json_schema import example_event, json_schema

if TYPE_CHECKING:
    from lagmark.apps.api.context import Context
    from lagmark.schema.events import Event

__all__ = ["Form", "parse_object"]

_FOREIGN: Mapping[str, tuple[str, ...]] = {
    "customer": ("customer_id", "user_id"),
    "card": ("customer_id", "user_id"),
    "account": ("customer_id", "user_id"),
    "origin": ("customer_id", "user_id"),
    "merchant": ("merchant_id", "merchant_name"),
    "terminal": ("merchant_id", "merchant_name"),
    "counterparty": ("merchant_id", "merchant_name"),
    "destination": ("merchant_id", "merchant_name"),
    "amount": ("amount_usd",),
}
"""What other systems call a field of ours."""
_IDS = ("transaction_id", "client_transaction_id")
_TIMES = ("timestamp", "transaction_time")


@dataclass(frozen=True, slots=True)
class Form:
    """How one other system writes an event of the domain served.

    Parameters
    ----------
    context
        The service.
    names
        Names that this system uses, where there are several for one field.
    """

    context: Context
    names: frozenset[str]

    def schema(self) -> dict[str, Any]:
        """JSON schema of its events: the domain's, under the names of the other system."""
        own = json_schema(self.context.domain)
        properties, required = own["properties"], set(own["required"])
        found: dict[str, Any] = {}
        needed = []
        for field in self.context.domain.fields:
            if field.name not in properties:
                continue
            name = self._name(field.name)
            found[name] = properties[field.name]
            if field.name in required:
                needed.append(name)
        found[_first(_IDS, self.names)] = properties["event_id"]
        found[_first(_TIMES, self.names)] = {
            "type": "string",
            "format": "date-time",
            "description": "UTC where it has no zone; the present where it is absent.",
        }
        return {
            "type": "object",
            "properties": found,
            "required": needed,
            "additionalProperties": False,
        }

    def example(self) -> dict[str, Any]:
        """An event that is accepted, with what is required."""
        schema, ours = self.schema(), example_event(self.context.domain)
        found = {self._name(name): value for name, value in ours.items()}
        return {name: found[name] for name in schema["required"]}

    def event(self, record: Mapping[str, Any]) -> Event:
        """Event of a record; one without an id is a new event each time it is sent.

        Raises
        ------
        Problem
            422 that says what is wrong and which fields are taken.
        """
        context = self.context
        now = to_micros(context.clock())
        ours = self._renamed(record)
        ours.setdefault("event_id", _new_id(integer=context.domain.integer_id))
        if context.domain.event_time.source not in ours:
            sent = ours.setdefault("event_time", from_micros(now).isoformat())
            ours["event_time"] = _with_zone(sent)
        try:
            return context.intake.event(json.dumps(ours).encode(), now=now).event
        except RefusedError as refused:
            back = {self._ours(name): name for name in record}
            faults = [
                Fault(back.get(each.field, each.field), each.what, each.hint)
                for each in refused.refusals
            ]
            takes = ", ".join(self.schema()["properties"])
            detail = f"domain {context.domain.name!r} takes the fields {takes}"
            raise Problem(422, detail, errors=faults) from None

    def _renamed(self, record: Mapping[str, Any]) -> dict[str, Any]:
        ours: dict[str, Any] = {}
        faults = []
        if isinstance(record, JsonObject) and record.twice:
            faults += [Fault(name[:64], "sent twice in one object") for name in record.twice]
        for name, value in record.items():
            if isinstance(value, dict | list):
                faults.append(Fault(name[:64], "not a plain value"))
            elif isinstance(value, float) and not abs(value) < float("inf"):
                faults.append(Fault(name[:64], "not a finite number"))
            elif self._ours(name) in ours:
                faults.append(Fault(name[:64], "sent under two names", "send one of them"))
            ours[self._ours(name)] = value
        if faults:
            raise Problem(422, "the event cannot be read", errors=faults)
        return ours

    def _ours(self, name: str) -> str:
        if name in _IDS:
            return "event_id"
        if name in _TIMES:
            return "event_time"
        for field in self.context.domain.fields:
            if name == field.name:
                return name
        for field in self.context.domain.fields:
            if name in _FOREIGN.get(field.name, ()):
                return field.name
        return name

    def _name(self, field: str) -> str:
        return _first(_FOREIGN.get(field, ()), self.names, field)


def parse_object(body: bytes) -> JsonObject:
    """Body as one JSON object.

    Raises
    ------
    Problem
        422 if it is none.
    """
    try:
        found = parse_carefully(body)
    except UnusableError as problem:
        fault = Fault("body", problem.what, problem.hint)
        raise Problem(422, problem.what, errors=[fault]) from None
    if not isinstance(found, JsonObject):
        fault = Fault("body", "not a JSON object", "send {...}")
        raise Problem(422, fault.what, errors=[fault])
    return found


def _first(names: tuple[str, ...], wanted: frozenset[str], default: str = "") -> str:
    return next((name for name in names if name in wanted), default or names[0])


def _new_id(*, integer: bool) -> int | str:
    """Name that no sender gives: negative numbers meet none of theirs, nor look like a card's."""
    return -1 - secrets.randbits(62) if integer else f"txn_{secrets.token_hex(12)}"


def _with_zone(sent: Any) -> Any:
    """Instants of other systems carry no zone and mean UTC."""
    try:
        plain = isinstance(sent, str) and datetime.fromisoformat(sent).tzinfo is None
    except ValueError:
        return sent
    return datetime.fromisoformat(sent).isoformat() + "Z" if plain else sent
