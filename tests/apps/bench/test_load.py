"""The load generator against a server whose delays are known."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

from lagmark.apps.bench.load import (
    Load,
    Outcome,
    Target,
    closed_loop,
    measure,
    open_loop,
)
from lagmark.errors import UnavailableError

if TYPE_CHECKING:
    from tests.apps.bench.conftest import Slow


def bodies(count: int, **special: dict[str, object]) -> list[bytes]:
    """Requests by number; those named get something done."""
    return [json.dumps({"n": n, **special.get(f"at_{n}", {})}).encode() for n in range(count)]


def test_every_body_is_sent_once_and_its_answer_is_its_own(slow: Slow) -> None:
    sent = bodies(60)
    load = measure(closed_loop(slow.target, sent, connections=5))
    assert sorted(slow.bodies) == sorted(sent)
    assert {each.index: each.body for each in load.outcomes} == dict(enumerate(sent))
    assert load.failed == 0
    assert load.rate == pytest.approx(60 / load.seconds)


def test_the_request_names_its_key_and_place(slow: Slow) -> None:
    measure(closed_loop(slow.target, bodies(1)))
    assert slow.heads[0].startswith("POST /somewhere HTTP/1.1\r\n")
    assert "Authorization: Bearer secret\r\n" in slow.heads[0]
    assert "Authorization" not in Target("a", 1).request(b"").decode()


def test_percentiles_are_those_of_the_delays(slow: Slow) -> None:
    slowed = {f"at_{n}": {"wait": 0.3} for n in range(90, 100)}
    load = measure(closed_loop(slow.target, bodies(100, **slowed), connections=1))
    assert load.milliseconds(0.9) < 300 <= load.milliseconds(0.91)
    assert load.milliseconds(1.0) < 3_000


def test_nearest_rank() -> None:
    load = Load(1.0, [Outcome(n, 200, n / 1000, b"") for n in (4, 1, 3, 2)])
    levels = (0.0, 0.25, 0.26, 0.5, 0.75, 0.99, 1.0)
    assert [load.milliseconds(level) for level in levels] == [1, 1, 2, 2, 3, 4, 4]


def test_a_stall_is_charged_to_all_that_were_due_in_it(slow: Slow) -> None:
    """Coordinated omission: a closed loop asks no more while it waits, an open one still does."""
    stalled = bodies(200, at_40={"stall": 0.8})
    steady = measure(open_loop(slow.target, stalled, rate=200, connections=4))
    waited = [each for each in steady.outcomes if each.seconds > 0.2]
    # Due in the first 0.6 s of the stall: 120.
    assert len(waited) >= 110
    assert steady.milliseconds(0.75) > 200
    closed = measure(closed_loop(slow.target, stalled, connections=1))
    assert 1 <= sum(each.seconds > 0.2 for each in closed.outcomes) < 20


def test_the_queue_of_a_server_that_is_too_slow_is_counted(slow: Slow) -> None:
    """50 ms each on one connection, one due every 10 ms: the n-th waits for 40 n ms."""
    waits = {f"at_{n}": {"wait": 0.05} for n in range(20)}
    load = measure(open_loop(slow.target, bodies(20, **waits), rate=100, connections=1))
    by_number = sorted(load.outcomes, key=lambda each: each.index)
    for each in by_number:
        assert each.seconds >= 0.05 + 0.04 * each.index - 0.005


def test_requests_leave_when_they_are_due(slow: Slow) -> None:
    load = measure(open_loop(slow.target, bodies(100), rate=200))
    assert load.seconds >= 99 / 200
    assert [each.status for each in load.outcomes] == [200] * 100


def test_a_closed_loop_ends_with_its_time(slow: Slow) -> None:
    waits = {f"at_{n}": {"wait": 0.05} for n in range(1_000)}
    load = measure(closed_loop(slow.target, bodies(1_000, **waits), connections=2, seconds=0.3))
    assert 2 <= len(load.outcomes) <= 20
    # Two are in flight, and either may be answered first.
    assert sorted(each.index for each in load.outcomes) == list(range(len(load.outcomes)))


def test_refusals_and_broken_connections_are_failures(slow: Slow) -> None:
    sent = bodies(10, at_3={"status": 503}, at_5={"break": True})
    load = measure(closed_loop(slow.target, sent, connections=2))
    status = {each.index: each.status for each in load.outcomes}
    assert (status[3], status[5], len(status)) == (503, 0, 10)
    assert load.failed == 2


@pytest.mark.parametrize("rate", [50.0, 5_000.0])
def test_an_open_loop_ends_when_every_connection_is_gone(slow: Slow, rate: float) -> None:
    broken = {f"at_{n}": {"break": True} for n in range(10)}
    load = measure(open_loop(slow.target, bodies(10, **broken), rate=rate, connections=3))
    assert [each.status for each in load.outcomes] == [0, 0, 0]


def test_nothing_to_send_is_no_run(slow: Slow) -> None:
    assert measure(closed_loop(slow.target, [])).outcomes == []
    assert measure(open_loop(slow.target, [], rate=10)).outcomes == []


def test_nobody_listens() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(UnavailableError, match="nobody answers"):
        measure(closed_loop(Target("127.0.0.1", port), bodies(1)))
