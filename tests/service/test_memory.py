"""Memory stays what it is once it is warm."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from lagmark.apps.bench.load import closed_loop

from .running import Service, verify

Serve = Callable[..., Service]
REQUESTS, TOGETHER = 200_000, 250
BOUND = 32 << 20
"""Bytes that it may grow by over the second half: less than keeping the answers would take."""


def batch(first: int) -> bytes:
    """Events that follow one another, so that windows keep to a size."""
    begun = datetime(2024, 1, 1, tzinfo=UTC)
    events = []
    for number in range(first, first + TOGETHER):
        at = (begun + timedelta(seconds=150 * number)).isoformat()
        events.append(
            {
                "event_id": number,
                "event_time": at,
                "ingest_time": at,
                "customer": number % 997,
                "terminal": number % 101,
                "amount": number % 1000 / 4,
            }
        )
    return json.dumps({"events": events}).encode()


@pytest.mark.slow
def test_memory_is_flat_over_many_requests(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    service = serve(None, "--time", "event", "--feature-set", "wide").ready()
    assert service.process is not None
    process = psutil.Process(service.process.pid)
    sizes = []
    for part in range(10):
        first = part * REQUESTS // 10
        bodies = [batch(first + n) for n in range(0, REQUESTS // 10, TOGETHER)]
        load = asyncio.run(
            closed_loop(service.target("/v1/decisions:batch"), bodies, connections=4)
        )
        assert [each.status for each in load.outcomes] == [200] * len(bodies)
        assert not any(b'"error"' in each.body for each in load.outcomes)
        sizes.append(process.memory_info().rss)
    with capsys.disabled():
        sys.stdout.write(f" [MB: {', '.join(str(each >> 20) for each in sizes)}] ")
    assert sizes[-1] - sizes[4] < BOUND
    assert service.stop() == 0
    assert verify(service.data)["decisions"] == REQUESTS
