"""Bodies, queries, types and ids are held to what they may be before anything else is done."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lagmark.apps.api.http import (
    check_query,
    content_type,
    limit_of,
    read_body,
    request_id_of,
    standing_headers,
)
from lagmark.apps.api.problems import Problem


def read(parts: list[bytes], *, limit: int = 10, headers: Any = ()) -> bytes:
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    if messages:
        messages[-1]["more_body"] = False
    messages.append({"type": "http.disconnect"})
    left = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(left)

    return asyncio.run(read_body(receive, headers, limit))


def test_a_body_comes_whole() -> None:
    assert read([b"ab", b"", b"cd"]) == b"abcd"


@pytest.mark.parametrize("length", [b"11", b"9" * 40])
def test_a_long_body_is_refused_before_it_is_read(length: bytes) -> None:
    with pytest.raises(Problem) as caught:
        read([], headers=[(b"content-length", length)])
    assert caught.value.status == 413


def test_a_long_body_that_hides_its_length_is_refused() -> None:
    with pytest.raises(Problem) as caught:
        read([b"12345", b"67890", b"1"])
    assert caught.value.status == 413


def test_a_body_that_ends_early_is_refused() -> None:
    with pytest.raises(Problem, match="ended before"):
        read([])


def test_bulk_routes_take_longer_bodies() -> None:
    assert limit_of("/v1/labels:batch") == 10 * limit_of("/v1/labels")


@pytest.mark.parametrize("query", [b"a=1&a=2", b"a=1&%61=2", b"%ff=1", b"a=%ff", b"a&a"])
def test_a_query_says_each_thing_once_and_in_text(query: bytes) -> None:
    with pytest.raises(Problem) as caught:
        check_query(query)
    assert (caught.value.status, len(caught.value.errors)) == (422, 1)


@given(st.binary(max_size=80))
def test_any_query_is_taken_or_refused(query: bytes) -> None:
    with suppress(Problem):
        check_query(query)


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        (b"application/json", True),
        (b"Application/JSON; charset=UTF-8", True),
        (b'application/json;charset="utf-8"', True),
        (b"application/json; charset=latin-1", False),
        (b"text/plain", False),
        (b"application/jsonp", False),
        (b"", False),
    ],
)
def test_a_body_says_what_it_is(sent: bytes, taken: bool) -> None:
    headers = [(b"content-type", sent)]
    if taken:
        content_type(headers, b"application/json")
    else:
        with pytest.raises(Problem) as caught:
            content_type(headers, b"application/json")
        assert caught.value.status == 415


@given(st.binary(max_size=80))
def test_a_request_id_is_always_harmless(value: bytes) -> None:
    found = request_id_of([(b"x-request-id", value)])
    assert found.replace(b".", b"").replace(b"_", b"").replace(b"-", b"").isalnum() or set(
        found
    ) <= set(b"._-")
    assert len(found) <= 64


def test_strict_transport_is_asked_for_behind_tls_only() -> None:
    names = {name for name, _ in standing_headers({"scheme": "http"}, b"r")}
    secure = {name for name, _ in standing_headers({"scheme": "https"}, b"r")}
    assert secure - names == {b"strict-transport-security"}
