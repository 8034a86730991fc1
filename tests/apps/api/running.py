"""The service as a process of its own, on a free port, with a key for each scope."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from lagmark.apps.api.keys import KeyFile, Scope

PROGRAM = """
import sys
from pathlib import Path
from lagmark.apps.api.server import serve
from lagmark.settings import ServeSettings
serve(ServeSettings.model_validate_json(sys.argv[1]))
"""
DEADLINE = 120.0


@dataclass(frozen=True)
class Running:
    url: str
    data: Path
    tokens: dict[Scope, str]
    log: Path

    def client(self, scope: Scope | None = Scope.ADMIN, **options: Any) -> httpx.Client:
        """Connection with a key of one scope, or without a key."""
        headers = {} if scope is None else {"Authorization": f"Bearer {self.tokens[scope]}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, **options)

    def logged(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]


@contextmanager
def running(data: Path, **settings: Any) -> Iterator[Running]:
    keys = KeyFile(data / "keys.json")
    tokens = {scope: keys.create(frozenset({scope}), now=0, name=scope.value)[1] for scope in Scope}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings.setdefault("domain", "handbook")
    told = json.dumps({"data": str(data), "port": port, **settings})
    log = data / "server.log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, told], stderr=stderr, env={**os.environ}
        )
        try:
            found = Running(f"http://127.0.0.1:{port}", data, tokens, log)
            _wait(found, process)
            yield found
        finally:
            process.terminate()
            process.wait(60)


def _wait(server: Running, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + DEADLINE
    with server.client(None) as client:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if client.get("/health/ready").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
    raise AssertionError(f"the service did not get ready:\n{server.log.read_text()}")
