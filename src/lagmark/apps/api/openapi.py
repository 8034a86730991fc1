"""The OpenAPI document: what FastAPI knows of its routes, and the hot routes in front of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

import lagmark
from lagmark.apps.api.answers import ProblemDocument
from lagmark.apps.api.context import declared
from lagmark.apps.api.fields import PLACE
from lagmark.apps.api.keys import Scope
from lagmark.schema.fields import Kind
from lagmark.serving.answers import Answer
from lagmark.serving.json_schema import example_event, json_schema

if TYPE_CHECKING:
    from fastapi import FastAPI

    from lagmark.apps.api.context import Context
    from lagmark.domains.domain import Domain

__all__ = ["document", "methods"]

_REF = "#/components/schemas/{name}"
_LEAD = """Fraud decisions on events as they come, durable when they are answered, and everything
that was decided, said and known of them. Domain served: **{domain}** ({title}).

Send your key as `Authorization: Bearer lgm_...`. Refusals are RFC 9457 problem documents. Every
answer carries `X-Request-Id`, yours if you sent a harmless one. Instants are ISO 8601 with a zone,
money in answers is in minor units."""
_ONE = """Features, rules, lists, model and policy in one step. The answer is on disk when you have
it; the same event sent again gets the same answer and changes nothing."""
_MANY = """At most 10,000 events, decided in the order given. What is refused stands in its place
with its reasons and does not keep the others from being decided."""
_DIGITS = {"type": "string", "pattern": r"^-?[0-9]{1,18}$", "examples": ["17"]}
_ANSWER = {
    "event_id": 17,
    "decision_id": "0cc175b9c0f1b6a831c399e269772661",
    "score": 93,
    "probability": 0.871,
    "level": "critical",
    "action": "block",
    "reasons": [
        {
            "feature": "amount",
            "value": 950.0,
            "contribution": 2.31,
            "text": "the amount is 950.00",
        }
    ],
    "model_version": "3",
    "contract": "5f1c",
    "as_of": "2026-03-01T12:00:00+00:00",
    "latency_ms": 1.2,
    "fallback": "",
    "rules": [],
}


def document(app: FastAPI, context: Context) -> dict[str, Any]:
    """The document, made once; what it needs is known when the service starts."""
    from fastapi.openapi.utils import get_openapi

    domain = context.domain
    found = get_openapi(
        title="Lagmark",
        version=lagmark.__version__,
        description=_LEAD.format(domain=domain.name, title=domain.title),
        routes=app.routes,
        license_info={"name": "Apache-2.0"},
    )
    schemas = found.setdefault("components", {}).setdefault("schemas", {})
    refusal = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas["ProblemDocument"] = refusal
    schemas.update(_of_domain(context.domain))
    _hot(found, context)
    for operations in found["paths"].values():
        for operation in operations.values():
            _hoist(operation, schemas)
            # FastAPI names its own form of refusal, which no route answers with.
            _only_problems(operation)
    for schema in list(schemas.values()):
        _hoist(schema, schemas)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    found["components"]["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "A key of `lagmark keys create`. For `/docs`, `/openapi.json` and "
            "`/metrics` it may also come as the password of HTTP Basic, with any name.",
        }
    }
    return found


def methods(document: Mapping[str, Any], path: str) -> list[str]:
    """Methods of a path, hot routes included.

    Parameters
    ----------
    document
        The OpenAPI document.
    path
        Path of a request.

    Examples
    --------
    >>> paths = {"/a/{b}": {"get": {}}, "/a/{b}:c": {"post": {}}}
    >>> methods({"paths": paths}, "/a/1"), methods({"paths": paths}, "/a/1:c")
    (['GET'], ['POST'])
    """
    best: dict[int, set[str]] = {}
    for template, operations in document["paths"].items():
        literals = re.split(r"\{[^}]*\}", template)
        if re.fullmatch("(.+)".join(map(re.escape, literals)), path):
            size = sum(map(len, literals))
            best.setdefault(size, set()).update(operations)
    # The template that says most of the path is the one that is meant.
    return sorted(method.upper() for method in best[max(best)]) if best else []


def _of_domain(domain: Domain) -> dict[str, Any]:
    """Schemas of names and values, which routes refer to and each domain has its own of."""
    event = json_schema(domain)["properties"]
    entities = [field for field in domain.fields if field.kind is Kind.ENTITY]
    # Where fields differ, the text says what most of them take; the route says which one does not.
    text = next((field for field in entities if not field.integer), None)
    name = event["event_id"]
    whole = {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}
    value = whole if text is None else {"type": "string", "minLength": 1, "maxLength": 128}
    return {
        "EventId": name,
        "EventText": _DIGITS if domain.integer_id else name,
        "EntityName": {"type": "string", "enum": [field.name for field in entities]},
        "EntityValue": value,
        "EntityText": _DIGITS if text is None else value,
    }


def _hot(found: dict[str, Any], context: Context) -> None:
    """Document the routes that stand in front of the application."""
    schemas = found["components"]["schemas"]
    event, example = json_schema(context.domain), example_event(context.domain)
    schemas["Event"] = event
    (answer,), parts = msgspec.json.schema_components([Answer], ref_template=_REF)
    schemas.update(parts)
    refused = {
        "type": "object",
        "properties": {"error": {"$ref": _REF.format(name="ProblemDocument")}},
        "required": ["error"],
    }
    many = {
        "type": "object",
        "properties": {
            "results": {"type": "array", "items": {"anyOf": [answer, refused]}},
        },
        "required": ["results"],
    }
    batch = {
        "type": "object",
        "properties": {
            "events": {
                "type": "array",
                "items": {"$ref": _REF.format(name="Event")},
                "minItems": 1,
                "maxItems": 10_000,
            }
        },
        "required": ["events"],
        "additionalProperties": False,
    }
    one = {"$ref": _REF.format(name="Event")}
    for path, summary, text, body, sent, shape, shown in (
        ("/v1/decisions", "Decide on an event", _ONE, one, example, answer, _ANSWER),
        (
            "/v1/decisions:batch",
            "Decide on many events",
            _MANY,
            batch,
            {"events": [example]},
            many,
            {"results": [_ANSWER]},
        ),
    ):
        made = declared(summary, Scope.DECIDE, body=body, example=sent, errors=(503,))
        responses = {str(status): one for status, one in made["responses"].items()}
        responses["200"] = {
            "description": "Decided, and durable.",
            "content": {"application/json": {"schema": shape, "example": shown}},
        }
        if path == "/v1/decisions":
            responses["200"]["links"] = {
                "decision": {
                    "operationId": "one_decision",
                    "parameters": {"decision_id": "$response.body#/decision_id"},
                }
            }
        found["paths"].setdefault(path, {})["post"] = {
            "tags": ["decisions"],
            "summary": summary,
            "description": text.replace("\n", " "),
            "operationId": "decide_many" if path.endswith(":batch") else "decide",
            "responses": dict(sorted(responses.items())),
            **made["openapi_extra"],
        }


def _hoist(part: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Move definitions to where references look for them, and fill the places of the domain."""
    if PLACE in part:
        part["$ref"] = _REF.format(name=part.pop(PLACE))
    if part.get("maximum") == 2.0**63:
        # FastAPI writes bounds as floats, and no float is the largest whole number of 64 bits.
        part["minimum"], part["maximum"] = -(2**63), 2**63 - 1
    for name in list(part):
        value = part[name]
        if name == "$defs":
            for key, inner in part.pop("$defs").items():
                schemas.setdefault(key, inner)
        elif isinstance(value, dict):
            _hoist(value, schemas)
        elif isinstance(value, list):
            for inner in value:
                if isinstance(inner, dict):
                    _hoist(inner, schemas)


def _only_problems(operation: dict[str, Any]) -> None:
    for answer in operation["responses"].values():
        content = answer.get("content", {})
        if "application/problem+json" in content:
            content.pop("application/json", None)
