"""Requests of every kind, and an account of what was acknowledged."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from tests.backends.state.desk import expected

from lagmark.apps.bench.load import Outcome, closed_loop
from lagmark.backends.ledger.chain import check_chain
from lagmark.backends.ledger.sqlite import SqliteLedger
from lagmark.clock import utc_now
from lagmark.domains.registry import get_domain
from lagmark.errors import UnavailableError
from lagmark.schema.records import DecisionRecord, LabelRecord
from lagmark.schema.time import DAY, HOUR, SECOND, from_micros, to_micros
from lagmark.serving.answers import answer

if TYPE_CHECKING:
    from lagmark.ports.ledger import Ledger

    from .running import Service

__all__ = ["Traffic", "decisions_of", "opened"]

SUBJECTS, TERMINALS = 12, 6
LONG_AGO = 1_772_366_400_000_000
"""1 March 2026."""


class _Results(msgspec.Struct):
    results: list[msgspec.Raw]


_results = msgspec.json.Decoder(_Results).decode


class Traffic:
    """Senders of payments and of labels; some payments are sent twice, some come late.

    Parameters
    ----------
    seed
        Of what they send.
    arrival
        Whether they say when each payment arrived; else the service's clock does.
    step
        Mean time between payments, microseconds.
    late
        Share of payments that come up to a day late.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        arrival: bool = False,
        step: int = HOUR // 10,
        late: float = 0.1,
    ) -> None:
        self.draw = random.Random(seed)
        self.bodies: dict[int, bytes] = {}
        self.answers: dict[int, bytes] = {}
        self.labels: set[tuple[int, bool, str]] = set()
        self.refused = 0
        self.broken = 0
        self._arrival = arrival
        self._step = step
        self._late = late
        self._now = to_micros(utc_now())
        self._time = LONG_AGO if arrival else self._now - 25 * DAY

    def event(self, **values: Any) -> bytes:
        """Body of a new payment."""
        draw, number = self.draw, len(self.bodies) + 1
        self._time = min(self._now, self._time + draw.randrange(2 * self._step))
        late = draw.randrange(DAY) if draw.random() < self._late else 0
        about: dict[str, Any] = {
            "event_id": number,
            "event_time": _text(self._time - late),
            "customer": int(SUBJECTS * draw.random() ** 2),
            "terminal": draw.randrange(TERMINALS),
            "amount": round(draw.lognormvariate(3.5, 1.2), 2),
        }
        if self._arrival:
            # Several arrive in one instant.
            about["ingest_time"] = _text(self._time // SECOND * SECOND)
        self.bodies[number] = json.dumps({**about, **values}).encode()
        return self.bodies[number]

    def mixed(self, count: int) -> list[bytes]:
        """New payments, and some that were sent before."""
        return [
            self.bodies[self.draw.randint(1, len(self.bodies))]
            if self.bodies and self.draw.random() < 0.15
            else self.event()
            for _ in range(count)
        ]

    def label(self) -> bytes:
        """Body of a label of a payment that was sent, or will be."""
        number = self.draw.randint(1, len(self.bodies) + 20)
        source = self.draw.choice(["chargeback", "analyst"])
        return json.dumps(
            {"event_id": number, "fraud": self.draw.random() < 0.5, "source": source}
        ).encode()

    def load(
        self, service: Service, *, count: int, at: tuple[float, Callable[[], object]] | None = None
    ) -> None:
        """Send single payments, batches and labels at once; what is not answered is counted.

        Parameters
        ----------
        service
            Where to.
        count
            Payments; a third of them goes in batches.
        at
            Something that is done after so many seconds of it.
        """
        singles = self.mixed(count * 2 // 3)
        rest = self.mixed(count // 3)
        parts = [rest[i : i + 23] for i in range(0, len(rest), 23)]
        batches = [b'{"events":[' + b",".join(part) + b"]}" for part in parts]
        labels = [self.label() for _ in range(max(1, count // 20))]
        routes = {
            "/v1/decisions": (singles, 8),
            "/v1/decisions:batch": (batches, 2),
            "/v1/labels": (labels, 1),
        }

        async def run() -> list[list[Outcome]]:
            if at is not None:
                asyncio.get_running_loop().call_later(*at)
            return await asyncio.gather(
                *(
                    _send(service, path, bodies, connections)
                    for path, (bodies, connections) in routes.items()
                    if bodies
                )
            )

        for found, (path, (bodies, _)) in zip(asyncio.run(run()), routes.items(), strict=False):
            for each in found:
                self.note(path, bodies[each.index], each.status, each.body)

    def note(self, path: str, sent: bytes, status: int, body: bytes) -> None:
        """Keep what was acknowledged; a payment has one answer, byte for byte."""
        if status in {0, 503}:
            self.broken += status == 0
            self.refused += status == 503
            return
        assert status == 200, (path, status, body)
        if path == "/v1/labels":
            about = json.loads(sent)
            self.labels.add((about["event_id"], about["fraud"], about["source"]))
            return
        texts = [bytes(each) for each in _results(body).results] if "batch" in path else [body]
        for text in texts:
            about = json.loads(text)
            if "error" in about:
                assert about["error"]["status"] == 503, about
                self.refused += 1
                continue
            number = about["event_id"]
            assert self.answers.setdefault(number, text) == text, "two answers to one event"

    def send(self, service: Service, bodies: list[bytes]) -> None:
        """Send payments that the service must answer."""
        for each in asyncio.run(_send(service, "/v1/decisions", bodies, 8)):
            assert each.status == 200, each
            self.note("/v1/decisions", bodies[each.index], each.status, each.body)

    def offer(self, service: Service, bodies: list[bytes]) -> None:
        """Send payments that the service may refuse for now."""
        for each in asyncio.run(_send(service, "/v1/decisions", bodies, 8)):
            self.note("/v1/decisions", bodies[each.index], each.status, each.body)

    def post(self, service: Service, body: bytes) -> bytes:
        """Answer to one payment, which is kept."""
        found = service.post(body)
        assert found.status_code == 200, found.text
        self.note("/v1/decisions", body, 200, found.content)
        return found.content

    def check(
        self, ledger: Ledger, features: str = "default", among: Container[int] | None = None
    ) -> None:
        """Hold the ledger against what was acknowledged, and vectors (all) against a backfill."""
        entries = list(ledger.entries())
        assert check_chain(entries) is None
        assert ledger.check_index() is None
        records = [entry.record for entry in entries]
        made = [each for each in records if isinstance(each, DecisionRecord)]
        decided = {each.event_id: each for each in made}
        assert len(decided) == len(made), "an event was decided twice"
        lost = self.answers.keys() - decided.keys()
        assert not lost, f"acknowledged and lost: {sorted(lost)}"
        for number, text in self.answers.items():
            assert answer(decided[number]) == text
        said = {(r.event_id, r.fraud, r.source) for r in records if isinstance(r, LabelRecord)}
        assert self.labels <= said, f"acknowledged and lost: {self.labels - said}"
        feature_set = get_domain("handbook").feature_set(features)
        wanted = expected(feature_set, ledger)
        for number, record in decided.items():
            if among is not None and number not in among:
                continue
            got, right = np.frombuffer(record.vector), np.asarray(wanted[number])
            apart = np.flatnonzero(got.view(np.int64) != right.view(np.int64))
            assert not len(apart), [
                (number, feature_set.names[j], got[j], right[j]) for j in apart[:5].tolist()
            ]


async def _send(
    service: Service, path: str, bodies: list[bytes], connections: int
) -> list[Outcome]:
    try:
        load = await closed_loop(service.target(path), bodies, connections=connections)
    except UnavailableError:
        return []
    return load.outcomes


def _text(instant: int) -> str:
    return from_micros(instant).isoformat()


@contextmanager
def opened(data: Path) -> Iterator[SqliteLedger]:
    """Ledger of a data directory, to be read."""
    ledger = SqliteLedger(
        data / "ledger.sqlite", subject="customer", amount="amount", read_only=True
    )
    try:
        yield ledger
    finally:
        ledger.close()


def decisions_of(ledger: Ledger) -> list[DecisionRecord]:
    """Decisions in the order of the ledger."""
    records = (entry.record for entry in ledger.entries())
    return [each for each in records if isinstance(each, DecisionRecord)]
