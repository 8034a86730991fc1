"""Decisions made over HTTP are listed, counted, explained and computed again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import new_event

if TYPE_CHECKING:
    import httpx

Post = Callable[..., dict[str, Any]]


@pytest.fixture
def decided(http: httpx.Client) -> Callable[..., dict[str, Any]]:
    def decide(**values: Any) -> dict[str, Any]:
        answer = http.post("/v1/decisions", json=new_event(**values))
        assert answer.status_code == 200, answer.text
        return answer.json()

    return decide


def test_an_event_is_decided_once(http: httpx.Client, event: dict[str, Any]) -> None:
    first, second = (http.post("/v1/decisions", json=event) for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    answer = first.json()
    assert answer["event_id"] == event["event_id"]
    assert 1 <= answer["score"] <= 99


def test_many_events_are_answered_in_their_order(http: httpx.Client) -> None:
    events = [new_event(), new_event(amount="much"), new_event()]
    answer = http.post("/v1/decisions:batch", json={"events": events}).json()
    first, second, third = answer["results"]
    assert (first["event_id"], third["event_id"]) == (events[0]["event_id"], events[2]["event_id"])
    assert second["error"]["status"] == 422
    assert [fault["field"] for fault in second["error"]["errors"]] == ["amount"]


def test_a_decision_is_found_with_everything(http: httpx.Client, decided: Post) -> None:
    made = decided(amount=99.99)
    found = http.get(f"/v1/decisions/{made['decision_id']}").json()
    assert {name: found[name] for name in ("event_id", "score", "action", "model_version")} == {
        name: made[name] for name in ("event_id", "score", "action", "model_version")
    }
    assert found["values"]["amount"] == 9999
    assert found["event_time"] == "2026-03-01T12:00:00Z"
    assert found["features"]["amount"] == 99.99
    assert found["labels"] == []


def test_a_decision_by_rules_is_explained_by_its_reasons(http: httpx.Client, decided: Post) -> None:
    made = decided()
    assert made["fallback"] == "no_model"
    explanation = http.get(f"/v1/decisions/{made['decision_id']}").json()["explanation"]
    assert (explanation["complete"], explanation["base"]) == (False, None)
    assert len(explanation["contributions"]) == len(made["reasons"])
    replayed = http.post(f"/v1/decisions/{made['decision_id']}:replay").json()
    assert (replayed["recomputed"], replayed["equal"]) == (False, None)


@pytest.mark.parametrize("suffix", ["", ":replay"])
def test_what_was_not_decided_is_not_found(http: httpx.Client, suffix: str) -> None:
    method = "POST" if suffix else "GET"
    assert http.request(method, f"/v1/decisions/{'0' * 32}{suffix}").status_code == 404
    assert http.request(method, f"/v1/decisions/nonsense{suffix}").status_code == 422


def test_pages_hold_every_decision_once(http: httpx.Client, decided: Post) -> None:
    made = [decided(customer=901)["event_id"] for _ in range(7)]
    query: dict[str, Any] = {"subject": 901, "limit": 3}
    found: list[int] = []
    sizes = []
    while True:
        page = http.get("/v1/decisions", params=query).json()
        sizes.append(len(page["decisions"]))
        found += [row["event_id"] for row in page["decisions"]]
        if page["cursor"] is None:
            break
        query["cursor"] = page["cursor"]
    assert found == made[::-1]
    assert sizes[:2] == [3, 3]


def test_a_cursor_belongs_to_its_query(http: httpx.Client, decided: Post) -> None:
    for _ in range(2):
        decided(customer=902)
    cursor = http.get("/v1/decisions", params={"subject": 902, "limit": 1}).json()["cursor"]
    for params in ({"subject": 903, "cursor": cursor}, {"subject": 902, "cursor": "A" * 16}):
        assert http.get("/v1/decisions", params=params).status_code == 404


def test_the_four_cases_are_told_apart_as_of_when_they_were_known(
    http: httpx.Client, decided: Post
) -> None:
    made = {case: decided(customer=904)["event_id"] for case in ("fraud", "honest", "unknown")}
    for case in ("fraud", "honest"):
        label = {"event_id": made[case], "fraud": case == "fraud", "source": "analyst"}
        assert http.post("/v1/labels", json=label).json()["appended"] == 1

    def ids(**query: Any) -> list[int]:
        rows = http.get("/v1/decisions", params={"subject": 904, **query}).json()["decisions"]
        return [row["event_id"] for row in rows]

    assert ids(fraud=True) == [made["fraud"]]
    assert ids(fraud=False, flagged=False) == [made["honest"]]
    assert ids(labelled=False) == [made["unknown"]]
    assert ids(fraud=True, as_of="2026-03-01T13:00:00Z") == []
    counts = http.get("/v1/decisions:statistics", params={"subject": 904}).json()
    assert (counts["decisions"], counts["labelled"], counts["frauds"]) == (3, 2, 1)
    assert counts["true_positives"] + counts["false_negatives"] == 1


def test_filters_leave_what_they_say(http: httpx.Client, decided: Post) -> None:
    early = decided(customer=905, event_time="2026-02-27T00:00:00Z")["event_id"]
    late = decided(customer=905, event_time="2026-02-28T00:00:00+01:00")["event_id"]

    def ids(**query: Any) -> list[int]:
        rows = http.get("/v1/decisions", params={"subject": 905, **query}).json()["decisions"]
        return sorted(row["event_id"] for row in rows)

    assert ids(since="2026-02-27T23:00:00Z") == [late]
    assert ids(until="2026-02-27T23:00:00Z") == [early]
    assert ids(action="allow,step_up,review,block") == [early, late]
    assert ids(minimum_score=99) == []
    assert ids(model_version="rules") == [early, late]
    assert ids(model_version="7") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"limit": "1e1"}, "limit"),
        ({"as_of": "yesterday"}, "as_of"),
        ({"as_of": "2026-03-01T12:00:00"}, "as_of"),
        ({"as_of": "2026-03-01T12:00:00+25:00"}, "as_of"),
        ({"as_of": "9999-12-31T23:59:59Z"}, "as_of"),
        ({"as_of": "0001-01-01T00:00:00+14:00"}, "as_of"),
        ({"action": "allow,explode"}, "action"),
        ({"flagged": "perhaps"}, "flagged"),
        ({"minimum_score": "9" * 5000}, "minimum_score"),
        ({"subject": "x"}, "subject"),
        ({"subject": "1' OR '1'='1"}, "subject"),
        ({"cursor": "../../etc"}, "cursor"),
        ({"nonsense": 1}, "nonsense"),
        ({"model_version": "a\x00b"}, "model_version"),
    ],
)
def test_a_query_that_cannot_be_used_says_why(
    http: httpx.Client, query: dict[str, Any], field: str
) -> None:
    answer = http.get("/v1/decisions", params=query)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [fault["field"] for fault in answer.json()["errors"]] == [field]


def test_the_head_of_the_ledger_moves_with_every_decision(
    http: httpx.Client, decided: Post
) -> None:
    before = http.get("/v1/ledger/head").json()
    decided()
    after = http.get("/v1/ledger/head").json()
    assert after["position"] == before["position"] + 1
    assert after["digest"] != before["digest"]
    assert len(bytes.fromhex(after["digest"])) == 32
