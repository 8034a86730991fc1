"""Keys are kept as hashes, found again, refused in time, and never lost."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lagmark.apps.api.keys import KeyFile, Scope
from lagmark.errors import ConfigError, StateError

READ = frozenset({Scope.READ})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "keys.json"


def test_a_key_is_found_by_its_whole_token_only(path: Path) -> None:
    keys = KeyFile(path)
    key, token = keys.create(READ, now=5, name="ann")
    assert keys.find(token) == key
    assert (key.name, key.scopes, key.created_at) == ("ann", READ, 5)
    other = token[:-1] + ("0" if token[-1] != "0" else "1")
    for wrong in (other, token[:-1], token + "0", token.upper(), "", "lgm_", f"{token}\n", key.id):
        assert keys.find(wrong) is None


def test_the_file_is_private_and_holds_no_secret(path: Path) -> None:
    _, token = KeyFile(path).create(READ, now=0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    secret = token.rpartition("_")[2]
    assert secret not in path.read_text()
    assert len(secret) == 64


def test_keys_of_another_process_are_seen_at_once(path: Path) -> None:
    reader, writer = KeyFile(path), KeyFile(path)
    key, token = writer.create(READ, now=0)
    assert reader.find(token) == key
    writer.revoke(key.id, now=9)
    assert [each.revoked_at for each in reader.list()] == [9]


def test_a_key_is_refused_from_its_end_on(path: Path) -> None:
    keys = KeyFile(path)
    key, _ = keys.create(READ, now=0, expires_at=100)
    assert (key.refusal(99), "expired" in key.refusal(100)) == ("", True)
    revoked = keys.revoke(key.id, now=50)
    assert (revoked.refusal(49), "revoked" in revoked.refusal(50)) == ("", True)
    assert keys.revoke(key.id, now=70).revoked_at == 50


def test_no_key_is_lost_when_many_are_made_at_once(path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: KeyFile(path).create(READ, now=0)[0].id, range(24)))
    assert {key.id for key in KeyFile(path).list()} == set(made)


@pytest.mark.parametrize("name", ["", " x", "a" * 65, "a\nb", "<b>"])
def test_a_name_must_be_plain(path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot name a key"):
        KeyFile(path).create(READ, now=0, name=name)


def test_two_valid_keys_have_two_names(path: Path) -> None:
    keys = KeyFile(path)
    first, _ = keys.create(READ, now=0, name="ann")
    with pytest.raises(ConfigError, match="there is a key named 'ann'"):
        keys.create(READ, now=0, name="ann")
    keys.revoke(first.id, now=1)
    assert keys.create(READ, now=2, name="ann")[0].id != first.id


def test_a_key_needs_a_scope_and_a_future(path: Path) -> None:
    keys = KeyFile(path)
    with pytest.raises(ConfigError, match="needs a scope"):
        keys.create(frozenset(), now=0)
    with pytest.raises(ConfigError, match="expired already"):
        keys.create(READ, now=5, expires_at=5)
    with pytest.raises(ConfigError, match="there is no key"):
        keys.revoke("0" * 12, now=0)


def test_a_broken_file_stops_the_start_and_keeps_who_was_let_in(path: Path) -> None:
    keys = KeyFile(path)
    key, token = keys.create(READ, now=0)
    path.write_text('{"keys": [')
    assert [each.id for each in keys.list()] == [key.id]
    assert keys.find(token) == key
    with pytest.raises(StateError, match="cannot be read"):
        KeyFile(path)


def test_the_file_is_readable_json(path: Path) -> None:
    key, _ = KeyFile(path).create(frozenset(Scope), now=0)
    (kept,) = json.loads(path.read_text())["keys"]
    assert (kept["id"], sorted(kept["scopes"])) == (key.id, sorted(Scope))
