"""What every answer has and every request must obey, shared with the hot route."""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from lagmark.apps.api.problems import MEDIA_TYPE, Fault, Problem

if TYPE_CHECKING:
    from lagmark.apps.api.security import Headers

__all__ = [
    "BULK_LIMIT",
    "JSON",
    "SINGLE_LIMIT",
    "Receive",
    "Scope",
    "Send",
    "answer",
    "check_query",
    "content_type",
    "limit_of",
    "read_body",
    "refuse",
    "request_id_of",
    "standing_headers",
]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON = b"application/json"
SINGLE_LIMIT = 1_000_000
"""Bytes of a body with one event or label."""
BULK_LIMIT = 10_000_000
"""Bytes of a body with many."""

_BULK = (":batch", ":csv", "/predict", "/query/PUT/predictions")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_STANDING = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_HSTS = (b"strict-transport-security", b"max-age=31536000")


_PROCESS, _NUMBERS = secrets.token_hex(8).encode(), itertools.count(1)
"""What no other process has, and what no other request of this one has."""


def request_id_of(headers: Headers) -> bytes:
    """The sender's ``X-Request-Id`` where it is harmless, else a new one.

    Examples
    --------
    >>> request_id_of([(b"x-request-id", b"order-7")])
    b'order-7'
    >>> len(request_id_of([(b"x-request-id", b"two words")]))
    32
    """
    for name, value in headers:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return value
    return b"%s%016x" % (_PROCESS, next(_NUMBERS))


def standing_headers(scope: Scope, request_id: bytes) -> list[tuple[bytes, bytes]]:
    """Headers of every answer; strict transport only where a proxy says that it speaks TLS."""
    headers = [*_STANDING, _POLICY, (b"x-request-id", request_id)]
    if scope.get("scheme") == "https":
        headers.append(_HSTS)
    return headers


async def answer(
    scope: Scope,
    send: Send,
    status: int,
    body: bytes,
    *,
    request_id: bytes,
    media_type: bytes = JSON,
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> None:
    """Send a whole answer."""
    start = [
        (b"content-type", media_type),
        (b"content-length", str(len(body)).encode()),
        *headers,
        *standing_headers(scope, request_id),
    ]
    await send({"type": "http.response.start", "status": status, "headers": start})
    if scope["method"] == "HEAD":
        body = b""
    await send({"type": "http.response.body", "body": body})


async def refuse(scope: Scope, send: Send, problem: Problem, *, request_id: bytes) -> None:
    """Send a problem document."""
    headers = tuple(
        (name.lower().encode(), text.encode()) for name, text in problem.headers.items()
    )
    await answer(
        scope,
        send,
        problem.status,
        problem.body(request_id.decode()),
        request_id=request_id,
        media_type=MEDIA_TYPE.encode(),
        headers=headers,
    )


def limit_of(path: str) -> int:
    """Bytes that a body to a path may have."""
    return BULK_LIMIT if path.endswith(_BULK) else SINGLE_LIMIT


async def read_body(receive: Receive, headers: Headers, limit: int) -> bytes:
    """The whole body of a request.

    Raises
    ------
    Problem
        413 if it is longer than ``limit``, 400 if the sender went away.
    """
    for name, value in headers:
        # A number of more digits than this need not be read to be known as too long.
        if name == b"content-length" and (len(value) > 12 or int(value) > limit):
            raise _too_long(limit)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem(400, "the request ended before its body did")
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_long(limit)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts) if len(parts) > 1 else part


def content_type(headers: Headers, wanted: bytes) -> None:
    """Refuse a body that does not say that it is of the wanted type, in UTF-8.

    Raises
    ------
    Problem
        415 that names what is wanted.
    """
    for name, value in headers:
        if name == b"content-type":
            kind, _, rest = value.lower().partition(b";")
            charset = rest.replace(b" ", b"").replace(b'"', b"")
            if kind.strip() == wanted and charset in {b"", b"charset=utf-8"}:
                return
    raise Problem(415, f"send Content-Type: {wanted.decode()}", headers={"Accept": wanted.decode()})


def check_query(query: bytes) -> None:
    """Refuse a query string that says a thing twice, or is no text.

    Raises
    ------
    Problem
        422 that names the parameter.
    """
    seen = set()
    for part in query.split(b"&") if query else ():
        raw_name, _, raw_value = part.partition(b"=")
        try:
            name = unquote_to_bytes(raw_name.replace(b"+", b" ")).decode()
            unquote_to_bytes(raw_value).decode()
        except UnicodeDecodeError:
            raise Problem(
                422, "the query is not UTF-8", errors=[Fault("query", "not UTF-8")]
            ) from None
        if name in seen:
            raise Problem(
                422,
                f"parameter {name[:64]!r} is given twice",
                errors=[Fault(name[:64], "given twice", "give it once")],
            )
        seen.add(name)


def _too_long(limit: int) -> Problem:
    return Problem(
        413,
        f"the body is longer than {limit} bytes; send it in parts",
        headers={"Connection": "close"},
    )
