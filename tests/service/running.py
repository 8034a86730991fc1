"""The service as the processes that a user would start, to be told, killed and looked at."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpx

from lagmark.apps.bench.load import Target

__all__ = ["DEADLINE", "Service", "until", "verify"]

DEADLINE = 180.0
"""Seconds after which something that had to happen is held to have failed, on a busy machine."""
TLS = ssl.create_default_context()
"""Made once: it costs more than a request, and nothing here uses it."""
COMMAND = [sys.executable, "-m", "lagmark.apps.cli"]


def until(done: Callable[[], Any], what: str, seconds: float = DEADLINE) -> Any:
    """The first true answer."""
    deadline = time.monotonic() + seconds
    while not (found := done()):
        assert time.monotonic() < deadline, f"it never happened: {what}"
        time.sleep(0.02)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Service:
    """``lagmark serve`` on a data directory, again and again."""

    def __init__(
        self,
        data: Path,
        *options: str,
        workers: int = 1,
        environment: dict[str, str] | None = None,
        features: str = "default",
        log: Path | None = None,
    ) -> None:
        self.data = data
        self.workers = workers
        self.environment = {**os.environ, **(environment or {})}
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log or data.parent / f"{data.name}.log"
        self._command = [
            *COMMAND, "serve", "--data", str(data), "--port", str(self.port), "--no-keys",
            "--domain", "handbook", "--feature-set", features, *options,
        ]  # fmt: skip
        if workers > 1:
            self._command += ["--profile", "cluster", "--workers", str(workers)]
        self.process: subprocess.Popen[bytes] | None = None
        self._seen = 0

    def start(self) -> Service:
        """Start it; it is not ready yet."""
        self._seen = len(self.lines())
        with self.log.open("ab") as log:
            # A session of its own, so that all its processes can be killed at once.
            self.process = subprocess.Popen(
                self._command, stderr=log, stdout=log, env=self.environment, start_new_session=True
            )
        return self

    def ready(self) -> Service:
        """Wait until every process of it takes events."""
        until(self._is_ready, f"the service got ready; its log:\n{self.tail()}")
        return self

    def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"it ended:\n{self.tail()}"
        return len(self.said("ready")) >= self.workers and self.health() == 200

    def health(self, path: str = "/health/ready") -> int:
        """Status of a health route, 0 where nobody answers."""
        try:
            return httpx.get(f"{self.url}{path}", timeout=30, verify=TLS).status_code
        except httpx.TransportError:
            return 0

    def kill(self) -> None:
        """Kill all its processes as a power cut would."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self, sign: int = signal.SIGTERM) -> int:
        """Tell it to end; the exit status."""
        assert self.process is not None
        self.process.send_signal(sign)
        return self.process.wait(DEADLINE)

    def target(self, path: str = "/v1/decisions") -> Target:
        """Address of a route for the load generator."""
        return Target("127.0.0.1", self.port, path)

    def post(self, body: bytes, path: str = "/v1/decisions") -> httpx.Response:
        """Answer to one request."""
        headers = {"Content-Type": "application/json"}
        return httpx.post(
            f"{self.url}{path}", content=body, headers=headers, timeout=60, verify=TLS
        )

    def lines(self) -> list[dict[str, Any]]:
        """Lines of its log, of all its lives; those of other programs are left out."""
        if not self.log.is_file():
            return []
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return [json.loads(line) for line in text.splitlines() if line.startswith('{"at"')]

    def said(self, event: str) -> list[dict[str, Any]]:
        """Lines of its present life on one event."""
        return [line for line in self.lines()[self._seen :] if line["event"] == event]

    def tail(self) -> str:
        """End of its log."""
        if not self.log.is_file():
            return ""
        return self.log.read_text(encoding="utf-8", errors="replace")[-4000:]


def verify(
    data: Path, environment: dict[str, str] | None = None, more: Iterable[str] = ()
) -> dict[str, Any]:
    """What ``lagmark verify`` says of a data directory."""
    run = subprocess.run(
        [*COMMAND, "verify", "--data", str(data), "--json", *more],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert run.stdout.startswith("{"), run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    assert found["ok"] == (run.returncode == 0)
    return found
