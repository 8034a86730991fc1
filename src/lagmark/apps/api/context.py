"""What routes work with, and how they are declared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError

from lagmark.apps.api.gate import CALLER
from lagmark.apps.api.http import JSON, content_type
from lagmark.apps.api.problems import MEDIA_TYPE, Problem, faults_of
from lagmark.apps.api.security import Caller

if TYPE_CHECKING:
    from lagmark.apps.api.keys import Scope
    from lagmark.apps.api.metrics import Metrics
    from lagmark.clock import Clock
    from lagmark.domains.domain import Domain
    from lagmark.serving.intake import Intake
    from lagmark.serving.service import DecisionService

__all__ = ["CallerOf", "Context", "declared", "read_json"]

_Model = TypeVar("_Model", bound=BaseModel)
_TEXTS = {
    401: "No valid key.",
    403: "The key lacks the scope.",
    404: "There is no such thing.",
    409: "It stands in the way of what is there.",
    413: "The body is too long.",
    415: "The body has another content type.",
    422: "Something in the request is wrong; `errors` says what.",
    429: "Too many requests; `Retry-After` says when to try again.",
    503: "Not now; `Retry-After` says when to try again.",
}


@dataclass(frozen=True, slots=True)
class Context:
    """What routes work with.

    Parameters
    ----------
    service
        Decides, and holds ledger and feature state.
    domain
        What is served.
    intake
        Reads its events.
    metrics
        Figures.
    clock
        Answers the present instant.
    """

    service: DecisionService
    domain: Domain
    intake: Intake
    metrics: Metrics
    clock: Clock


def _caller(request: Request) -> Caller:
    caller: Caller = request.scope[CALLER]
    return caller


CallerOf = Annotated[Caller, Depends(_caller)]
"""Who sent the request."""


def declared(
    summary: str,
    scope: Scope | None,
    *,
    body: type[BaseModel] | Mapping[str, Any] | None = None,
    example: Any = None,
    media_type: str = JSON.decode(),
    errors: tuple[int, ...] = (),
) -> dict[str, Any]:
    """Arguments of a route: its documentation, and the check of its scope.

    Parameters
    ----------
    summary
        One line.
    scope
        What the key must be good for; ``None`` needs no key.
    body
        Model or JSON schema of the request's body, which the route reads itself.
    example
        Example of the body.
    media_type
        Type of the body.
    errors
        Statuses of refusals beyond those of every route.
    """
    statuses = {422, *errors}
    extra: dict[str, Any] = {"security": []}
    dependencies = []
    if scope is not None:
        statuses |= {401, 403, 429}
        extra["security"] = [{"key": [scope.value]}]
        dependencies.append(Depends(_needing(scope)))
    if body is not None:
        statuses |= {413, 415}
        schema = (
            dict(body)
            if isinstance(body, Mapping)
            else body.model_json_schema(ref_template="#/components/schemas/{model}")
        )
        content: dict[str, Any] = {"schema": schema}
        if example is not None:
            content["example"] = example
        extra["requestBody"] = {"required": True, "content": {media_type: content}}
    responses: dict[int | str, dict[str, Any]] = {
        status: {
            "description": _TEXTS[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
        }
        for status in sorted(statuses)
    }
    return {
        "summary": summary,
        "dependencies": dependencies,
        "responses": responses,
        "openapi_extra": extra,
    }


async def read_json(request: Request, model: type[_Model]) -> _Model:
    """Body of a request, strictly as a model.

    Raises
    ------
    Problem
        415 if it is not JSON by its type, 422 with everything that is wrong with it.
    """
    content_type(request.scope["headers"], JSON)
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        faults = faults_of(error.errors(include_url=False, include_input=False))
        raise Problem(422, "the body is not what this route takes", errors=faults) from None


def _needing(scope: Scope) -> Callable[[Request], None]:
    def require(request: Request) -> None:
        _caller(request).require(scope)

    return require
