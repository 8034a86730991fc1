"""Job: a service of its own put under load, with the models and policy of a data directory."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.apps.bench.bodies import bodies_of
from lagmark.apps.bench.load import Target, closed_loop, measure, open_loop
from lagmark.apps.bench.outcome import BenchOutcome, answers_of, gates_of, phase_of
from lagmark.apps.bench.process import ServiceProcess, cpu_seconds
from lagmark.apps.bench.quality import Quality, quality_of, verdicts
from lagmark.apps.bench.supply import GENERATED, find_history, supply
from lagmark.apps.jobs.send_history import send_history, tell_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence

    from lagmark.apps.bench.load import Load
    from lagmark.apps.bench.supply import Supply
    from lagmark.apps.jobs.reporter import Reporter
    from lagmark.client import Client
    from lagmark.domains.domain import Domain
    from lagmark.settings import ServeSettings
    from lagmark.wiring.serving import Served

    Asked = Callable[[Sequence[bytes]], Coroutine[Any, Any, Load]]

__all__ = ["bench"]

_TOGETHER = 500
"""Events in a batch."""
_WARM = 10_000
"""Events before the measurement, for each second of a phase."""
_ALONE, _SATURATED, _BATCHES = 3_000, 8_000, 5
"""Requests that are at hand for each second of a phase; it ends earlier when they are answered."""


def bench(
    settings: ServeSettings,
    *,
    events: Path | None,
    rate: float,
    seconds: float,
    connections: int,
    alerts_per_day: int | None,
    now: int,
    reporter: Reporter,
) -> BenchOutcome:
    """Decisions of a new service, timed and judged.

    The data directory is only read: the service gets a directory of its own on the same disk, with
    an empty ledger and a link to the models.

    Parameters
    ----------
    settings
        Which data directory.
    events
        File or folder of events; see :func:`lagmark.apps.bench.supply.find_history`.
    rate
        Requests a second of the open loop.
    seconds
        Length of each phase.
    connections
        Requests in flight while the service is saturated.
    alerts_per_day
        Alert budget; the policy's when ``None``.
    now
        The present instant, microseconds since 1970 UTC.
    reporter
        Told about progress.

    Raises
    ------
    LagmarkError
        If there are no events, or the service does not start.
    """
    from lagmark.wiring import Home
    from lagmark.wiring.serving import resolve

    served = resolve(settings)
    history, origin = find_history(events, Home(settings.data), served.domain, reporter=reporter)
    given = supply(
        history,
        warm=int(_WARM * seconds),
        measured=int(seconds * (_ALONE + _SATURATED + rate + _BATCHES * _TOGETHER)) + 2 * _TOGETHER,
        now=now,
    )
    facts, manifest = _service(served)
    with _own_directory(served) as data, _cores() as (core, machine):
        options = ("--domain", served.name, "--feature-set", served.feature_set.name,
                   "--profile", "embedded", "--workers", "1", "--keys")  # fmt: skip
        with ServiceProcess(data, options=options, core=core) as service:
            facts["seconds_to_ready"] = round(service.seconds_to_ready, 2)
            outcome = BenchOutcome(
                service=facts,
                machine=machine,
                events={"origin": origin, "history": len(history), "warm_up": given.warm},
                rate=rate,
                quality=Quality(alerts_per_day or _budget(served)),
            )
            run = _Run(service, given, served.domain, outcome, reporter)
            run.warm_up()
            size = max(1, round(seconds * _ALONE))
            run.phase("alone", size, lambda part: closed_loop(
                run.single, part, connections=1, seconds=seconds))  # fmt: skip
            size = max(1, round(seconds * _SATURATED))
            run.phase("saturated", size, lambda part: closed_loop(
                run.single, part, connections=connections, seconds=seconds))  # fmt: skip
            size = max(1, round(seconds * rate))
            run.phase("open_loop", size, lambda part: open_loop(run.single, part, rate=rate))
            size = max(1, round(seconds * _BATCHES))
            run.phase("batch", size, lambda part: closed_loop(
                run.bulk, part, connections=2), together=_TOGETHER)  # fmt: skip
            run.close()
    outcome.quality = _quality(outcome, run, manifest)
    outcome.gates = gates_of(outcome)
    return outcome


class _Run:
    """Events sent one after the other to a running service, each once."""

    def __init__(
        self,
        service: ServiceProcess,
        given: Supply,
        domain: Domain,
        outcome: BenchOutcome,
        reporter: Reporter,
    ) -> None:
        from lagmark.client import Client

        key = service.key("decide", "label")
        self.single = Target("127.0.0.1", service.port, key=key)
        self.bulk = Target("127.0.0.1", service.port, "/v1/decisions:batch", key)
        self.given = given
        self.probability = np.full(len(given.batch), np.nan)
        self._service = service
        self._domain = domain
        self._outcome = outcome
        self._reporter = reporter
        self._client: Client = Client(service.url, key=key, timeout=120.0)
        self._bodies = bodies_of(given.batch, domain)
        self._arrived = given.batch.events["ingest_time"].to_numpy()
        self._known = given.batch.labels["known_at"].to_numpy()
        self._sent = self._told = 0

    def warm_up(self) -> None:
        """Send what comes before the measurement."""
        from lagmark.schema.events import EventBatch

        batch, self._sent = self.given.batch, self.given.warm
        labels = batch.labels.filter(batch.labels["row"] < self._sent)
        warm = EventBatch(batch.events.head(self._sent), labels)
        send_history(self._client, warm, self._domain, reporter=self._reporter)
        self._told = self._known_now()

    def phase(self, name: str, size: int, asked: Asked, *, together: int = 1) -> None:
        """Measure one way of asking.

        Parameters
        ----------
        name
            Of the phase.
        size
            Requests at hand.
        asked
            Sends bodies.
        together
            Events in a body.
        """
        first = self._sent
        part = self._bodies[first : first + size * together]
        if together > 1:
            part = [
                b'{"events":[' + b",".join(part[i : i + together]) + b"]}"
                for i in range(0, len(part), together)
            ]
        now_known = self._known_now()
        tell_labels(self._client, self.given.batch, self._told, now_known)
        self._told = now_known
        before = cpu_seconds(self._service.pid)
        with self._reporter.progress(f"Measure {name.replace('_', ' ')}", ""):
            load = measure(asked(part))
        after = cpu_seconds(self._service.pid)
        answers = answers_of(load, together=together)
        self._sent += len(answers)
        for i, answer in answers:
            if answer.error is None:
                self.probability[first + i] = answer.probability
                made_by = answer.fallback or f"model {answer.model_version}"
                self._outcome.answered[made_by] += 1
        cpu = after - before if before is not None and after is not None else None
        self._outcome.loads[name] = load
        self._outcome.phases[name] = phase_of(load, answers, cpu)

    def close(self) -> None:
        """End the connection."""
        self._client.close()

    def _known_now(self) -> int:
        """Labels that are known when the last event sent has arrived."""
        return int(np.searchsorted(self._known, self._arrived[self._sent - 1], side="right"))


def _quality(outcome: BenchOutcome, run: _Run, manifest: dict[str, Any]) -> Quality:
    budget = outcome.quality.alerts_per_day
    if not manifest:
        return Quality(budget, reason="there is no champion")
    if outcome.events["origin"] == GENERATED:
        return Quality(budget, reason="the events are generated, not those of this service")
    given = run.given
    probability = run.probability[: given.genuine]
    measured = ~np.isnan(probability)
    # The model learnt by the times that history has of itself.
    times = given.batch.events["event_time"].to_numpy()[: given.genuine] + given.moved
    return quality_of(
        probability[measured],
        times[measured],
        verdicts(given.batch)[: given.genuine][measured],
        train_end=manifest["train_end"],
        alerts_per_day=budget,
    )


def _service(served: Served) -> tuple[dict[str, Any], dict[str, Any]]:
    """Facts about what is served, and the champion's manifest; empty without one."""
    from lagmark.backends.lineup import Places, read_lineup
    from lagmark.learning.bundle import read_manifest

    registry = served.data / "registry"
    champion = read_lineup(registry).get(served.domain.name, Places()).aliases.get("champion")
    manifest = read_manifest(registry / champion.bundle) if champion else {}
    return {
        "domain": served.domain.name,
        "model_version": str(champion.version) if champion else None,
        "model": manifest.get("kind"),
        "params": manifest.get("params", {}),
        "feature_set": served.feature_set.name,
        "features": len(served.feature_set.names),
        "contract": served.feature_set.contract.hash,
    }, manifest


def _budget(served: Served) -> int:
    from lagmark.domains.policies import policy_of

    own = served.data / "policy.yaml"
    policy = policy_of(served.domain, served.feature_set.names, own if own.is_file() else None)
    return policy.file.budget.alerts


@contextmanager
def _own_directory(served: Served) -> Iterator[Path]:
    """Data directory of the service: on the same disk, so that a write costs what it does there."""
    near = served.data if served.data.is_dir() else None
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=near) as folder:
        data = Path(folder)
        for name in ("registry", "policy.yaml"):
            if (served.data / name).exists():
                (data / name).symlink_to((served.data / name).resolve())
        yield data


@contextmanager
def _cores() -> Iterator[tuple[int | None, dict[str, Any]]]:
    """Core of the service, with this process on another while the block runs."""
    mine = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    apart = len(mine) > 1
    machine = {
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "one_core_each": apart,
    }
    if not apart:
        yield None, machine
        return
    os.sched_setaffinity(0, {mine[-1]})
    try:
        yield mine[0], machine
    finally:
        os.sched_setaffinity(0, mine)
