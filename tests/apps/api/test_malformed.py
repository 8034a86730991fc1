"""Whatever is sent, it is answered or refused with a reason: never a failure of the service."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

JSON = {"Content-Type": "application/json"}
TAKING_JSON = (
    "/v1/decisions",
    "/v1/decisions:batch",
    "/v1/labels",
    "/v1/labels:batch",
    "/v1/feedback",
    "/v1/lists",
    "/signal",
    "/predict",
    "/feedback",
)
ODD = (
    b"",
    b"null",
    b"[]",
    b"{",
    b'"text"',
    b"NaN",
    b'{"amount": NaN}',
    b'{"amount": Infinity}',
    b'{"amount": 1e400}',
    b'{"event_id": 1' + b"0" * 400 + b"}",
    b'{"event_id": 1' + b"0" * 10_000 + b"}",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"events": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    b"\xff\xfe",
    b'{"event_id": "\xff"}',
    b'{"event_id": "\\ud800"}',
    b'{"event_id": "a\\u0000b", "fraud": true, "source": "x"}',
    b'{"event_id": 1, "event_id": 2}',
    b'{"event_id": 1, "event_time": "2026-03-01T12:00:00+99:99"}',
    b'{"event_id": 1, "event_time": "2026-02-30T12:00:00Z"}',
    b'{"event_id": 1, "event_time": "9999-12-31T23:59:59Z"}',
    b'{"event_id": 1, "customer": "1; DROP TABLE entries", "amount": -0.0}',
    b'{"new_data": [1, null, {"amount": {}}]}',
    b'{"new_data": {"a": 1}}',
    b'{"kind": "deny", "field": "__class__", "value": 1, "reason": "x"}',
)


def refused(answer: httpx.Response) -> None:
    if answer.status_code == 200 and "results" in answer.json():
        # Each event of a list is refused in its own place.
        assert all("error" in each for each in answer.json()["results"])
        return
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == answer.status_code
    assert document["detail"]
    assert document["request_id"] == answer.headers["x-request-id"]
    assert document["errors"]


@pytest.mark.parametrize("path", TAKING_JSON)
@pytest.mark.parametrize("body", ODD, ids=range(len(ODD)))
def test_odd_json_is_refused_with_a_reason(http: httpx.Client, path: str, body: bytes) -> None:
    refused(http.post(path, content=body, headers=JSON))


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["2026-03-01T12:00:00Z", "17", "deny", "customer", "x" * 5000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)
NAMES = st.sampled_from(
    ["event_id", "event_time", "customer", "terminal", "amount", "TX_AMOUNT", "TX_DATETIME",
     "fraud", "source", "known_at", "kind", "field", "value", "reason", "user_id", "customer_id",
     "new_data", "transaction_id", "label", "events", "labels"]
)  # fmt: skip


@given(path=st.sampled_from(TAKING_JSON), body=st.dictionaries(NAMES, VALUES))
def test_any_object_is_answered_or_refused(
    http: httpx.Client, path: str, body: dict[str, Any]
) -> None:
    answer = http.post(path, content=json.dumps(body), headers=JSON)
    if answer.status_code != 200:
        refused(answer)


@given(path=st.sampled_from((*TAKING_JSON, "/v1/labels:csv")), body=st.binary(max_size=200))
def test_any_bytes_are_refused(http: httpx.Client, path: str, body: bytes) -> None:
    kind = "text/csv" if path.endswith("csv") else "application/json"
    refused(http.post(path, content=body, headers={"Content-Type": kind}))


@given(
    name=st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=":"),
                 min_size=1, max_size=20),
    value=st.binary(max_size=200).map(lambda raw: raw.translate(None, b"\r\n\0").strip()),
)  # fmt: skip
def test_odd_headers_harm_nobody(http: httpx.Client, name: str, value: bytes) -> None:
    try:
        request = http.build_request("GET", "/v1/ledger/head", headers=[(name.encode(), value)])
        answer = http.send(request)
    except (httpx.LocalProtocolError, httpx.RemoteProtocolError, UnicodeError):
        return  # no request that a client can send
    assert answer.status_code < 500


@given(st.text(max_size=60))
def test_odd_paths_are_answered_or_refused(http: httpx.Client, path: str) -> None:
    try:
        answer = http.get(f"/v1/labels/{path}")
    except (httpx.InvalidURL, UnicodeError):
        return
    assert answer.status_code < 500
