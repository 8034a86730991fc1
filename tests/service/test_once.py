"""The same event from many clients at once: one decision, equal answers, one update."""

from __future__ import annotations

from collections.abc import Callable

from .crowd import check_counts, once
from .running import Service
from .traffic import Traffic, opened

Serve = Callable[..., Service]


def test_one_process_decides_once(serve: Serve) -> None:
    service = serve().ready()
    traffic = Traffic(4, arrival=True, late=0)
    once(service, traffic, 10)
    with opened(service.data) as ledger:
        check_counts(ledger, traffic)
    assert service.stop() == 0
