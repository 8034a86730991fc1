"""Refusals as RFC 9457 problem documents, one form for every route."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

from lagmark.errors import (
    ConfigError,
    DataError,
    DuplicateEventError,
    LagmarkError,
    LedgerError,
    RegistryError,
    UnavailableError,
)
from lagmark.serving.intake import RefusedError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["MEDIA_TYPE", "Fault", "Problem", "faults_of", "problem_of"]

MEDIA_TYPE = "application/problem+json"

_MOST = 20
"""Faults that are told of one request."""


class Fault(msgspec.Struct, frozen=True):
    """One thing that is wrong with a request.

    Parameters
    ----------
    field
        Where: a field, parameter or header.
    what
        What is wrong there.
    hint
        What would be right.
    """

    field: str
    what: str
    hint: str = ""


class _Document(msgspec.Struct, frozen=True, omit_defaults=True):
    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: tuple[Fault, ...] = ()


class Problem(Exception):  # noqa: N818 -- the name that RFC 9457 gives it
    """A refusal.

    Parameters
    ----------
    status
        HTTP status, 4xx or 5xx.
    detail
        What was wrong with this request, one sentence without a full stop.
    errors
        The same field by field, where it is about fields.
    headers
        Headers that belong to the refusal.

    Examples
    --------
    >>> Problem(404, "nothing there").body("r1").decode()
    '{"type":"about:blank","title":"Not Found","status":404,"detail":"nothing there",...}'
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = tuple(errors[:_MOST])
        self.headers = dict(headers or {})

    def body(self, request_id: str) -> bytes:
        """The document as JSON."""
        # Names that the sender chose stand here, and not every text can be written as UTF-8.
        document = _Document(
            "about:blank",
            HTTPStatus(self.status).phrase,
            self.status,
            _writable(self.detail),
            request_id,
            tuple(Fault(*map(_writable, (e.field, e.what, e.hint))) for e in self.errors),
        )
        return msgspec.json.encode(document)


def problem_of(error: Exception) -> Problem:
    """Refusal that an error amounts to; what nobody foresaw says nothing of itself.

    Examples
    --------
    >>> problem_of(DataError("not a number", where="amount")).status
    422
    >>> problem_of(KeyError("secret")).detail
    'something went wrong inside; it is in the log under this request_id'
    """
    if isinstance(error, Problem):
        return error
    if isinstance(error, UnavailableError | LedgerError):
        what, wait = "the ledger cannot be reached", 1
        if isinstance(error, UnavailableError):
            what, wait = _sentence(error), math.ceil(error.retry_after)
        return Problem(503, what, headers={"Retry-After": str(wait)})
    if isinstance(error, DuplicateEventError | RegistryError):
        return Problem(409, _sentence(error))
    if isinstance(error, RefusedError):
        faults = [Fault(each.field, each.what, each.hint) for each in error.refusals]
        return Problem(422, error.what, errors=faults)
    if isinstance(error, DataError | ConfigError):
        return Problem(422, _sentence(error), errors=[Fault(error.where, error.what, error.hint)])
    return Problem(500, "something went wrong inside; it is in the log under this request_id")


def faults_of(details: Sequence[ErrorDetails]) -> list[Fault]:
    """Faults that Pydantic found, without the values they were found in."""
    found = []
    for detail in details:
        place = [str(part) for part in detail["loc"] if part not in {"body", "query", "path"}]
        what = detail["msg"].removeprefix("Value error, ")
        found.append(Fault(".".join(place) or "body", what[:1].lower() + what[1:]))
    return found


def _writable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _sentence(error: LagmarkError) -> str:
    return f"{error.what}; {error.hint}" if error.hint else error.what
