"""Killed at random moments under load: nothing acknowledged is missing, nothing is there twice."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from .models import promote
from .running import Service, verify
from .traffic import Traffic, opened

Serve = Callable[..., Service]


def kill_under_load(service: Service, rounds: int, count: int) -> None:
    """Kill a service again and again, then hold what it keeps against what it acknowledged."""
    draw = random.Random(rounds)
    traffic = Traffic(rounds)
    for _ in range(rounds):
        service.ready()
        # Some die in the middle of the load, some at the first answer.
        traffic.load(service, count=count, at=(draw.random() ** 2 * 0.8, service.kill))
        service.kill()
        service.start()
    service.ready()
    assert traffic.broken, "no kill fell into the load"
    # All are sent again: those that were answered get the same bytes, the others their first.
    traffic.send(service, list(traffic.bodies.values()))
    assert traffic.answers.keys() == traffic.bodies.keys()
    service.kill()
    with opened(service.data) as ledger:
        traffic.check(ledger)
    found = verify(service.data)
    assert found["ok"], found
    assert found["decisions"] == len(traffic.bodies)


@pytest.mark.slow
def test_kills_under_load_lose_nothing_acknowledged(
    serve: Serve, tmp_path: Path, bundles: Path
) -> None:
    promote(tmp_path / "data", bundles, champion=1, shadow=2)
    kill_under_load(serve(), 5, 1200)


@pytest.mark.slow
@pytest.mark.parametrize("model", [False, True])
def test_a_hundred_kills_in_all_lose_nothing_acknowledged(
    serve: Serve, tmp_path: Path, bundles: Path, model: bool
) -> None:
    if model:
        promote(tmp_path / "data", bundles, champion=1)
    kill_under_load(serve(), 50, 400)
