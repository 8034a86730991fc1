"""Alerts reach a receiver at least once and signed, whatever it or the service goes through."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
import json
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from lagmark.apps.api.hooks import Hook, begin_anew, check_url
from lagmark.apps.api.keys import Scope
from lagmark.apps.api.log import Log
from lagmark.apps.api.webhooks import Webhooks
from lagmark.backends.ledger.sqlite import SqliteLedger
from lagmark.clock import utc_now
from lagmark.errors import ConfigError
from lagmark.schema.decision import Action, Decision, Fallback
from lagmark.schema.records import DecisionRecord, HumanRecord
from lagmark.serving.answers import answer

from .conftest import new_event

if TYPE_CHECKING:
    import httpx

    from .running import Running

DEADLINE = 60.0
SECRET = "correct horse battery"


class Receiver:
    """A real receiver on a port of its own, which can fail, be slow, die and come back."""

    def __init__(self) -> None:
        self.taken: list[tuple[bytes, dict[str, str]]] = []
        self.asked = 0
        self.status = 200
        self.delay = threading.Event()
        self.slow = False
        self._port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/alerts"

    @property
    def events(self) -> list[Any]:
        return [json.loads(body)["event_id"] for body, _ in self.taken]

    def start(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.asked += 1
                if receiver.slow:
                    receiver.delay.wait(DEADLINE)
                status = receiver.status
                if status == 200:
                    receiver.taken.append((body, dict(self.headers)))
                self.send_response(status)
                self.send_header("Location", receiver.url)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        self.delay.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.stop()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    found = SqliteLedger(tmp_path / "ledger.sqlite", subject="customer", amount="amount")
    yield found
    found.close()


def record(number: int, action: Action = Action.REVIEW) -> DecisionRecord:
    made = Decision(
        decision_id=f"{number:032x}", event_id=number, decided_at=0, score=90, probability=0.9,
        level="critical", action=action, intended=action, propensity=1.0, reasons=(), rules=(),
        fallback=Fallback.NONE, model_version="1", contract="c", policy="p",
    )  # fmt: skip
    values = {"customer": 4711, "terminal": 9, "amount": 1250}
    return DecisionRecord(number, 0, 0, values, b"", made, 5)


def hook(url: str, *actions: str, name: str = "1") -> Hook:
    return Hook(name * 16, url, SECRET, actions or ("review", "block"), "ann", 0, 0, 0)


def hooks_of(folder: Path, ledger: SqliteLedger, **options: Any) -> Webhooks:
    return Webhooks(
        folder,
        ledger=ledger,
        clock=utc_now,
        rng=np.random.default_rng(1),
        log=Log(clock=utc_now, stream=io.BytesIO()),
        **{"pause": 0.01, "longest": 0.05, "patience": 5.0, **options},
    )


async def until(wanted: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not wanted():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def delivering(hooks: Webhooks, during: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        task = asyncio.create_task(hooks.run())
        try:
            await during()
        finally:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(run())


def test_what_is_wanted_comes_in_order_signed_and_without_the_event(
    tmp_path: Path, ledger: SqliteLedger, receiver: Receiver
) -> None:
    hooks, wanted = hooks_of(tmp_path, ledger), hook(receiver.url)
    hooks.add(wanted)
    actions = [Action.ALLOW, Action.REVIEW, Action.STEP_UP, Action.BLOCK]
    records = [record(i, actions[i % 4]) for i in range(40)]
    ledger.append([HumanRecord("ann", "review", "block"), *records], at=1)

    async def during() -> None:
        await until(lambda: len(receiver.taken) == 20)
        # Many that nobody wants come first.
        quiet = [record(i, Action.ALLOW) for i in range(100, 2700)]
        ledger.append([*quiet, record(41)], at=2)
        await until(lambda: hooks.sent(wanted).delivered == 21)

    delivering(hooks, during)
    assert receiver.events == [*(i for i in range(40) if i % 4 in (1, 3)), 41]
    assert hooks.sent(wanted).position == ledger.head().position
    for body, headers in receiver.taken:
        told = json.loads(body)
        assert body == answer(record(told["event_id"], Action(told["action"])))
        assert b"4711" not in body
        assert headers["Lagmark-Delivery"] == told["decision_id"]
        at, mac = (part.partition("=")[2] for part in headers["Lagmark-Signature"].split(","))
        wanted_mac = hmac.new(SECRET.encode(), at.encode() + b"." + body, hashlib.sha256)
        assert mac == wanted_mac.hexdigest()
        assert abs(int(at) - time.time()) < DEADLINE


def test_a_receiver_that_fails_gets_it_again(
    tmp_path: Path, ledger: SqliteLedger, receiver: Receiver
) -> None:
    hooks, wanted = hooks_of(tmp_path, ledger), hook(receiver.url)
    hooks.add(wanted)
    ledger.append([record(1), record(2)], at=1)

    async def during() -> None:
        # A redirect is no taking: it may lead anywhere.
        for status in (500, 404, 302):
            receiver.status = status
            asked = receiver.asked
            await until(lambda asked=asked: receiver.asked > asked + 1)  # type: ignore[misc]
            assert hooks.sent(wanted).failures > 0
            assert not hooks.disabled(wanted)
        await until(lambda: hooks.sent(wanted).last_error == "status 302")
        receiver.status = 200
        await until(lambda: hooks.sent(wanted).delivered == 2)

    delivering(hooks, during)
    assert receiver.events == [1, 2]
    found = hooks.sent(wanted)
    assert (found.failures, found.last_error) == (0, "")


def test_a_receiver_that_dies_and_comes_back_misses_nothing(
    tmp_path: Path, ledger: SqliteLedger, receiver: Receiver
) -> None:
    hooks, wanted = hooks_of(tmp_path, ledger, give_up=10**6), hook(receiver.url)
    hooks.add(wanted)
    ledger.append([record(1)], at=1)

    async def during() -> None:
        await until(lambda: receiver.events == [1])
        await asyncio.to_thread(receiver.stop)
        ledger.append([record(2), record(3)], at=2)
        await until(lambda: hooks.sent(wanted).failures > 3)
        assert hooks.sent(wanted).last_error == "ConnectError"
        receiver.start()
        await until(lambda: hooks.sent(wanted).delivered == 3)

    delivering(hooks, during)
    assert receiver.events == [1, 2, 3]


def test_a_slow_receiver_delays_no_other_and_is_tried_again(
    tmp_path: Path, ledger: SqliteLedger, receiver: Receiver
) -> None:
    other = Receiver()
    try:
        hooks = hooks_of(tmp_path, ledger, patience=0.3)
        slow, quick = hook(receiver.url), hook(other.url, name="2")
        hooks.add(slow)
        hooks.add(quick)
        receiver.slow = True
        ledger.append([record(i) for i in range(5)], at=1)

        async def during() -> None:
            await until(lambda: len(other.taken) == 5)
            await until(lambda: hooks.sent(slow).last_error == "no answer within 0.3 s")
            receiver.slow = False
            await until(lambda: hooks.sent(slow).delivered == 5)

        delivering(hooks, during)
        # What it took too late came again: at least once, not exactly once.
        assert sorted(set(receiver.events)) == [0, 1, 2, 3, 4]
        assert other.events == [0, 1, 2, 3, 4]
    finally:
        other.stop()


def test_the_place_survives_the_service(
    tmp_path: Path, ledger: SqliteLedger, receiver: Receiver
) -> None:
    wanted = hook(receiver.url)
    hooks_of(tmp_path, ledger).add(wanted)
    for number in range(3):
        ledger.append([record(number)], at=number)
        hooks = hooks_of(tmp_path, ledger)

        async def during(hooks: Webhooks = hooks, number: int = number) -> None:
            await until(lambda: hooks.sent(wanted).delivered == number + 1)

        delivering(hooks, during)
    assert receiver.events == [0, 1, 2]


def test_of_two_processes_one_delivers(
    tmp_path: Path, ledger: SqliteLedger, receiver: Receiver
) -> None:
    wanted = hook(receiver.url)
    one, other = hooks_of(tmp_path, ledger), hooks_of(tmp_path, ledger)
    one.add(wanted)

    async def run() -> None:
        tasks = [asyncio.create_task(each.run()) for each in (one, other)]
        ledger.append([record(1)], at=1)
        await until(lambda: one.sent(wanted).delivered == 1)
        tasks[0].cancel()
        ledger.append([record(2)], at=2)
        await until(lambda: one.sent(wanted).delivered == 2)
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(run())
    assert receiver.events == [1, 2]


def test_it_gives_up_says_so_and_goes_on_when_told(
    tmp_path: Path, ledger: SqliteLedger, receiver: Receiver
) -> None:
    hooks, wanted = hooks_of(tmp_path, ledger, give_up=3), hook(receiver.url)
    hooks.add(wanted)
    receiver.status = 503
    ledger.append([record(1)], at=1)

    async def during() -> None:
        await until(lambda: hooks.disabled(wanted))
        assert receiver.asked == 3
        assert hooks.sent(wanted).last_error == "status 503"
        receiver.status = 200
        at = hooks.sent(wanted).disabled_at
        assert at is not None
        again = msgspec.structs.replace(wanted, enabled_at=at + 1)
        hooks.add(again)
        await until(lambda: hooks.sent(again).delivered == 1)
        assert not hooks.disabled(again)

    delivering(hooks, during)
    assert receiver.events == [1]


def test_a_removed_hook_is_left_alone(
    tmp_path: Path, ledger: SqliteLedger, receiver: Receiver
) -> None:
    hooks, wanted = hooks_of(tmp_path, ledger), hook(receiver.url)
    hooks.add(wanted)
    receiver.status = 500
    ledger.append([record(1)], at=1)

    async def during() -> None:
        await until(lambda: receiver.asked > 0)
        hooks.remove(wanted.id)
        other = hook(receiver.url, name="2")
        receiver.status = 200
        hooks.add(other)
        await until(lambda: hooks.sent(other).delivered == 1)

    delivering(hooks, during)
    assert hooks.listed()[0].id == "2" * 16
    assert [path.name for path in (tmp_path / "webhooks-sent").glob("1*")] == []


def test_hooks_begin_anew_with_an_empty_ledger(tmp_path: Path, ledger: SqliteLedger) -> None:
    hooks = hooks_of(tmp_path, ledger)
    hooks.add(Hook("1" * 16, "http://localhost/", SECRET, ("block",), "ann", 0, 77, 0))
    assert (tmp_path / "webhooks" / ("1" * 16 + ".json")).stat().st_mode & 0o777 == 0o600
    begin_anew(tmp_path)
    assert [hooks.sent(each).position for each in hooks.listed()] == [0]
    assert (tmp_path / "webhooks" / ("1" * 16 + ".json")).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "url",
    ["http://example.org/", "ftp://example.org", "https://", "https://user:word@example.org/",
     "example.org", "http://127.0.0.1.example.org/", "https://example.org:99999/", "//x",
     "https://[::1", "http://10.0.0.1/", "https://example.org/#x", "javascript:alert(1)"],
)  # fmt: skip
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        check_url(url)


@pytest.mark.parametrize(
    "url",
    ["https://example.org/x?y=1", "http://localhost:9/", "http://127.0.0.2/", "http://[::1]/"],
)
def test_addresses_that_are_taken(url: str) -> None:
    check_url(url)


def test_a_service_tells_its_alerts(
    server: Running, http: httpx.Client, receiver: Receiver
) -> None:
    blocked = {"kind": "deny", "field": "customer", "value": 6601, "reason": "stolen"}
    http.post("/v1/lists", json=blocked).raise_for_status()
    asked = {"url": receiver.url, "secret": SECRET}
    made = http.post("/v1/webhooks", json=asked).raise_for_status().json()
    assert (made["actions"], made["status"], made["by"]) == (["review", "block"], "active", "admin")
    try:
        told = http.post("/v1/decisions", json=new_event(customer=6601))
        deadline = time.monotonic() + DEADLINE
        while told.content not in [body for body, _ in receiver.taken]:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert SECRET not in http.get("/v1/webhooks").text
        again = http.post(f"/v1/webhooks/{made['id']}:enable").json()
        assert again["status"] == "active"
        with server.client(Scope.TRAIN) as other:
            assert other.get("/v1/webhooks").status_code == 403
            assert other.post("/v1/webhooks", json=asked).status_code == 403
    finally:
        removed = http.delete(f"/v1/webhooks/{made['id']}")
        http.delete("/v1/lists/deny/customer/6601").raise_for_status()
    assert removed.status_code == 200
    assert http.get(f"/v1/webhooks/{made['id']}").status_code == 404
    assert SECRET not in server.log.read_text()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "http://example.org/"}, "url"),
        ({"secret": "short"}, "secret"),
        ({"actions": []}, "actions"),
        ({"actions": ["allow"]}, "actions.0"),
    ],
)
def test_a_hook_that_cannot_be_says_why(
    http: httpx.Client, change: dict[str, Any], field: str
) -> None:
    given = {"url": "https://example.org/", "secret": SECRET, **change}
    found = http.post("/v1/webhooks", json=given)
    assert found.status_code == 422
    assert found.json()["errors"][0]["field"] == field
