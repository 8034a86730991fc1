"""Several workers over Redis and Postgres: they decide as one process, and outlive the servers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from lagmark.backends.ledger.postgres import PostgresLedger

from .crowd import check_counts, once
from .models import promote
from .running import TLS, Service, until, verify
from .traffic import Traffic, decisions_of, opened

if TYPE_CHECKING:
    from lagmark.schema.records import DecisionRecord

    from .servers import Servers

pytestmark = pytest.mark.slow

Serve = Callable[..., Service]


@contextmanager
def shared(environment: dict[str, str]) -> Iterator[PostgresLedger]:
    ledger = PostgresLedger(
        environment["LAGMARK_LEDGER_URL"], subject="customer", amount="amount", read_only=True
    )
    try:
        yield ledger
    finally:
        ledger.close()


def content(record: DecisionRecord) -> tuple[object, ...]:
    """What must not depend on who decided; the instant and duration of deciding do."""
    made = record.decision
    return (
        record.event_id, record.event_time, record.ingest_time, record.values, record.vector,
        made.decision_id, made.score, made.probability, made.action, made.intended, made.reasons,
        made.rules, made.fallback, made.model_version, made.others, made.propensity,
    )  # fmt: skip


def test_four_workers_decide_as_one_process(
    serve: Serve, cluster: Servers, tmp_path: Path, bundles: Path
) -> None:
    environment = cluster.environment()
    for name in ("alone", "many"):
        promote(tmp_path / name, bundles, champion=1, challenger=2)
    many = serve(tmp_path / "many", workers=4, environment=environment)
    alone = serve(tmp_path / "alone")
    many.ready()
    alone.ready()
    traffic = Traffic(8, arrival=True)
    # Each connection stays with the worker that took it.
    lines = [
        httpx.Client(base_url=many.url, headers={"Content-Type": "application/json"}, verify=TLS)
        for _ in range(12)
    ]
    for number in range(300):
        body = traffic.event()
        found = lines[number % len(lines)].post("/v1/decisions", content=body)
        traffic.note("/v1/decisions", body, found.status_code, found.content)
        told = alone.post(body).json()
        assert told | {"latency_ms": 0} == found.json() | {"latency_ms": 0}
        if number % 5 == 0:
            about = json.loads(traffic.label())
            label = json.dumps(about | {"known_at": json.loads(body)["ingest_time"]}).encode()
            found = lines[number % 7].post("/v1/labels", content=label)
            assert found.json() == alone.post(label, "/v1/labels").json()
    for line in lines:
        line.close()
    with shared(environment) as ledger, opened(alone.data) as other:
        traffic.check(ledger)
        assert [content(r) for r in decisions_of(ledger)] == [
            content(r) for r in decisions_of(other)
        ]
    assert alone.stop() == 0
    assert verify(many.data, environment)["ok"]
    assert many.stop() == 0
    assert sum(bool(line["counts"]) for line in many.said("drained")) > 1, "one did all the work"


def follow(service: Service) -> None:
    """A list that one worker was told of is soon in force with all."""
    lines = [httpx.Client(base_url=service.url, verify=TLS) for _ in range(12)]
    stolen = {"kind": "deny", "field": "customer", "value": 999, "reason": "stolen"}
    told = lines[0].post("/v1/lists", json=stolen).json()["policy"]
    until(
        lambda: {line.get("/v1/lists").json()["policy"] for line in lines} == {told},
        "all workers decide by the new list",
    )
    for line in lines:
        line.close()


def test_workers_decide_once_on_what_many_send_at_once(
    serve: Serve, cluster: Servers, tmp_path: Path
) -> None:
    environment = cluster.environment()
    service = serve(workers=4, environment=environment).ready()
    traffic = Traffic(4, arrival=True, late=0)
    once(service, traffic, 10)
    follow(service)
    with shared(environment) as ledger:
        check_counts(ledger, traffic)
    found = verify(service.data, environment)
    assert found["ok"], found


def survive(service: Service, traffic: Traffic, kill: Callable[[], None], start: Callable[[], None],
            count: int) -> None:  # fmt: skip
    """Kill a server under load, start it again, and have the service go on by itself."""
    before = traffic.broken
    traffic.load(service, count=count, at=(0.3, kill))
    assert traffic.broken == before, "a worker broke a connection"
    until(lambda: service.health() in {200, 503}, "the workers answer")
    start()
    # Each worker finds out on its next event, if it has not yet.
    unanswered = [traffic.bodies[each] for each in traffic.bodies.keys() - traffic.answers.keys()]

    def answered() -> bool:
        for body in unanswered[:20]:
            found = service.post(body)
            traffic.note("/v1/decisions", body, found.status_code, found.content)
            if found.status_code != 200:
                return False
        return True

    until(answered, "the service goes on")


def outlive(serve: Serve, cluster: Servers, *, workers: int, rounds: int, count: int) -> None:
    environment = cluster.environment()
    service = serve(workers=workers, environment=environment).ready()
    traffic = Traffic(6)
    for _ in range(rounds):
        survive(service, traffic, cluster.kill_postgres, cluster.start_postgres, count)
        survive(service, traffic, cluster.kill_redis, cluster.start_redis, count)
    assert traffic.refused, "no kill fell into the load"
    until(lambda: all(service.health() == 200 for _ in range(20)), "all workers are ready")
    traffic.offer(service, list(traffic.bodies.values()))

    def answered() -> bool:
        # A worker may find out about its old connection only now, and refuse once more.
        missing = traffic.bodies.keys() - traffic.answers.keys()
        traffic.offer(service, [traffic.bodies[each] for each in missing])
        return not missing

    until(answered, "all is answered")
    with shared(environment) as ledger:
        traffic.check(ledger)
    found = verify(service.data, environment)
    assert found["ok"], found
    assert service.stop() == 0


def test_servers_killed_again_and_again_lose_nothing(serve: Serve, cluster: Servers) -> None:
    outlive(serve, cluster, workers=4, rounds=6, count=3000)
