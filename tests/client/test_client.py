"""The client against a running service, over connections that lose answers."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from lagmark.apps.api.keys import Scope
from lagmark.client import Answer, Client, Refused
from lagmark.errors import ConfigError, DataError, UnavailableError

from ..apps.api.running import Running, running  # noqa: TID252 -- test folders are no packages

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("client")) as found:
        yield found


@pytest.fixture(scope="session")
def client(server: Running) -> Iterator[Client]:
    with Client(server.url, key=server.tokens[Scope.ADMIN]) as found:
        yield found


class Losing(httpx.HTTPTransport):
    """A network that delivers requests and loses the first answers."""

    def __init__(self, answers: int) -> None:
        super().__init__()
        self.left = answers
        self.sent = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        self.sent += 1
        if self.left:
            self.left -= 1
            answer.read()
            raise httpx.ReadError("the line is down", request=request)
        return answer


def event(event_id: int, **values: Any) -> dict[str, Any]:
    return {"event_id": event_id, "event_time": NOON, "customer": 1, "terminal": 2, "amount": 9.5,
            **values}  # fmt: skip


def test_a_decision_is_typed(client: Client) -> None:
    answer = client.decide(event(1))
    assert isinstance(answer, Answer)
    assert (answer.event_id, answer.action, answer.model_version) == (1, "allow", "rules")
    assert answer.as_of.tzinfo is not None
    assert client.decide(event(1)) == answer
    found = client.decision(answer.decision_id)
    assert found["values"]["amount"] == 950


def test_an_answer_that_is_lost_is_asked_for_again(server: Running, client: Client) -> None:
    losing, pauses = Losing(2), list[float]()
    with Client(
        server.url, key=server.tokens[Scope.DECIDE], transport=losing, sleep=pauses.append
    ) as other:
        answer = other.decide(event(2, customer=222))
    assert (losing.sent, pauses) == (3, [0.2, 0.4])
    assert [each.event_id for each in client.decisions(subject=222)] == [2]
    assert client.decide(event(2, customer=222)) == answer


def test_a_label_whose_answer_is_lost_is_kept_once(server: Running, client: Client) -> None:
    client.decide(event(3, customer=333))
    losing = Losing(1)
    with Client(
        server.url, key=server.tokens[Scope.LABEL], transport=losing, sleep=lambda _: None
    ) as other:
        other.label(3, fraud=True, source="chargeback")
    assert losing.sent == 2
    (row,) = client.decisions(subject=333)
    assert (row.fraud, row.source) == (True, "chargeback")
    messages = client.decision(row.decision_id)["labels"]
    assert len(messages) == 1


def test_many_events_keep_their_places(client: Client) -> None:
    first, second, third = client.decide_many([event(4), event(5, amount="x"), event(6)])
    assert isinstance(first, Answer)
    assert isinstance(second, Refused)
    assert isinstance(third, Answer)
    assert (first.event_id, third.event_id) == (4, 6)
    assert [fault.field for fault in second.errors] == ["amount"]


def test_lists_are_paged_on_the_way(server: Running, client: Client) -> None:
    events = [event(1000 + n, customer=777) for n in range(1203)]
    assert len(client.decide_many(events)) == 1203
    found = [row.event_id for row in client.decisions(subject=777, until=datetime.now(UTC))]
    assert found == [each["event_id"] for each in reversed(events)]
    assert client.statistics(subject=777).decisions == 1203


def test_many_labels_are_counted(client: Client) -> None:
    client.decide(event(7, customer=778))
    label = {"event_id": 7, "fraud": False, "source": "analyst"}
    assert client.labels([label, {**label, "fraud": True, "source": "customer"}]).received == 2
    assert client.statistics(subject=778).labelled == 1


def test_refusals_are_errors_with_their_fields(client: Client) -> None:
    with pytest.raises(DataError, match="amount: not a number") as caught:
        client.decide(event(8, amount="x"))
    assert caught.value.where == "/v1/decisions"
    with pytest.raises(DataError, match="needs an event_id"):
        client.decide({"amount": 1})
    with pytest.raises(DataError, match="no such decision"):
        client.decision("0" * 32)
    with pytest.raises(DataError, match="nonsense"):
        list(client.decisions(nonsense=1))


def test_a_key_that_does_not_do_is_a_matter_of_configuration(server: Running) -> None:
    stranger = Client(server.url, key="lgm_wrong")
    reader = Client(server.url, key=server.tokens[Scope.READ])
    with stranger, pytest.raises(ConfigError, match="not known"):
        stranger.statistics()
    with reader, pytest.raises(ConfigError, match="no scope 'decide'"):
        reader.decide(event(9))


def test_a_service_that_is_not_there_is_unavailable() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        pauses: list[float] = []
        with Client(url, sleep=pauses.append) as client:
            assert not client.ready()
            with pytest.raises(UnavailableError, match="gave no answer"):
                client.statistics()
    assert pauses == [0.2, 0.4, 0.8]


def test_a_service_that_decides_is_ready(client: Client) -> None:
    assert client.ready()
