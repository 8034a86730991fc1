"""``lagmark keys``: the secret is printed once, and what is made can be listed and revoked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from lagmark.apps.api.keys import KeyFile, Scope
from lagmark.apps.cli import keys
from lagmark.errors import ConfigError

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    app = typer.Typer()
    keys.register(app)

    def command(*arguments: str) -> str:
        app(args=["keys", *arguments, "--data", str(tmp_path)], standalone_mode=False)
        return capsys.readouterr().out

    return command


def listed(run: Run) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("list", "--json"))["keys"]
    return found


def test_a_key_is_printed_alone_and_works(run: Run, tmp_path: Path) -> None:
    token = run("create", "--scope", "decide,read", "--name", "checkout").strip()
    key = KeyFile(tmp_path / "keys.json").find(token)
    assert key is not None
    assert (key.name, key.scopes) == ("checkout", {Scope.DECIDE, Scope.READ})
    secret = token.rpartition("_")[2]
    assert secret not in run("list")
    assert secret not in run("list", "--json")


def test_scopes_may_be_repeated_and_names_left_out(run: Run) -> None:
    made = json.loads(run("create", "--scope", "label", "--scope", "train", "--json"))
    assert made["scopes"] == ["label", "train"]
    assert made["name"] == f"key-{made['id']}"
    assert made["key"].startswith(f"lgm_{made['id']}_")


def test_a_key_may_expire_and_be_revoked(run: Run) -> None:
    made = json.loads(run("create", "--scope", "read", "--expires", "90d", "--json"))
    day = json.loads(run("create", "--scope", "read", "--expires", "2199-01-01", "--json"))
    assert made["expires_at"] > made["created_at"]
    assert day["expires_at"].startswith("2199-01-01")
    assert made["name"] in run("revoke", made["id"])
    assert [key["revoked_at"] is not None for key in listed(run)] == [True, False]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--scope", "everything"), "there is no scope 'everything'"),
        (("--scope", "read", "--expires", "soon"), "neither a duration nor an instant"),
        (("--scope", "read", "--expires", "2001-01-01"), "expired already"),
        (("--scope", "read", "--name", "a/b"), "cannot name a key"),
    ],
)
def test_wrong_usage_is_told(run: Run, arguments: tuple[str, ...], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        run("create", *arguments)
    assert listed(run) == []
