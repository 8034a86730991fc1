"""Clients of other fraud systems get answers in their own form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .conftest import new_event

if TYPE_CHECKING:
    import httpx


def test_a_signal_has_a_score_a_level_and_factors(http: httpx.Client) -> None:
    body = {"user_id": 31, "amount": 250.0, "terminal": 4, "client_transaction_id": 810001}
    first, second = (http.post("/signal", json=body).json() for _ in range(2))
    assert first == second
    assert 1 <= first["risk_score"] <= 99
    assert first["risk_level"] in {"low", "medium", "high", "critical"}
    assert first["transaction_id"] == 810001
    kept = http.get("/v1/decisions", params={"subject": 31}).json()["decisions"]
    assert [row["amount"] for row in kept] == [25000]


def test_a_prediction_is_explained(http: httpx.Client) -> None:
    body = {
        "timestamp": "2025-10-27T10:00:00",
        "customer_id": 32,
        "merchant_id": 5,
        "amount": 5000.0,
    }
    made = http.post("/predict", json=body).json()
    assert set(made) == {"prediction", "probability", "explanation", "model_version"}
    assert made["prediction"] in {"FRAUD", "LEGIT"}
    (kept,) = http.get("/v1/decisions", params={"subject": 32}).json()["decisions"]
    assert kept["event_time"] == "2025-10-27T10:00:00Z"


def test_a_prediction_is_a_verdict(http: httpx.Client) -> None:
    body = {
        "customer_id": 33,
        "merchant_name": 5,
        "amount_usd": 100.5,
        "transaction_time": "2025-01-01 12:00:00",
    }
    made = http.post("/predict", json=body).json()
    assert set(made) == {"transaction_id", "is_fraud", "model_version", "timestamp"}
    assert made["is_fraud"] in {0, 1}


def test_many_predictions_come_in_order_or_not_at_all(http: httpx.Client) -> None:
    rows = [{"customer_id": 34, "merchant_id": n, "amount": 1.0 + n, "transaction_id": 820000 + n}
            for n in range(5)]  # fmt: skip
    made = http.post("/predict", json={"new_data": rows}).json()["predictions"]
    assert [each["transaction_id"] for each in made] == [row["transaction_id"] for row in rows]
    bad = [{**rows[0], "transaction_id": 820100}, {**rows[1], "amount": "much"}, 7]
    refused = http.post("/predict", json={"new_data": bad})
    assert [fault["field"] for fault in refused.json()["errors"]] == [
        "new_data.1.amount",
        "new_data.2",
    ]
    kept = http.get("/v1/decisions", params={"subject": 34}).json()["decisions"]
    assert len(kept) == 5


def test_fields_that_the_domain_lacks_are_named_with_those_it_takes(http: httpx.Client) -> None:
    body = {"customer_id": 35, "merchant_id": 5, "amount": 1.0, "lat": 50.0, "long": 50.0}
    refused = http.post("/predict", json=body)
    assert refused.status_code == 422
    document = refused.json()
    assert [fault["field"] for fault in document["errors"]] == ["lat", "long"]
    assert "customer_id, merchant_id, amount, transaction_id, timestamp" in document["detail"]


@pytest.mark.parametrize("wrong", ["C123", None, {"a": 1}, 1e300, True])
def test_a_value_that_cannot_be_is_named_as_it_was_sent(http: httpx.Client, wrong: Any) -> None:
    refused = http.post("/signal", json={"user_id": wrong, "amount": 1.0, "terminal": 4})
    assert refused.status_code == 422
    assert [fault["field"] for fault in refused.json()["errors"]] == ["user_id"]


def test_stored_predictions_and_their_truth(http: httpx.Client) -> None:
    event = new_event()
    http.post("/v1/decisions", json=event)

    def stored() -> dict[str, Any]:
        rows = http.get("/query/GET/predictions", params={"limit": 1}).json()["predictions"]
        found: dict[str, Any] = rows[0]
        return found

    assert (stored()["transaction_id"], stored()["actual_label"]) == (event["event_id"], None)
    waiting = http.post("/feedback/sample").json()["predictions"]
    assert waiting[0]["transaction_id"] == event["event_id"]
    truth = {"predictions": [{"transaction_id": event["event_id"], "actual_label": 1}]}
    assert http.put("/query/PUT/predictions", json=truth).json()["appended"] == 1
    assert stored()["actual_label"] == 1
    assert (
        http.post("/feedback", json={"transaction_id": event["event_id"], "label": 0}).json()[
            "appended"
        ]
        == 1
    )
    assert stored()["actual_label"] == 0
    waiting = http.post("/feedback/sample").json()["predictions"]
    assert event["event_id"] not in [row["transaction_id"] for row in waiting]


def test_frauds_and_the_rest_make_up_all(http: httpx.Client) -> None:
    http.post("/v1/decisions", json=new_event())
    stats = http.get("/query/GET/stats").json()
    assert stats["frauds"] + stats["non_frauds"] == stats["total"] > 0
    assert sum(stats["confusion_matrix"].values()) == stats["labelled"]
    rest = http.get("/query/GET/non_frauds", params={"limit": 1000}).json()["predictions"]
    frauds = http.get("/query/GET/frauds", params={"limit": 1000}).json()["predictions"]
    assert {row["prediction"] for row in rest} <= {0}
    assert {row["prediction"] for row in frauds} <= {1}
    assert (len(frauds), len(rest)) == (stats["frauds"], stats["non_frauds"])
