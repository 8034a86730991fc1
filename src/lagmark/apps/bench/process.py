"""A service in a process of its own, for as long as a job needs it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from time import sleep
from typing import IO, TYPE_CHECKING, Self

from lagmark.clock import stopwatch, utc_now
from lagmark.errors import UnavailableError
from lagmark.schema.time import DAY, to_micros

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["ServiceProcess", "cpu_seconds"]

_PATIENCE = 180.0
"""Seconds it may take to be ready: the very first start compiles kernels."""
_STOP = 60.0


class ServiceProcess:
    """A running ``lagmark serve``, stopped when the block ends.

    Parameters
    ----------
    data
        Its data directory.
    port
        Where it listens; any free one when 0.
    options
        Further options of the command.
    core
        Core that it is bound to, where the system can do that; any when ``None``.

    Raises
    ------
    UnavailableError
        If it does not become ready.
    """

    def __init__(
        self, data: Path, *, port: int = 0, options: tuple[str, ...] = (), core: int | None = None
    ) -> None:
        self.data = data
        self.port = port or _free_port()
        self._options = options
        self._core = core
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self.seconds_to_ready = 0.0

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Its process, 0 while there is none."""
        return self._process.pid if self._process is not None else 0

    def key(self, *scopes: str) -> str:
        """A new key for it, good for a day."""
        from lagmark.apps.api.keys import KeyFile, Scope
        from lagmark.apps.api.server import KEYS

        now = to_micros(utc_now())
        _, token = KeyFile(self.data / KEYS).create(
            frozenset(Scope(each) for each in scopes), now=now, expires_at=now + DAY
        )
        return token

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it is ready."""
        begun = stopwatch()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 -- it lives as long as the process
        command = [
            sys.executable, "-m", "lagmark.apps.cli", "serve", "--host", "127.0.0.1",
            "--port", str(self.port), "--data", str(self.data), *self._options,
        ]  # fmt: skip
        # Nothing in the command comes from outside.
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log)  # noqa: S603
        if self._core is not None and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self._process.pid, {self._core})
        while not _ready(self.port):
            if self._process.poll() is not None or stopwatch() - begun > _PATIENCE:
                text = self.log()
                self.stop()
                raise UnavailableError(
                    f"the service did not become ready: {text.strip()[-500:] or 'it said nothing'}",
                    where=self.url,
                    hint=f"see: lagmark serve --data {self.data}",
                )
            sleep(0.02)
        self.seconds_to_ready = stopwatch() - begun

    def stop(self) -> int:
        """Have it drain and end; its exit status."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
        finally:
            if self._log is not None:
                self._log.close()
            self._process = self._log = None

    def wait(self) -> int:
        """Wait until somebody else stops it; its exit status."""
        assert self._process is not None
        return self._process.wait()

    def log(self) -> str:
        """What it said."""
        if self._log is None:
            return ""
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")


def cpu_seconds(pid: int) -> float | None:
    """CPU time that all threads of a process took, ``None`` where the system does not tell."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    # The program's name, in parentheses, may hold blanks; user and system time follow it.
    user, system = text.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _ready(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(("127.0.0.1", port))
            probe.sendall(b"GET /health/ready HTTP/1.0\r\nHost: localhost\r\n\r\n")
            return probe.recv(64).split(b" ")[1:2] == [b"200"]
        except OSError:
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
