"""The OpenAPI document tells all of every route, and what it shows works as it stands."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

DOCS = [Path(__file__).resolve().parents[3] / "docs" / name for name in ("api.md", "operations.md")]
AT_WORK = {"models", "jobs", "data", "webhooks"}
"""Tags of routes that change models, begin work or clear data: their own tests send those."""


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, found in document["paths"].items()
        for method, operation in found.items()
    ]


def test_every_route_is_told_whole(document: dict[str, Any]) -> None:
    names = []
    for method, path, operation in operations(document):
        where = (method, path)
        names.append(operation["operationId"])
        assert operation["summary"], where
        assert operation["description"], where
        assert operation["tags"], where
        closed = bool(operation["security"])
        responses = operation["responses"]
        assert ({"401", "403", "422", "429"} <= set(responses)) is closed, where
        if "requestBody" in operation:
            assert {"413", "415", "422"} <= set(responses), where
            for content in operation["requestBody"]["content"].values():
                assert "example" in content or "examples" in content["schema"], where
        for status, response in responses.items():
            if status not in ("200", "202"):
                assert list(response["content"]) == ["application/problem+json"], where
    assert len(set(names)) == len(names) > 25


def test_references_lead_somewhere(document: dict[str, Any]) -> None:
    schemas = set(document["components"]["schemas"])
    found = set(re.findall(r"'\$ref': '#/components/schemas/([^']+)'", repr(document)))
    assert found <= schemas
    assert "x-place" not in repr(document)
    assert "$defs" not in repr(document)
    assert "HTTPValidationError" not in schemas


def test_examples_are_accepted(http: httpx.Client, document: dict[str, Any]) -> None:
    sent = 0
    for method, path, operation in operations(document):
        if AT_WORK & set(operation["tags"]):
            continue
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            example = content["example"]
            options: dict[str, Any] = {"json": example}
            if isinstance(example, str):
                options = {"content": example, "headers": {"Content-Type": kind}}
            answer = http.request(method, path, **options)
            assert answer.status_code == 200, (path, answer.text)
            sent += 1
    assert sent >= 10


def test_the_page_shows_every_route_and_loads_nothing(
    http: httpx.Client, document: dict[str, Any]
) -> None:
    answer = http.get("/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = answer.text
    for _, path, operation in operations(document):
        assert f"<code>{path}</code>" in page
        assert escape(operation["summary"]) in page
    assert not re.search(r"<(script|img|link|iframe|object)\b|@import|url\(", page)
    assert set(re.findall(r'href="([^"#]*)"', page)) == {"/openapi.json"}


def test_docs_tell_every_route(document: dict[str, Any]) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in DOCS)
    missing = [
        f"{method.upper()} {path}"
        for method, path, _ in operations(document)
        if f"`{method.upper()} {path}`" not in text
    ]
    assert missing == []


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
def test_the_document_is_always_the_same(http: httpx.Client, path: str) -> None:
    assert http.get(path).content == http.get(path).content
