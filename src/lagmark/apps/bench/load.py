"""A load generator that costs little: keep-alive connections, one request in flight on each."""

from __future__ import annotations

import asyncio
import gc
import math
import selectors
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from lagmark.clock import stopwatch
from lagmark.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Sequence

__all__ = ["Load", "Outcome", "Target", "closed_loop", "measure", "open_loop"]

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go.

    Parameters
    ----------
    host, port
        Address of the service.
    path
        Path that is posted to.
    key
        API key; none is sent where it is empty.
    """

    host: str
    port: int
    path: str = "/v1/decisions"
    key: str = ""

    def request(self, body: bytes) -> bytes:
        """Bytes of a request."""
        key = f"Authorization: Bearer {self.key}\r\n" if self.key else ""
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n{key}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode("ascii") + body


@dataclass(frozen=True, slots=True)
class Outcome:
    """Answer to one request.

    Parameters
    ----------
    index
        Place of its body in the list of bodies.
    status
        HTTP status, 0 where the connection broke before the answer.
    seconds
        Time to the last byte of the answer. In an open loop it is counted from the instant at
        which the request was due, so that a stalled service is charged for those that had to wait
        (coordinated omission).
    body
        Body of the answer.
    """

    index: int
    status: int
    seconds: float
    body: bytes


@dataclass(slots=True)
class Load:
    """What a run of requests gave.

    Parameters
    ----------
    seconds
        Duration of the run.
    outcomes
        Answers in the order in which they came.
    """

    seconds: float
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Good answers per second."""
        return (len(self.outcomes) - self.failed) / self.seconds

    @property
    def failed(self) -> int:
        """Requests whose answer was not a good one."""
        return sum(each.status != 200 for each in self.outcomes)

    def milliseconds(self, share: float) -> float:
        """Time within which a share of all requests was answered: the nearest rank.

        Parameters
        ----------
        share
            In [0, 1]; 1 is the slowest.
        """
        times = sorted(each.seconds for each in self.outcomes)
        return 1000 * times[max(0, math.ceil(share * len(times)) - 1)]


def measure(load: Coroutine[Any, Any, Load]) -> Load:
    """Result of a closed or open loop, run so that the generator's own delays stay small.

    It does not stop to collect garbage, and it waits by ``select``, whose timeouts are not
    rounded up to milliseconds as those of ``epoll`` are: requests leave when they are due.
    """
    gc.collect()
    gc.disable()
    try:
        with asyncio.Runner(
            loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())
        ) as runner:
            return runner.run(load)
    finally:
        gc.enable()


class _Ended(Protocol):
    def __call__(self, connection: _Connection, status: int, body: bytes) -> None: ...


class _Connection(asyncio.Protocol):
    """One HTTP/1.1 connection; the answers have a Content-Length."""

    def __init__(self, ended: _Ended) -> None:
        self._ended = ended
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._pending = False

    @property
    def open(self) -> bool:
        """Whether it can take a request."""
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def post(self, request: bytes) -> None:
        """Send a request; the answer to the one before must have come."""
        if self._transport is None:
            raise UnavailableError("the connection is closed", where="load generator")
        self._pending = True
        self._transport.write(request)

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        end = buffer.find(_HEAD_END)
        if end < 0:
            return
        head = bytes(buffer[:end]).lower()
        place = head.find(_LENGTH)
        stop = head.find(b"\r\n", place)
        length = int(head[place + len(_LENGTH) : stop if stop >= 0 else end]) if place >= 0 else 0
        last = end + len(_HEAD_END) + length
        if len(buffer) < last:
            return
        status, body = int(head[9:12]), bytes(buffer[end + len(_HEAD_END) : last])
        del buffer[:last]
        self._pending = False
        self._ended(self, status, body)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._pending:
            self._pending = False
            self._ended(self, 0, str(exc or "connection closed").encode())


