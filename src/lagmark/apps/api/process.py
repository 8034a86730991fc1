"""The service as a process: put together, started, kept up to date, emptied, drained."""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lagmark.apps.api.app import build
from lagmark.apps.api.command import Command
from lagmark.apps.api.context import Context
from lagmark.apps.api.front import Front
from lagmark.apps.api.hooks import begin_anew
from lagmark.apps.api.jobs import Jobs
from lagmark.apps.api.keys import KeyFile
from lagmark.apps.api.lineups import Lineups
from lagmark.apps.api.log import Log
from lagmark.apps.api.metrics import Metrics
from lagmark.apps.api.registry import Registry
from lagmark.apps.api.routes import data as data_routes
from lagmark.apps.api.routes import jobs as job_routes
from lagmark.apps.api.routes import models as model_routes
from lagmark.apps.api.routes import webhooks as webhook_routes
from lagmark.apps.api.security import Guard
from lagmark.apps.api.webhooks import Webhooks
from lagmark.apps.jobs.service_data import clear_data
from lagmark.clock import utc_now
from lagmark.errors import LagmarkError
from lagmark.schema.records import HumanRecord
from lagmark.serving.intake import Intake
from lagmark.wiring.policies import follow_policy
from lagmark.wiring.serving import build_service

if TYPE_CHECKING:
    from lagmark.apps.api.http import Receive, Scope, Send
    from lagmark.serving.service import DecisionService
    from lagmark.settings import ServeSettings
    from lagmark.wiring.serving import Served
    from lagmark.wiring.telemetry import Tracing

__all__ = ["KEYS", "Process"]

