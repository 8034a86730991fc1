"""Services, models and servers; whatever was started ends with the test that started it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .models import KINDS, train
from .running import Service
from .servers import Servers, servers

Serve = Callable[..., Service]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts services; their logs are shown when the test fails."""
    made: list[Service] = []

    def start(data: Path | None = None, *options: str, **settings: Any) -> Service:
        service = Service(data or tmp_path / "data", *options, **settings)
        made.append(service)
        return service.start()

    yield start
    for service in made:
        service.kill()
        sys.stdout.write(f"--- {service.log} ---\n{service.tail()}\n")


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of small models by version."""
    folder = tmp_path_factory.mktemp("bundles")
    for version in KINDS:
        train(version, folder / str(version))
    return folder


@pytest.fixture(scope="session")
def cluster() -> Iterator[Servers]:
    """Postgres and Redis; each test asks for an environment of its own."""
    with servers() as found:
        yield found
