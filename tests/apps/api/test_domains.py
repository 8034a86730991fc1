"""Every built-in domain is served, documented, and reached in the forms of other systems."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lagmark.domains.registry import DOMAINS

from .running import running


@pytest.mark.slow
@pytest.mark.parametrize("domain", [name for name in DOMAINS if name != "handbook"])
def test_what_is_documented_works(domain: str, tmp_path: Path) -> None:
    sent = 0
    with running(tmp_path, domain=domain) as server, server.client() as http:
        document: dict[str, Any] = http.get("/openapi.json").json()
        assert domain in document["info"]["description"]
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                # Routes that change models, begin work or clear data: their own tests send those.
                if {"models", "jobs", "data", "webhooks"} & set(operation["tags"]):
                    continue
                for kind, content in operation.get("requestBody", {}).get("content", {}).items():
                    example = content["example"]
                    options: dict[str, Any] = {"json": example}
                    if isinstance(example, str):
                        options = {"content": example, "headers": {"Content-Type": kind}}
                    answer = http.request(method, path, **options)
                    assert answer.status_code == 200, (path, answer.text)
                    sent += 1
        assert http.get("/docs").status_code == 200
        rows = http.get("/v1/decisions").json()["decisions"]
        found = http.get(f"/v1/decisions/{rows[0]['decision_id']}").json()
        assert found["event_id"] == rows[0]["event_id"]
        assert http.get(f"/v1/labels/{rows[0]['event_id']}").status_code == 200
    assert sent >= 10