KEYS = "keys.json"
"""File of API keys in the data directory."""
_WATCH = 1.0
"""Seconds between two looks at what other processes have put on record."""
_AGAIN = 5.0
"""Seconds after which what works beside the service is begun again."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """A service with all that works beside it."""

    app: Callable[[Scope, Receive, Send], Awaitable[None]]
    served: Served
    service: DecisionService
    lineups: Lineups
    jobs: Jobs
    hooks: Webhooks


class Process:
    """ASGI application of a service, with its life from start to drain.

    Parameters
    ----------
    settings
        What to serve.
    tracing
        Where spans go; it ends with the service. Without, there are none.

    Raises
    ------
    LagmarkError
        If a part of it cannot be had.
    """

    def __init__(self, settings: ServeSettings, *, tracing: Tracing | None = None) -> None:
        self._settings = settings
        self._tracing = tracing
        self._log = self._open_log()
        self._tasks: list[asyncio.Task[None]] = []
        self._clearing = asyncio.Lock()
        self._parts = self._assemble()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one connection, as ASGI says."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self._parts.app(scope, receive, send)

    async def clear(self, by: str, counts: dict[str, Any]) -> None:
        """Empty ledger and feature state, and go on with what stays.

        Requests that were begun are answered first; events that come meanwhile are told to come
        again.

        Parameters
        ----------
        by
            Who asked for it.
        counts
            What there was, for the audit in the new ledger.

        Raises
        ------
        OSError
            If something cannot be deleted; the service goes on with what is left.
        """
        async with self._clearing:
            await self._end()
            try:
                await asyncio.to_thread(begin_anew, self._settings.data)
                await asyncio.to_thread(clear_data, self._settings.data)
            finally:
                self._parts = await asyncio.to_thread(self._assemble)
                self._begin()
            await self._tasks[0]
            await self._parts.service.append([HumanRecord(by, "clear", "data", counts)])
            self._log.write("cleared", entries=counts["entries"])

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        parent = multiprocessing.parent_process()
        if parent is not None:
            # Whoever is left behind by a killed parent ends as if it had been told to.
            asyncio.get_running_loop().add_reader(parent.sentinel, _terminate)
        # What was loaded stays: a search for garbage through all of it would keep requests waiting.
        # What a batch makes has no cycles, and is gone before so much has come together.
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        # Requests are heard while the state is recovered; /health/ready says when it is.
        self._begin()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._end()
        if self._tracing is not None:
            await asyncio.to_thread(self._tracing.close)
        counts = self._parts.service.counts
        self._log.write("drained", counts=dict(sorted(counts.items())))
        await send({"type": "lifespan.shutdown.complete"})

    def _begin(self) -> None:
        parts = self._parts
        self._tasks = [
            asyncio.create_task(parts.service.start()),
            asyncio.create_task(self._keep("line-up", parts.lineups.watch)),
            asyncio.create_task(self._keep("webhooks", parts.hooks.run)),
        ]
        if self._settings.profile == "cluster":
            self._tasks.append(asyncio.create_task(self._keep("policy", self._follow)))

    async def _follow(self) -> None:
        """Decide by the policy that another process has put on record."""
        parts = self._parts
        decider = parts.service.decider
        look = await asyncio.to_thread(
            follow_policy, parts.served, parts.service.ledger, lambda: decider.policy
        )
        while True:
            await asyncio.sleep(_WATCH)
            policy = await asyncio.to_thread(look)
            if policy is not None:
                decider.policy = policy
                self._log.write("policy", version=policy.version)

    async def _keep(self, what: str, work: Callable[[], Awaitable[None]]) -> None:
        """Have something done for ever, whatever the disk or the ledger says to it."""
        while True:
            try:
                await work()
            except (LagmarkError, OSError) as problem:
                self._log.write(f"{what} stopped", level="error", why=str(problem))
            await asyncio.sleep(_AGAIN)

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        # One that failed on its own must not keep the state from being written.
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._parts.jobs.close()
        await self._parts.service.drain()

    def _open_log(self) -> Log:
        if self._tracing is None:
            return Log(clock=utc_now)
        from lagmark.apps.api.telemetry import span_ids

        log = Log(clock=utc_now, context=span_ids)
        # It says when spans do not arrive.
        logger = logging.getLogger("opentelemetry")
        logger.handlers[:] = [log]
        logger.propagate = False
        return log

    def _assemble(self) -> _Parts:
        import numpy as np

        settings, log = self._settings, self._log
        tracer = None if self._tracing is None else self._tracing.tracer
        served, service = build_service(settings, clock=utc_now, tell=log.write, tracer=tracer)
        intake = Intake(served.domain, at_once=settings.time == "event")
        names = {"event_id", "event_time", "ingest_time", *(f.name for f in served.domain.fields)}
        metrics = Metrics(counts=lambda: service.counts, status=service.status, fields=names)
        guard = Guard(KeyFile(settings.data / KEYS) if settings.keys else None, clock=utc_now)
        context = Context(
            service=service, domain=served.domain, intake=intake, metrics=metrics, clock=utc_now
        )
        command = Command(settings)
        lineups = Lineups(served, service, log=log)
        jobs = Jobs(settings.data / "jobs", clock=utc_now, log=log)
        hooks = Webhooks(
            settings.data,
            ledger=service.ledger,
            clock=utc_now,
            rng=np.random.default_rng(),
            log=log,
        )
        registry = Registry(command, served, service, lineups)
        routers = (
            partial(model_routes.router, registry=registry, jobs=jobs),
            partial(job_routes.router, jobs=jobs),
            partial(
                data_routes.router,
                jobs=jobs,
                command=command,
                data=settings.data,
                # Others use a cluster's ledger and state as well.
                clear=self.clear if settings.profile == "embedded" else None,
            ),
            partial(webhook_routes.router, hooks=hooks),
        )
        app: Callable[[Scope, Receive, Send], Awaitable[None]] = Front(
            build(context, guard=guard, log=log, routers=routers),
            service=service,
            intake=intake,
            guard=guard,
            metrics=metrics,
            log=log,
            clock=utc_now,
        )
        if tracer is not None:
            from lagmark.apps.api.telemetry import TracedRequests

            app = TracedRequests(app, tracer)
        return _Parts(app, served, service, lineups, jobs, hooks)


def _terminate() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    asyncio.get_running_loop().remove_reader(parent.sentinel)
    signal.raise_signal(signal.SIGTERM)
