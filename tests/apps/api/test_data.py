"""Data of a service: counted, made up, trained on, and cleared only on purpose."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from lagmark.apps.api.keys import Scope
from lagmark.apps.cli.app import main
from lagmark.backends.ledger.sqlite import SqliteLedger
from lagmark.schema.records import HumanRecord

from .conftest import new_event
from .running import Running, running
from .waiting import job_of

if TYPE_CHECKING:
    import httpx

SMALL = {"users": 40, "days": 12, "seed": 3}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service whose data may go."""
    with running(tmp_path_factory.mktemp("data")) as found:
        yield found


@pytest.fixture(scope="module")
def client(own: Running) -> Iterator[httpx.Client]:
    with own.client() as found:
        yield found


@pytest.fixture(scope="module")
def generated(client: httpx.Client) -> dict[str, Any]:
    empty = client.get("/v1/data").json()
    assert (empty["events"], empty["days"]) == (0, [])
    return job_of(client, client.post("/v1/data:generate", json=SMALL))


def test_made_up_events_are_decided_on_like_others(
    client: httpx.Client, generated: dict[str, Any]
) -> None:
    assert generated["state"] == "done", generated
    result = generated["result"]
    found = client.get("/v1/data").json()
    assert found["events"] == result["events"] > 200
    assert found["labelled"] == result["labels"] > 0
    assert found["frauds"] == result["frauds"]
    assert sum(found["by_action"].values()) == found["events"]
    days = [day for day in found["days"] if day["events"]]
    assert (days[0]["day"], days[-1]["day"]) == (result["first_day"], result["last_day"])
    assert len(days) == SMALL["days"]
    assert sum(day["events"] for day in days) == found["events"]
    assert sum(day["labelled"] for day in days) == found["labelled"]
    listed = client.get("/v1/decisions", params={"limit": 1}).json()["decisions"]
    assert listed[0]["event_time"][:10] == result["last_day"]


def test_counts_are_as_of_an_instant(client: httpx.Client, generated: dict[str, Any]) -> None:
    found = client.get("/v1/data").json()
    days = [day for day in found["days"] if day["events"]]
    then = client.get("/v1/data", params={"as_of": f"{days[5]['day']}T00:00:00Z"}).json()
    assert then["events"] == sum(day["events"] for day in days[:5])
    assert then["labelled"] < found["labelled"]
    one = client.get("/v1/data", params={"until": days[3]["day"], "days": 1}).json()["days"]
    assert one == [days[3]]


def test_history_does_not_come_after_what_was_decided(
    client: httpx.Client, generated: dict[str, Any]
) -> None:
    again = client.post("/v1/data:generate", json=SMALL)
    assert again.status_code == 409
    assert "were decided already" in again.json()["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"days": 0}, "days"),
        ({"users": 1.5}, "users"),
        ({"scenario": "card_stable"}, "scenario"),
        ({"fraud_rate": 0.1}, "fraud_rate"),
        ({"start": "2199-01-01"}, "start"),
        ({"surplus": 1}, "surplus"),
    ],
)
def test_what_cannot_be_made_up_says_why(
    client: httpx.Client, body: dict[str, Any], field: str
) -> None:
    answer = client.post("/v1/data:generate", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


def test_scopes(own: Running) -> None:
    with own.client(Scope.READ) as reader, own.client(Scope.TRAIN) as trainer:
        assert reader.get("/v1/data").status_code == 200
        assert reader.post("/v1/data:generate", json=SMALL).status_code == 403
        assert trainer.delete("/v1/data").status_code == 403
        assert trainer.delete("/data/clear").status_code == 403


def test_command_line_counts_the_same(
    own: Running, client: httpx.Client, generated: dict[str, Any], capsys: Any
) -> None:
    assert main(["stats", "--data", str(own.data), "--json"]) == 0
    told, found = json.loads(capsys.readouterr().out), client.get("/v1/data").json()
    assert {name: told[name] for name in found} == found


def test_a_running_service_is_not_cleared_behind_its_back(own: Running, capsys: Any) -> None:
    assert main(["clear", "--data", str(own.data), "--yes"]) == 8
    assert "another process writes to it" in capsys.readouterr().err


@pytest.mark.slow
def test_clearing_needs_a_second_word_and_is_on_record(
    own: Running, client: httpx.Client, generated: dict[str, Any]
) -> None:
    first = client.delete("/v1/data").json()
    assert not first["cleared"]
    assert first["counts"]["events"] == generated["result"]["events"]
    assert client.delete("/v1/data", params={"confirm": "0" * 32}).status_code == 409
    # What came since the first answer is not cleared unseen.
    event = new_event(event_time="2026-03-01T12:00:00Z")
    before = client.post("/v1/decisions", json=event).json()
    assert client.delete("/v1/data", params={"confirm": first["confirm"]}).status_code == 409
    second = client.delete("/v1/data").json()
    done = client.delete("/v1/data", params={"confirm": second["confirm"]})
    assert done.json()["cleared"] is True, done.text
    found = client.get("/v1/data").json()
    assert (found["events"], found["labelled"], found["days"]) == (0, 0, [])
    again = client.post("/v1/decisions", json=event).json()
    assert again["decision_id"] == before["decision_id"]
    assert again["fallback"] == "no_model"
    ledger = SqliteLedger(
        own.data / "ledger.sqlite", subject="customer", amount="amount", read_only=True
    )
    notes = [r for e in ledger.entries() if isinstance(r := e.record, HumanRecord)]
    ledger.close()
    cleared = [each for each in notes if each.what == "clear"]
    assert [(each.by, each.target) for each in cleared] == [("admin", "data")]
    assert cleared[0].details["digest"] == second["counts"]["digest"]
    with own.client(Scope.READ) as reader:
        assert reader.get("/health/ready").status_code == 200
    told = subprocess.run(
        [sys.executable, "-m", "lagmark.apps.cli", "verify", "--data", str(own.data), "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.slow
def test_other_names_for_the_same(client: httpx.Client) -> None:
    made = client.delete("/v1/data").json()
    client.delete("/v1/data", params={"confirm": made["confirm"]}).raise_for_status()
    answer = client.post("/data/generate", json={"users": 20, "days": 4})
    assert answer.json()["status"] == "accepted"
    assert job_of(client, answer)["state"] == "done"
    first = client.delete("/data/clear").json()
    assert first["status"] == "confirm"
    word = first["message"].partition("confirm=")[2].split()[0]
    assert client.delete("/data/clear", params={"confirm": word}).json()["status"] == "cleared"
    assert client.get("/v1/data").json()["events"] == 0
