"""Labels come one by one, in lists and in files, and are kept once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lagmark.apps.api.keys import Scope

from .conftest import new_event

if TYPE_CHECKING:
    import httpx

    from .running import Running

CSV = {"Content-Type": "text/csv"}


def labels_of(http: httpx.Client, event_id: int, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = http.get(f"/v1/labels/{event_id}", params=query).json()["labels"]
    return found


def test_a_label_is_kept_with_who_sent_it(server: Running) -> None:
    label = {"event_id": 70001, "fraud": True, "source": "chargeback", "confidence": 0.5}
    with server.client(Scope.LABEL) as sender, server.client(Scope.READ) as reader:
        assert sender.post("/v1/labels", json=label).json() == {
            "received": 1,
            "appended": 1,
            "refused": 0,
            "refusals": [],
        }
        (kept,) = labels_of(reader, 70001)
    assert (kept["source"], kept["confidence"], kept["by"]) == ("chargeback", 0.5, "label")


def test_the_same_message_is_kept_once(http: httpx.Client) -> None:
    label = {
        "event_id": 70002,
        "fraud": True,
        "source": "chargeback",
        # Later than any event, so that it is kept as it stands.
        "known_at": http.get("/health").json()["timestamp"],
    }
    for _ in range(3):
        assert http.post("/v1/labels", json=label).status_code == 200
    assert len(labels_of(http, 70002)) == 1


def test_a_list_is_kept_whole_or_not_at_all(http: httpx.Client) -> None:
    good = {"event_id": 70003, "fraud": True, "source": "chargeback"}
    bad = {"event_id": 70004, "fraud": "perhaps", "source": "chargeback"}
    answer = http.post("/v1/labels:batch", json={"labels": [good, bad, {}]})
    assert answer.status_code == 422
    fields = [fault["field"] for fault in answer.json()["errors"]]
    assert fields[0] == "labels.1.fraud"
    assert "labels.2.event_id" in fields
    assert labels_of(http, 70003) == []
    done = http.post("/v1/labels:batch", json={"labels": [good, {**good, "event_id": 70004}]})
    assert done.json()["appended"] == 2
    assert len(labels_of(http, 70004)) == 1


def test_rows_of_a_file_are_kept_or_told(http: httpx.Client) -> None:
    rows = "event_id,known_at,fraud\n70005,2026-03-04T09:30:00Z,1\nx,2026-03-04,0\n70006,never,0\n"
    answer = http.post("/v1/labels:csv", content=rows, headers=CSV, params={"source": "bank"})
    told = answer.json()
    assert (told["received"], told["appended"], told["refused"]) == (3, 1, 2)
    assert [row["row"] for row in told["refusals"]] == [1, 2]
    assert [label["source"] for label in labels_of(http, 70005)] == ["bank"]


@pytest.mark.parametrize(
    "body", [b"", b"event_id,fraud\n1,1\n", b"\xff\xfe\x00", b'a,b\n"unfinished', b"a,a\n1,2\n"]
)
def test_a_file_that_cannot_be_read_is_refused(http: httpx.Client, body: bytes) -> None:
    answer = http.post("/v1/labels:csv", content=body, headers=CSV)
    assert answer.status_code == 422
    assert "/tmp" not in answer.text


def test_feedback_is_an_analysts_label(http: httpx.Client) -> None:
    event = new_event()
    http.post("/v1/decisions", json=event)
    assert (
        http.post("/v1/feedback", json={"event_id": event["event_id"], "fraud": False}).json()[
            "appended"
        ]
        == 1
    )
    (kept,) = labels_of(http, event["event_id"])
    assert (kept["source"], kept["fraud"]) == ("analyst", False)


def test_labels_are_read_as_of_an_instant(http: httpx.Client) -> None:
    http.post("/v1/labels", json={"event_id": 70010, "fraud": True, "source": "chargeback"})
    assert len(labels_of(http, 70010)) == 1
    assert labels_of(http, 70010, as_of="2026-01-01T00:00:00Z") == []


def test_a_name_that_no_event_can_have_is_refused(http: httpx.Client) -> None:
    assert http.get("/v1/labels/abc").status_code == 422
    assert http.get(f"/v1/labels/{2**63}").status_code == 422
    assert http.get("/v1/labels/a%2Fb").status_code == 422
