"""The service as a program: one process, or several."""

from __future__ import annotations

import logging
import os
import signal
from typing import Any

from lagmark.apps.api.log import Log
from lagmark.apps.api.process import KEYS, Process
from lagmark.clock import utc_now
from lagmark.settings import ServeSettings
from lagmark.wiring.telemetry import open_tracing, trace_exporters

__all__ = ["KEYS", "serve", "worker"]

_SETTINGS = "LAGMARK_SERVE_SETTINGS"
_PATIENCE = 30
"""Seconds that requests may take to end while the service drains."""


def serve(settings: ServeSettings) -> None:
    """Serve until told to stop; requests that were begun are answered.

    Raises
    ------
    LagmarkError
        If the service cannot be put together.
    """
    import uvicorn

    log = Log(clock=utc_now)
    for name in ("uvicorn.error", "uvicorn.asgi"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [log]
        logger.setLevel(logging.WARNING)
        logger.propagate = False
    options: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "http": "httptools",
        "loop": "auto",
        "ws": "none",
        "lifespan": "on",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "timeout_graceful_shutdown": _PATIENCE,
        "backlog": 4096,
        # Reading the compiled kernels keeps a worker from answering for a while.
        "timeout_worker_healthcheck": 60,
    }
    # Told to end before the server hears it, nothing has begun; it raises the signal once more when
    # all is done. To end is a success both times.
    signal.signal(signal.SIGTERM, _end)
    if settings.workers == 1:
        uvicorn.run(Process(settings, tracing=open_tracing(os.environ)), **options)
        return
    # Each worker opens its own; what is wrong with them is said here, once.
    trace_exporters(os.environ)
    secrets = settings.model_copy(update={"ledger_url": None, "state_url": None})
    os.environ[_SETTINGS] = secrets.model_dump_json()
    uvicorn.run("lagmark.apps.api.server:worker", factory=True, workers=settings.workers, **options)


def _end(_signal: int, _frame: object) -> None:
    raise SystemExit(0)


def worker() -> Process:
    """Application of one of several processes, from what the first one was told."""
    settings = ServeSettings.model_validate_json(os.environ[_SETTINGS])
    addresses = {
        name: os.environ[variable]
        for name, variable in (
            ("ledger_url", "LAGMARK_LEDGER_URL"),
            ("state_url", "LAGMARK_STATE_URL"),
        )
    }
    settings = ServeSettings.model_validate(settings.model_dump(exclude=set(addresses)) | addresses)
    return Process(settings, tracing=open_tracing(os.environ))
