"""No route but health answers without a key, and each key does what its scope says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lagmark.apps.api.keys import Scope

if TYPE_CHECKING:
    import httpx

    from .running import Running

OPEN = {"/health", "/health/live", "/health/ready", "/health/dependencies"}


def filled(template: str) -> str:
    return (
        template.replace("{decision_id}", "0" * 32)
        .replace("{event_id}", "1")
        .replace("{kind}/{field}/{value}", "deny/customer/1")
    )


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, operation)
        for path, found in document["paths"].items()
        for method, operation in found.items()
    ]


def test_only_health_answers_without_a_key(server: Running, document: dict[str, Any]) -> None:
    checked = 0
    with server.client(None) as anyone:
        for method, path, _ in operations(document):
            answer = anyone.request(method, filled(path))
            if path in OPEN:
                assert answer.status_code == 200
                continue
            checked += 1
            assert answer.status_code == 401, (method, path)
            assert "Bearer" in answer.headers["www-authenticate"]
            assert answer.headers["content-type"] == "application/problem+json"
        assert anyone.get("/no/such/path").status_code == 401
    assert checked > 20


def test_every_route_asks_for_the_scope_it_documents(
    server: Running, document: dict[str, Any]
) -> None:
    refused = 0
    for scope in Scope:
        with server.client(scope) as client:
            for method, path, operation in operations(document):
                if path in OPEN:
                    continue
                (wanted,) = operation["security"][0]["key"]
                status = client.request(method, filled(path)).status_code
                if scope in (Scope.ADMIN, Scope(wanted)):
                    assert status != 403, (scope, method, path)
                else:
                    refused += 1
                    assert status == 403, (scope, method, path)
    assert refused > 50


def test_a_missing_scope_is_named(server: Running) -> None:
    with server.client(Scope.READ) as reader:
        answer = reader.post("/v1/labels", content=b"not even JSON")
    assert answer.status_code == 403
    assert "'label'" in answer.json()["detail"]


def test_a_browser_sends_its_key_as_a_password(server: Running) -> None:
    token = server.tokens[Scope.READ]
    with server.client(None) as browser:
        for path in ("/docs", "/openapi.json", "/metrics"):
            asked = browser.get(path)
            assert asked.headers["www-authenticate"].startswith("Basic")
            assert browser.get(path, auth=("me", token)).status_code == 200
        assert browser.get("/v1/rules", auth=("me", token)).status_code == 401


def test_every_answer_has_the_standing_headers(http: httpx.Client) -> None:
    for path in ("/health/live", "/docs", "/no/such/path", "/v1/rules", "/v1/decisions?limit=x"):
        headers = http.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert "server" not in headers


def test_a_request_id_comes_back_or_is_made(http: httpx.Client) -> None:
    assert (
        http.get("/health/live", headers={"X-Request-Id": "a-1"}).headers["x-request-id"] == "a-1"
    )
    odd = http.get("/nothing", headers={"X-Request-Id": "<script>"})
    assert len(odd.headers["x-request-id"]) == 32
    assert odd.json()["request_id"] == odd.headers["x-request-id"]


def test_a_method_that_is_not_there_says_which_are(http: httpx.Client) -> None:
    for path, allowed in (
        ("/v1/lists", "GET, POST"),
        ("/v1/decisions", "GET, POST"),
        (f"/v1/decisions/{'0' * 32}", "GET"),
        (f"/v1/decisions/{'0' * 32}:replay", "POST"),
    ):
        answer = http.patch(path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


def test_bodies_that_are_too_long_are_refused(http: httpx.Client) -> None:
    json = {"Content-Type": "application/json"}
    for path, size in (("/v1/decisions", 1_000_001), ("/v1/labels", 1_000_001),
                       ("/v1/labels:batch", 10_000_001)):  # fmt: skip
        assert http.post(path, content=b" " * size, headers=json).status_code == 413
    assert http.post("/v1/labels:batch", content=b" " * 2_000_000, headers=json).status_code == 422


def test_a_body_must_say_what_it_is(http: httpx.Client) -> None:
    for path in ("/v1/decisions", "/v1/labels", "/v1/lists", "/predict", "/v1/labels:csv"):
        assert http.post(path, content=b"{}", headers={"Content-Type": "text/x"}).status_code == 415


def test_what_is_logged_names_nobody(server: Running) -> None:
    token = server.tokens[Scope.ADMIN]
    secret = "4242424299"
    with server.client() as client:
        client.get(f"/v1/labels/{secret}", headers={"X-Request-Id": "log-1"})
        client.post("/v1/decisions", json={"event_id": 1, "customer": secret, secret: 1})
        client.post("/v1/labels", json={"event_id": secret, "fraud": secret})
        client.get("/v1/decisions", params={"subject": secret, "as_of": secret})
    text = server.log.read_text()
    assert token not in text
    assert token.rpartition("_")[2] not in text
    assert secret not in text
    (line,) = [each for each in server.logged() if each.get("request_id") == "log-1"]
    assert (line["route"], line["status"], line["method"]) == (
        "/v1/labels/{event_id:path}",
        200,
        "GET",
    )
    assert line["key"] == token.split("_")[1]
