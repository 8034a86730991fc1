"""Lists change what is decided next, and rules show how often they fired."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .conftest import new_event

if TYPE_CHECKING:
    import httpx

    from .running import Running


def entry(customer: int, **parts: Any) -> dict[str, Any]:
    return {"kind": "deny", "field": "customer", "value": customer, "reason": "stolen", **parts}


def listed(answer: dict[str, Any], customer: int) -> list[dict[str, Any]]:
    return [each for each in answer["entries"] if each["value"] == customer]


def test_who_is_on_the_deny_list_is_blocked_until_taken_off(http: httpx.Client) -> None:
    def action() -> str:
        made: dict[str, Any] = http.post("/v1/decisions", json=new_event(customer=5501)).json()
        return str(made["action"])

    before = http.get("/v1/lists").json()["policy"]
    assert action() == "allow"
    put = http.post("/v1/lists", json=entry(5501)).json()
    assert put["policy"] != before
    assert [each["by"] for each in listed(put, 5501)] == ["admin"]
    hits = put["hits"]["deny:customer"]
    assert action() == "block"
    assert http.get("/v1/lists").json()["hits"]["deny:customer"] == hits + 1
    gone = http.delete("/v1/lists/deny/customer/5501").json()
    assert listed(gone, 5501) == []
    assert action() == "allow"
    assert http.delete("/v1/lists/deny/customer/5501").status_code == 404


def test_an_entry_that_has_expired_is_not_met(http: httpx.Client) -> None:
    until = "2199-01-01T00:00:00Z"
    put = http.post("/v1/lists", json=entry(5502, expires_at=until)).json()
    assert [each["expires_at"] for each in listed(put, 5502)] == [until]
    http.delete("/v1/lists/deny/customer/5502")
    past = http.post("/v1/lists", json=entry(5502, expires_at="2020-01-01T00:00:00Z"))
    assert [fault["field"] for fault in past.json()["errors"]] == ["expires_at"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "maybe"}, "kind"),
        ({"field": "amount"}, "field"),
        ({"value": "text"}, "value"),
        ({"value": None}, "value"),
        ({"reason": ""}, "reason"),
        ({"reason": "a\nb"}, "reason"),
        ({"surplus": 1}, "surplus"),
    ],
)
def test_an_entry_that_cannot_be_says_why(
    http: httpx.Client, change: dict[str, Any], field: str
) -> None:
    answer = http.post("/v1/lists", json=entry(5503, **change))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith(field)


def test_rules_show_their_hits(http: httpx.Client) -> None:
    found = http.get("/v1/rules").json()
    assert found["policy"] == http.get("/v1/lists").json()["policy"]
    for rule in found["rules"]:
        assert rule["hits"] >= 0
        assert rule["action"] in {"allow", "step_up", "review", "block"}


def test_changes_are_on_record(server: Running, http: httpx.Client) -> None:
    from lagmark.backends.ledger.sqlite import SqliteLedger
    from lagmark.schema.records import HumanRecord

    http.post("/v1/lists", json=entry(5504))
    http.delete("/v1/lists/deny/customer/5504")
    ledger = SqliteLedger(
        server.data / "ledger.sqlite", subject="customer", amount="amount", read_only=True
    )
    records = [each.record for each in ledger.entries()]
    ledger.close()
    done = [record for record in records if isinstance(record, HumanRecord)]
    assert [(each.by, each.what) for each in done][-2:] == [
        ("admin", "list.add deny:customer"),
        ("admin", "list.remove deny:customer"),
    ]
