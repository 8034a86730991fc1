"""Told to end, it answers what was begun; started again, it remembers everything."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .models import promote
from .running import Service, until, verify
from .traffic import Traffic, decisions_of, opened

if TYPE_CHECKING:
    from .servers import Servers

Serve = Callable[..., Service]


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_what_was_begun_is_answered_and_remembered(
    serve: Serve, tmp_path: Path, bundles: Path, sign: int, capsys: pytest.CaptureFixture[str]
) -> None:
    promote(tmp_path / "data", bundles, champion=1)
    service = serve().ready()
    traffic = Traffic(7)
    assert service.process is not None
    pid = service.process.pid
    traffic.load(service, count=3000, at=(0.4, lambda: os.kill(pid, sign)))
    assert service.process.wait(60) == 0
    assert traffic.broken, "it ended after the load"
    with opened(service.data) as ledger:
        traffic.check(ledger)
        # A decision that was made had its answer sent.
        assert {each.event_id for each in decisions_of(ledger)} == traffic.answers.keys()
    assert service.said("drained")
    begun = time.monotonic()
    service.start().ready()
    with capsys.disabled():
        sys.stdout.write(f" [ready again after {time.monotonic() - begun:.1f} s] ")
    (line,) = service.said("ready")
    assert line["replayed"] <= 1, "the state was not kept"
    traffic.send(service, list(traffic.bodies.values()))
    assert service.stop(sign) == 0
    with opened(service.data) as ledger:
        traffic.check(ledger)
    assert verify(service.data)["ok"]


@pytest.mark.slow
def test_told_to_end_while_it_starts_it_keeps_no_half_state(serve: Serve) -> None:
    service = serve().ready()
    traffic = Traffic(9)
    traffic.load(service, count=1500)
    service.kill()
    for wait in range(5):
        service.start()
        # Sooner or later within the start, from the first line of the program to the replay.
        time.sleep(0.5 * wait)
        service.stop()
    service.start().ready()
    traffic.load(service, count=100)
    assert service.stop() == 0
    with opened(service.data) as ledger:
        traffic.check(ledger)


@pytest.mark.slow
def test_workers_do_not_outlive_a_killed_parent(serve: Serve, cluster: Servers) -> None:
    service = serve(workers=2, environment=cluster.environment()).ready()
    assert service.process is not None
    os.kill(service.process.pid, signal.SIGKILL)
    service.process.wait()
    until(lambda: len(service.said("drained")) == 2, "both workers ended")
    assert service.health("/health/live") == 0
