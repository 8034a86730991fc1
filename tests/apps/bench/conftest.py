"""A small HTTP server whose delays are known, and a small data directory with a champion."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lagmark.apps.bench.load import Target
from lagmark.apps.jobs.train_model import train_as_of
from lagmark.domains.registry import get_domain
from lagmark.schema.time import parse_instant, to_micros
from lagmark.simulator import simulate_handbook
from lagmark.sources.events import read_events
from lagmark.wiring import Home, load_settings


@dataclass
class Slow:
    """Server that does what the body says: wait, stall everybody, break off, answer a status."""

    port: int = 0
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def target(self) -> Target:
        return Target("127.0.0.1", self.port, "/somewhere", key="secret")

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
                body = await reader.readexactly(length)
                self.heads.append(head)
                self.bodies.append(body)
                asked = json.loads(body)
                if asked.get("wait"):
                    await asyncio.sleep(asked["wait"])
                if asked.get("stall"):
                    time.sleep(asked["stall"])  # noqa: ASYNC251 - nobody is answered meanwhile
                if asked.get("break"):
                    break
                status = asked.get("status", 200)
                writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n".encode())
                await writer.drain()
                # The rest comes by itself: answers arrive in pieces.
                await asyncio.sleep(0)
                writer.write(b"X-Other: 1\r\n\r\n" + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
def slow() -> Iterator[Slow]:
    found = Slow()
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        server = await asyncio.start_server(found.answer, "127.0.0.1", 0)
        found.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()
        await server.wait_closed()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    yield found
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    loop.close()


class Silent:
    """A reporter that nobody hears."""

    @contextmanager
    def progress(
        self, description: str, unit: str = "events"
    ) -> Iterator[Callable[[int, int], None]]:
        del description, unit
        yield lambda _done, _total: None

    def line(self, text: str) -> None:
        del text


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data directory with forty days of payments and a champion trained after twenty-five."""
    path = tmp_path_factory.mktemp("home")
    payments = path / "payments.parquet"
    frame = simulate_handbook(customers=80, terminals=80, days=40, radius=25.0, seed=5)
    frame.write_parquet(payments)
    params: dict[str, Any] = {"n_estimators": 10, "max_depth": 3, "max_bin": 64}
    settings = load_settings(
        flags={
            "domain": "handbook",
            "events": payments,
            "home": path,
            "feature_sets": ("published",),
            "models": [{"kind": "xgboost", "params": params}],
            "threads": 1,
        }
    )
    as_of = to_micros(parse_instant("2018-04-26"))
    trained = train_as_of(settings, as_of=as_of, reporter=Silent())
    Home(path).registry().promote("handbook", trained.version, reason="test")
    Home(path).store("handbook").write(read_events(payments, get_domain("handbook")).batch)
    return path
