"""Models of a running service: trained from its ledger, promoted, rolled back, under load."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from lagmark.apps.api.keys import Scope
from lagmark.backends.ledger.sqlite import SqliteLedger
from lagmark.schema.records import HumanRecord

from .running import Running, running
from .waiting import job_of

if TYPE_CHECKING:
    import httpx

TRAINING = {"model": "xgboost", "params": {"n_estimators": 15, "max_depth": 3}}
_IDS = count(10**9)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service of its own, whose models change."""
    with running(tmp_path_factory.mktemp("models"), feature_set="published") as found:
        yield found


@pytest.fixture(scope="module")
def client(own: Running) -> Iterator[httpx.Client]:
    with own.client() as found:
        found.timeout = 60
        yield found


@pytest.fixture(scope="module")
def trained(client: httpx.Client) -> list[dict[str, Any]]:
    """Results of two trainings on the ledger, the second as of an earlier day."""
    assert client.get("/v1/models").json() == {"domain": "handbook", "models": []}
    assert client.post("/v1/models:rollback", json={"reason": "try"}).status_code == 409
    body = {"users": 80, "days": 40, "seed": 3}
    made = job_of(client, client.post("/v1/data:generate", json=body))
    assert made["state"] == "done", made
    found = []
    day = client.get("/v1/data", params={"days": 5}).json()["days"][0]["day"]
    for more in ({}, {"as_of": f"{day}T00:00:00Z", "seed": 7}):
        job = job_of(client, client.post("/v1/models:train", json={**TRAINING, **more}))
        assert job["state"] == "done", job
        found.append(job["result"])
    assert found[1]["as_of"][:10] == day
    assert found[1]["train_end"] < found[0]["train_end"]
    assert found[1]["train_events"] < found[0]["train_events"]
    return found


def decide(client: httpx.Client, **values: Any) -> dict[str, Any]:
    event = {
        "event_id": next(_IDS), "event_time": "2026-03-01T12:00:00Z", "customer": 5,
        "terminal": 9, "amount": 12.5, **values,
    }  # fmt: skip
    found: dict[str, Any] = client.post("/v1/decisions", json=event).raise_for_status().json()
    return found


@pytest.mark.slow
def test_models_are_listed_with_what_they_are(
    client: httpx.Client, trained: list[dict[str, Any]]
) -> None:
    found = {each["version"]: each for each in client.get("/v1/models").json()["models"]}
    assert sorted(found) == [each["version"] for each in trained] == [1, 2]
    for result in trained:
        listed = found[result["version"]]
        assert listed["run_id"] == result["run_id"]
        assert listed["contract"] == result["contract_hash"]
        assert (listed["kind"], listed["feature_set"]) == ("xgboost", "published")
        assert listed["as_of"] == result["as_of"]
    assert not any(each["aliases"] or each["loaded"] for each in found.values())