async def closed_loop(
    target: Target, bodies: Sequence[bytes], *, connections: int = 16, seconds: float | None = None
) -> Load:
    """Throughput: each connection sends its next request when the answer has come.

    Parameters
    ----------
    target
        Service.
    bodies
        Sent once each, in order.
    connections
        Requests in flight.
    seconds
        Stop after so long, if bodies are left then.

    Raises
    ------
    UnavailableError
        If nobody listens.
    """
    done = asyncio.get_running_loop().create_future()
    outcomes: list[Outcome] = []
    sent: dict[_Connection, tuple[int, float]] = {}
    rest: Iterator[tuple[int, bytes]] = iter(enumerate(bodies))
    begun = stopwatch()

    def proceed(connection: _Connection) -> None:
        late = seconds is not None and stopwatch() - begun > seconds
        index, body = (-1, b"") if late or not connection.open else next(rest, (-1, b""))
        if index >= 0:
            sent[connection] = (index, stopwatch())
            connection.post(target.request(body))
        elif not sent and not done.done():
            done.set_result(None)

    def ended(connection: _Connection, status: int, body: bytes) -> None:
        index, start = sent.pop(connection)
        outcomes.append(Outcome(index, status, stopwatch() - start, body))
        proceed(connection)

    pool = await _connect(target, connections, ended)
    begun = stopwatch()
    for connection in pool:
        proceed(connection)
    await done
    load = Load(stopwatch() - begun, outcomes)
    await _close(pool)
    return load


async def open_loop(
    target: Target, bodies: Sequence[bytes], *, rate: float, connections: int = 64
) -> Load:
    """Latency at a given rate: requests are due at even intervals, whether or not answers came.

    Parameters
    ----------
    target
        Service.
    bodies
        Sent once each, in order.
    rate
        Requests per second.
    connections
        Most requests in flight; what is due beyond waits, and its waiting counts.

    Raises
    ------
    UnavailableError
        If nobody listens.
    """
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    outcomes: list[Outcome] = []
    sent: dict[_Connection, tuple[int, float]] = {}
    free: list[_Connection] = []
    following = 0
    alarm: asyncio.TimerHandle | None = None

    def ended(connection: _Connection, status: int, body: bytes) -> None:
        index, due = sent.pop(connection)
        outcomes.append(Outcome(index, status, stopwatch() - due, body))
        if connection.open:
            free.append(connection)
        if alarm is None:
            send_due()

    def send_due() -> None:
        nonlocal following, alarm
        alarm = None
        while following < len(bodies) and free:
            due = begun + following / rate
            if stopwatch() < due:
                alarm = loop.call_later(due - stopwatch(), send_due)
                return
            connection = free.pop()
            if not connection.open:
                continue
            sent[connection] = (following, due)
            connection.post(target.request(bodies[following]))
            following += 1
        # Nothing is on its way, and nothing more can be sent: all is done, or nobody listens.
        if not sent and not done.done():
            done.set_result(None)

    free.extend(await _connect(target, connections, ended))
    pool = list(free)
    begun = stopwatch()
    loop.call_soon(send_due)
    await done
    load = Load(stopwatch() - begun, outcomes)
    await _close(pool)
    return load


async def _close(pool: Sequence[_Connection]) -> None:
    for connection in pool:
        connection.close()
    # A transport lets go of its socket in the next turn of the loop.
    await asyncio.sleep(0)


async def _connect(target: Target, connections: int, ended: _Ended) -> list[_Connection]:
    loop = asyncio.get_running_loop()
    try:
        made = [
            await loop.create_connection(lambda: _Connection(ended), target.host, target.port)
            for _ in range(connections)
        ]
    except OSError as problem:
        raise UnavailableError(
            f"nobody answers: {problem.strerror or problem}",
            where=f"{target.host}:{target.port}",
            hint="start the service with `lagmark serve`",
        ) from None
    return [protocol for _, protocol in made]
