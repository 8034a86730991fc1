"""Who is let in, what for, and how often."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lagmark.apps.api.keys import KeyFile, Scope
from lagmark.apps.api.problems import Problem
from lagmark.apps.api.security import Guard, Headers

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Watch:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def keys(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "keys.json")


def bearer(token: str) -> Headers:
    return [(b"authorization", f"Bearer {token}".encode())]


def basic(token: str) -> Headers:
    return [(b"authorization", b"Basic " + base64.b64encode(f"any:{token}".encode()))]


def refused(guard: Guard, headers: Headers, *, browsed: bool = False) -> Problem:
    with pytest.raises(Problem) as caught:
        guard.admit(headers, basic=browsed)
    return caught.value


def test_a_key_names_its_caller(keys: KeyFile) -> None:
    key, token = keys.create(frozenset({Scope.READ}), now=0, name="ann")
    caller = Guard(keys, clock=lambda: NOW).admit(bearer(token))
    assert (caller.name, caller.key) == ("ann", key.id)
    caller.require(Scope.READ)
    with pytest.raises(Problem, match="no scope 'label'") as caught:
        caller.require(Scope.LABEL)
    assert caught.value.status == 403
    assert 'scope="label"' in caught.value.headers["WWW-Authenticate"]


def test_admin_may_do_everything(keys: KeyFile) -> None:
    _, token = keys.create(frozenset({Scope.ADMIN}), now=0)
    caller = Guard(keys, clock=lambda: NOW).admit(bearer(token))
    for scope in Scope:
        caller.require(scope)


def test_what_is_no_key_is_refused(keys: KeyFile) -> None:
    _, token = keys.create(frozenset({Scope.READ}), now=0)
    guard = Guard(keys, clock=lambda: NOW)
    twice = [*bearer(token), *bearer(token)]
    for headers in (
        [],
        twice,
        bearer("x"),
        bearer("\xff"),
        basic(token),
        [(b"authorization", b"")],
    ):
        problem = refused(guard, headers)
        assert problem.status == 401
        assert problem.headers["WWW-Authenticate"].startswith("Bearer")
        assert token not in problem.detail


def test_browsers_send_the_key_as_a_password_where_they_may(keys: KeyFile) -> None:
    _, token = keys.create(frozenset({Scope.READ}), now=0, name="ann")
    guard = Guard(keys, clock=lambda: NOW)
    assert guard.admit(basic(token), basic=True).name == "ann"
    for value in (b"Basic !", b"Basic /w==", b"Basic " + base64.b64encode(b"no colon")):
        problem = refused(guard, [(b"authorization", value)], browsed=True)
        assert problem.headers["WWW-Authenticate"].startswith("Basic")


def test_an_expired_and_a_revoked_key_say_so(keys: KeyFile) -> None:
    _, old = keys.create(frozenset({Scope.READ}), now=0, expires_at=1)
    key, gone = keys.create(frozenset({Scope.READ}), now=0)
    keys.revoke(key.id, now=2)
    guard = Guard(keys, clock=lambda: NOW)
    assert "expired at 1970" in refused(guard, bearer(old)).detail
    assert "was revoked" in refused(guard, bearer(gone)).detail


def test_each_key_has_its_own_rate(keys: KeyFile) -> None:
    watch = Watch()
    _, one = keys.create(frozenset({Scope.READ}), now=0)
    _, other = keys.create(frozenset({Scope.READ}), now=0)
    guard = Guard(keys, clock=lambda: NOW, rate=2.0, burst=3.0, watch=watch)
    for _ in range(3):
        guard.admit(bearer(one))
    problem = refused(guard, bearer(one))
    assert (problem.status, problem.headers["Retry-After"]) == (429, "1")
    guard.admit(bearer(other))
    watch.now += 0.5
    guard.admit(bearer(one))
    assert refused(guard, bearer(one)).status == 429


def test_without_keys_only_this_machine_is_answered() -> None:
    guard = Guard(None, clock=lambda: NOW)
    for host in (b"localhost:8000", b"127.0.0.1", b"[::1]:8000"):
        guard.admit([(b"host", host)]).require(Scope.ADMIN)
    assert refused(guard, [(b"host", b"evil.example:8000")]).status == 403
    crossing = [(b"host", b"localhost"), (b"sec-fetch-site", b"cross-site")]
    assert refused(guard, crossing).status == 403
