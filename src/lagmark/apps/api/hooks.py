"""What a webhook is: where decisions are wanted, how far it is, and how it is signed."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from contextlib import suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from lagmark.atomic import replacing
from lagmark.errors import ConfigError

__all__ = [
    "HOOKS",
    "PLACES",
    "Hook",
    "Sent",
    "begin_anew",
    "check_url",
    "load",
    "signature",
    "store",
]

HOOKS, PLACES = "webhooks", "webhooks-sent"
"""Folders of a data directory: the hooks, and how far each of them is."""

_Kind = TypeVar("_Kind")


class Hook(msgspec.Struct, frozen=True):
    """Where decisions are wanted.

    Parameters
    ----------
    id
        16 hexadecimal digits.
    url
        Where to post them.
    secret
        Key of the signature.
    actions
        Actions whose decisions are wanted.
    by
        Name of the key that asked for it.
    created_at
        Microseconds since 1970 UTC.
    after
        Position in the ledger after which it begins.
    enabled_at
        When it was last put in force, microseconds since 1970 UTC.
    """

    id: str
    url: str
    secret: str
    actions: tuple[str, ...]
    by: str
    created_at: int
    after: int
    enabled_at: int


class Sent(msgspec.Struct, frozen=True):
    """How far a hook is.

    Parameters
    ----------
    position
        Last entry of the ledger that is done with.
    delivered
        Decisions that were taken.
    failures
        Attempts that failed since the last one that did not.
    last_error
        Why the last of them failed.
    delivered_at
        Last time one was taken, microseconds since 1970 UTC.
    disabled_at
        When too many attempts had failed.
    """

    position: int
    delivered: int = 0
    failures: int = 0
    last_error: str = ""
    delivered_at: int | None = None
    disabled_at: int | None = None


def check_url(url: str) -> None:
    """Refuse an address that would carry decisions over a network in the clear.

    Raises
    ------
    ConfigError
        If it is neither https nor on this machine, or holds a password.

    Examples
    --------
    >>> check_url("https://example.org/alerts")
    >>> check_url("http://127.0.0.1:9000/")
    >>> check_url("http://example.org/")
    Traceback (most recent call last):
    lagmark.errors.ConfigError: url: neither https nor on this machine; ...
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ConfigError("no address", where="url", hint="write https://host/path") from None
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ConfigError(
            "a name, password or fragment in the address",
            where="url",
            hint="leave it out: requests are signed",
        )
    here = host == "localhost"
    with suppress(ValueError):
        here = ipaddress.ip_address(host).is_loopback
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and here)):
        raise ConfigError(
            "neither https nor on this machine", where="url", hint="write https://host/path"
        )


def signature(secret: str, body: bytes, at: int) -> str:
    """Value of the signature's header: HMAC-SHA256 over the time, a point and the body.

    Parameters
    ----------
    secret
        Key that sender and receiver share.
    body
        Body of the request.
    at
        When it is sent, seconds since 1970 UTC.

    Examples
    --------
    >>> signature("secret", b"{}", 1_700_000_000)[:26]
    't=1700000000,v1=b8569b7879'
    """
    mac = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


def begin_anew(folder: Path) -> None:
    """Have the hooks of a data directory begin with a ledger that is about to be empty."""
    for path in (folder / HOOKS).glob("*.json"):
        hook = load(path, Hook)
        if hook is not None:
            store(path, msgspec.structs.replace(hook, after=0))
    for path in (folder / PLACES).glob("*.json"):
        path.unlink(missing_ok=True)


def store(path: Path, hook: Hook) -> None:
    """Write a hook to a file that only its owner can read."""
    with replacing(path) as draft:
        draft.chmod(0o600)
        draft.write_bytes(msgspec.json.encode(hook))


def load(path: Path, kind: type[_Kind]) -> _Kind | None:
    """Hook or its place from a file; ``None`` if there is none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError):
        return None
