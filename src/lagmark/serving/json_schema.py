"""JSON schemas of events and labels, each with an example that is accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lagmark.schema.fields import LIMIT, Field, Kind
from lagmark.serving.fields import LONGEST

if TYPE_CHECKING:
    from lagmark.domains.domain import Domain

__all__ = ["example_event", "json_schema", "label_schema"]

# No blanks at the ends, which are taken off, and no control characters.
_TEXT = {
    "type": "string",
    "minLength": 1,
    "maxLength": LONGEST,
    "pattern": r"^[^\x00-\x20\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\x00-\x20\x7f-\x9f])?$",
}
_WHOLE = {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}
_INSTANT = {"type": "string", "format": "date-time"}

_EXAMPLES: dict[str, dict[str, Any]] = {
    "handbook": {"customer": 596, "terminal": 3156, "amount": 57.16},
    "card": {
        "card": 1002417,
        "merchant": "Kub and Mann",
        "category": "grocery_pos",
        "amount": 107.23,
        "gender": "F",
        "job": "Psychologist, counselling",
        "city_pop": 3495,
        "lat": 36.0788,
        "long": -81.1781,
        "merch_lat": 36.011293,
        "merch_long": -82.048315,
        "device": 88213,
        "ip": 40771,
        "channel": "web",
    },
    "mobile_money": {
        "type": "TRANSFER",
        "amount": 181.0,
        "origin": "C1305486145",
        "destination": "C553264065",
        "origin_balance": 181.0,
        "destination_balance": 0.0,
    },
    "bank_link": {
        "account": 4021,
        "kind": "transfer",
        "amount": 240.0,
        "counterparty": 9177,
        "channel": "app",
        "device": 5120,
        "ip": 73311,
        "account_age": 412,
        "balance": 1830.55,
    },
}


def example_event(domain: Domain) -> dict[str, Any]:
    """An event that the domain's intake accepts, under Lagmark's names."""
    event_id: int | str = 1754155 if domain.integer_id else "8f3a1c90d2"
    values = _EXAMPLES.get(domain.name) or {
        field.name: _example_value(field) for field in domain.fields if field.required
    }
    return {"event_id": event_id, "event_time": "2024-03-01T10:00:00Z", **values}


def _example_value(field: Field) -> Any:
    if field.kind is Kind.FLAG:
        return False
    if field.kind in (Kind.MONEY, Kind.QUANTITY):
        low, high = field.minimum, field.maximum
        if low is not None and high is not None:
            return (low + high) / 2
        return low + 1 if low is not None else (high or 2) - 1
    if field.vocabulary:
        return field.vocabulary[0]
    return 1024 if field.integer and field.kind is Kind.ENTITY else f"{field.name}-1024"


def json_schema(domain: Domain) -> dict[str, Any]:
    """JSON schema of an event under Lagmark's names.

    What it allows is accepted but for times far ahead and texts that are card numbers; the intake
    takes a domain's source columns too, which the descriptions name.

    Parameters
    ----------
    domain
        What the events are.
    """
    properties: dict[str, Any] = {
        "event_id": {
            **(_WHOLE if domain.integer_id else _TEXT),
            "description": "unique name; a repeated one is the same event"
            + _also([domain.event_id] if domain.event_id else [], "event_id"),
        },
        "event_time": {
            **_INSTANT,
            "description": "when it happened, with an offset"
            + _also([domain.event_time.source], "event_time"),
        },
        "ingest_time": {
            **_INSTANT,
            "description": "when it was seen, with an offset; now where absent",
        },
    }
    for field in domain.fields:
        properties[field.name] = _property(field)
    return {
        "title": domain.title,
        "type": "object",
        "properties": properties,
        "required": ["event_id", "event_time", *(f.name for f in domain.fields if f.required)],
        "additionalProperties": False,
        "examples": [example_event(domain)],
    }


def _property(field: Field) -> dict[str, Any]:
    schema: dict[str, Any]
    if field.kind is Kind.FLAG:
        schema = {"type": "boolean"}
    elif field.kind in (Kind.MONEY, Kind.QUANTITY):
        most = LIMIT // field.scale
        schema = {
            "type": "number",
            "minimum": -most if field.minimum is None else field.minimum,
            "maximum": most if field.maximum is None else field.maximum,
        }
    elif field.vocabulary:
        schema = {"type": "string", "enum": list(field.vocabulary)}
    else:
        schema = dict(_WHOLE if field.integer and field.kind is Kind.ENTITY else _TEXT)
    told = f"{field.kind.value}"
    if field.kind in (Kind.MONEY, Kind.QUANTITY):
        told += f"; {field.decimals} decimals are kept, half to even"
    schema["description"] = told + _also([field.column, *field.aliases], field.name)
    if not field.required:
        kind = schema.pop("type")
        schema["type"] = [kind, "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    return schema


def _also(names: list[str], own: str) -> str:
    others = [name for name in names if name != own]
    return f"; also read as {', '.join(others)}" if others else ""


def label_schema(domain: Domain) -> dict[str, Any]:
    """JSON schema of a label message.

    Parameters
    ----------
    domain
        Whose events the labels speak of.
    """
    return {
        "title": "Label message",
        "type": "object",
        "properties": {
            "event_id": dict(_WHOLE if domain.integer_id else _TEXT),
            "fraud": {"type": "boolean"},
            "source": {**_TEXT, "description": "who says it: chargeback, analyst, customer"},
            "known_at": {**_INSTANT, "description": "since when it is known; now where absent"},
            "reversal": {
                "type": "boolean",
                "description": "whether it takes an earlier verdict of the source back",
            },
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        },
        "required": ["event_id", "fraud", "source"],
        "additionalProperties": False,
        "examples": [
            {
                "event_id": example_event(domain)["event_id"],
                "fraud": True,
                "source": "chargeback",
                "known_at": "2024-03-15T09:00:00Z",
            }
        ],
    }