@pytest.mark.slow
def test_places_are_taken_and_left_without_a_failed_request(
    own: Running, client: httpx.Client, trained: list[dict[str, Any]]
) -> None:
    """Promote, challenge, shadow, promote another, roll back, reload: while events keep coming."""
    stop, versions, failed = threading.Event(), [], []

    def load() -> None:
        with own.client(Scope.DECIDE) as sender:
            # Not so often that it takes the time of what changes the models.
            while not stop.wait(0.01):
                event = {
                    "event_id": next(_IDS), "event_time": "2026-03-01T12:00:00Z",
                    "customer": 5, "terminal": 9, "amount": 12.5,
                }  # fmt: skip
                answer = sender.post("/v1/decisions", json=event)
                if answer.status_code == 200:
                    versions.append(answer.json()["model_version"])
                else:
                    failed.append(answer.text)

    def place(path: str, reason: str) -> dict[str, Any]:
        answer = client.post(path, json={"reason": reason})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    thread = threading.Thread(target=load)
    thread.start()
    try:
        assert place("/v1/models/1:promote", "the first")["champion"] == "1"
        # Known customers are decided on by the new one as soon as it is answered.
        assert decide(client)["model_version"] == "1"
        assert place("/v1/models/2:challenge", "to compare")["others"] == ["challenger 2"]
        standing = place(f"/v1/models/{trained[1]['run_id']}:shadow", "to watch")
        assert standing["others"] == ["challenger 2", "shadow 2"]
        assert place("/v1/models/2:promote", "better")["champion"] == "2"
        assert decide(client)["model_version"] == "2"
        assert place("/v1/models:rollback", "false alarms")["champion"] == "1"
        assert decide(client)["model_version"] == "1"
        assert client.post("/v1/models:reload").json()["champion"] == "1"
        assert client.post("/reload-model").json()["model_version"] == "1"
    finally:
        stop.set()
        thread.join()
    assert failed == []
    assert {"1", "2"} <= set(versions)
    found = {each["version"]: each for each in client.get("/v1/models").json()["models"]}
    assert (found[1]["aliases"], found[1]["loaded"]) == (["champion"], "champion")
    assert found[2]["aliases"] == ["challenger", "previous", "shadow"]
    ledger = SqliteLedger(
        own.data / "ledger.sqlite", subject="customer", amount="amount", read_only=True
    )
    notes = [r for e in ledger.entries() if isinstance(r := e.record, HumanRecord)]
    ledger.close()
    done = [(n.by, n.what, n.target, n.details["reason"]) for n in notes if "reason" in n.details]
    assert done == [
        ("admin", "promote", "model 1", "the first"),
        ("admin", "challenge", "model 2", "to compare"),
        ("admin", "shadow", "model 2", "to watch"),
        ("admin", "promote", "model 2", "better"),
        ("admin", "rollback", "model 1", "false alarms"),
    ]


@pytest.mark.slow
def test_what_cannot_stand_is_refused(client: httpx.Client, trained: list[dict[str, Any]]) -> None:
    assert client.post("/v1/models/99:promote", json={"reason": "x"}).status_code == 404
    assert client.post("/v1/models/x:promote", json={"reason": "x"}).status_code == 422
    assert client.post("/v1/models/1:promote", json={"reason": ""}).status_code == 422
    assert client.post("/v1/models/1:promote", json={}).status_code == 422
    other = {**TRAINING, "feature_set": "default"}
    job = job_of(client, client.post("/v1/models:train", json=other))
    version = job["result"]["version"]
    answer = client.post(f"/v1/models/{version}:promote", json={"reason": "x"})
    assert answer.status_code == 409
    assert "reads the feature set 'default'" in answer.json()["detail"]


def test_scopes(server: Running) -> None:
    with server.client(Scope.TRAIN) as trainer:
        assert trainer.post("/v1/models/1:promote", json={"reason": "x"}).status_code == 403
        assert trainer.post("/v1/models:reload").status_code == 403
    with server.client(Scope.READ) as reader:
        assert reader.post("/v1/models:train", json={}).status_code == 403


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"params": {"max_depth": 3}}, "params"),
        ({"events": "../elsewhere.parquet"}, "events"),
        ({"events": "keys.json/x"}, "events"),
        ({"delay": "soon"}, "delay"),
        ({"train_days": 0}, "train_days"),
    ],
)
def test_a_training_that_cannot_be_says_why(
    http: httpx.Client, body: dict[str, Any], field: str
) -> None:
    answer = http.post("/v1/models:train", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.slow
def test_a_training_that_fails_says_why(
    client: httpx.Client, trained: list[dict[str, Any]]
) -> None:
    job = job_of(client, client.post("/v1/models:train", json={"model": "no_such_kind"}))
    assert job["state"] == "failed"
    assert "no_such_kind" in job["error"]
    early = {**TRAINING, "as_of": "2001-01-01T00:00:00Z"}
    job = job_of(client, client.post("/v1/models:train", json=early))
    assert (job["state"], job["error"]) == (
        "failed", "no event had arrived by then; export as of a later instant"
    )  # fmt: skip


@pytest.mark.slow
def test_a_training_can_be_cancelled(client: httpx.Client, trained: list[dict[str, Any]]) -> None:
    answer = client.post("/train")
    assert answer.json()["status"] == "accepted"
    place = answer.headers["Location"]
    assert client.delete(place).status_code == 202
    assert job_of(client, answer)["state"] == "cancelled"
    assert client.delete(place).status_code == 409
