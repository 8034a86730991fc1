"""Events that many clients send at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np

from lagmark.apps.bench.load import closed_loop
from lagmark.domains.registry import get_domain

from .traffic import Traffic, decisions_of

if TYPE_CHECKING:
    from lagmark.ports.ledger import Ledger

    from .running import Service

__all__ = ["check_counts", "once"]

CLIENTS = 50


def post_at_once(service: Service, traffic: Traffic, body: bytes) -> bytes:
    """The one answer that all clients get."""
    load = asyncio.run(closed_loop(service.target(), [body] * CLIENTS, connections=CLIENTS))
    assert [each.status for each in load.outcomes] == [200] * CLIENTS
    answers = {each.body for each in load.outcomes}
    assert len(answers) == 1, answers
    (text,) = answers
    traffic.note("/v1/decisions", body, 200, text)
    return text


def once(service: Service, traffic: Traffic, rounds: int) -> None:
    """Post payments of new customers at once, and after each another one of the same customer."""
    for number in range(rounds):
        customer = 1_000 + number
        post_at_once(service, traffic, traffic.event(customer=customer))
        traffic.post(service, traffic.event(customer=customer))


def check_counts(ledger: Ledger, traffic: Traffic) -> None:
    """One decision on each, and the second payment of a customer has seen exactly one."""
    traffic.check(ledger)
    made = decisions_of(ledger)
    assert len(made) == len(traffic.bodies)
    names = get_domain("handbook").feature_set("default").names
    column = names.index("customer_count_30d")
    seen = {each.event_id: np.frombuffer(each.vector)[column] for each in made}
    for first in range(1, len(made), 2):
        assert seen[first + 1] - seen[first] == 1
