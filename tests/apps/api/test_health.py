"""Health, figures for Prometheus, and what they leave unsaid."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .conftest import new_event

if TYPE_CHECKING:
    import httpx

    from .running import Running


def figures(http: httpx.Client) -> dict[str, float]:
    lines = http.get("/metrics").text.splitlines()
    pairs = [line.rsplit(" ", 1) for line in lines if line and not line.startswith("#")]
    return {name: float(value) for name, value in pairs}


def test_a_service_that_decides_is_ready(server: Running) -> None:
    with server.client(None) as anyone:
        assert anyone.get("/health/live").json() == {"status": "alive"}
        assert anyone.get("/health/ready").json() == {"status": "ready"}
        needs = anyone.get("/health/dependencies").json()
        other = anyone.get("/health").json()
    assert (needs["status"], needs["ledger"], needs["domain"]) == ("ready", "connected", "handbook")
    assert needs["models"] == []
    assert other["status"] == "healthy"
    assert other["dependencies"] == {"ledger": "connected", "model": "rules"}


def test_decisions_and_requests_are_counted(http: httpx.Client) -> None:
    def counted() -> tuple[float, float, float]:
        now = figures(http)
        made = sum(value for name, value in now.items() if name.startswith("lagmark_decisions_"))
        hot = 'lagmark_requests_total{method="POST",route="/v1/decisions",status="200"}'
        return made, now.get(hot, 0.0), now.get("lagmark_repeated_total", 0.0)

    before = counted()
    event = new_event()
    for _ in range(3):
        assert http.post("/v1/decisions", json=event).status_code == 200
    after = counted()
    assert [late - early for early, late in zip(before, after, strict=True)] == [1, 3, 2]


def test_figures_name_routes_and_never_paths(http: httpx.Client) -> None:
    http.get("/v1/labels/987654321")
    http.get("/surely/not/there/987654321")
    http.request("BREW", "/v1/rules")
    text = http.get("/metrics").text
    assert 'route="/v1/labels/{event_id:path}"' in text
    assert "987654321" not in text
    assert "BREW" not in text


def test_figures_are_in_prometheus_format(http: httpx.Client) -> None:
    answer = http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    sample = re.compile(r'[a-z_]+(\{([a-z_]+="[^"]*",?)+\})? [0-9.e+-]+(Inf)?')
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    assert len(lines) > 20
    assert [line for line in lines if not sample.fullmatch(line)] == []
