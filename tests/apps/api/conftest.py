"""One service for all tests of the API; each test uses events of its own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from .running import Running, running

if TYPE_CHECKING:
    import httpx

_IDS = count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("api")) as found:
        yield found


@pytest.fixture(scope="session")
def http(server: Running) -> Iterator[httpx.Client]:
    """Connection with a key that may do everything."""
    with server.client() as client:
        yield client


@pytest.fixture(scope="session")
def document(http: httpx.Client) -> dict[str, Any]:
    """The OpenAPI document."""
    found: dict[str, Any] = http.get("/openapi.json").json()
    return found


@pytest.fixture
def event() -> dict[str, Any]:
    """A new event."""
    return new_event()


def new_event(**values: Any) -> dict[str, Any]:
    number = next(_IDS)
    return {
        "event_id": number,
        "event_time": "2026-03-01T12:00:00Z",
        "customer": 100 + number % 7,
        "terminal": 9,
        "amount": 12.5,
        **values,
    }
