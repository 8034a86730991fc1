"""API keys: made, kept as hashes in one file, and found again when a request names one."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import msgspec

from lagmark.atomic import replacing
from lagmark.clock import stopwatch
from lagmark.errors import ConfigError, StateError
from lagmark.locks import exclusive
from lagmark.schema.time import from_micros

__all__ = ["Key", "KeyFile", "Scope"]

_TOKEN = re.compile(r"lgm_([0-9a-f]{12})_([0-9a-f]{64})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@-]{0,63}")
_LOOK_AGAIN = 1.0
"""Seconds after which the file is looked at again."""


class Scope(StrEnum):
    """What a key may do."""

    DECIDE = "decide"
    """Send events."""
    READ = "read"
    """Ask for decisions, labels, rules, lists, metrics and the documentation."""
    LABEL = "label"
    """Send labels."""
    TRAIN = "train"
    """Generate data, train models."""
    ADMIN = "admin"
    """Everything: promote, roll back, change lists, clear data."""


class Key(msgspec.Struct, frozen=True):
    """A key without its secret.

    Parameters
    ----------
    id
        12 hexadecimal digits, the public part.
    name
        Who holds it; stands in the audit.
    sha256
        Hexadecimal digest of the whole key.
    scopes
        What it may do.
    created_at
        Microseconds since 1970 UTC.
    expires_at, revoked_at
        From when on it is refused, ``None`` if it never is.
    """

    id: str
    name: str
    sha256: str
    scopes: frozenset[Scope]
    created_at: int
    expires_at: int | None = None
    revoked_at: int | None = None

    def refusal(self, now: int) -> str:
        """Why it is refused at an instant; empty if it is not."""
        if self.revoked_at is not None and self.revoked_at <= now:
            return "this key was revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return f"this key expired at {from_micros(self.expires_at).isoformat()}"
        return ""


class _Content(msgspec.Struct):
    keys: tuple[Key, ...] = ()


class KeyFile:
    """The keys of one data directory, in a file that only its owner may read.

    Keys are never taken out of it, so that the audit can say who held which. A change to the
    file is seen within a second; a key that is not known makes it be looked at at once. A file
    that cannot be read any more leaves the keys as they were.

    Parameters
    ----------
    path
        The file; it need not exist.

    Raises
    ------
    StateError
        If it is there and holds no keys.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark: tuple[int, int, int] | None = None
        self._looked = stopwatch()
        self._keys: dict[str, Key] = {}
        self._load()

    def list(self) -> tuple[Key, ...]:
        """All keys, oldest first."""
        self._look()
        return tuple(self._keys.values())

    def find(self, token: str) -> Key | None:
        """Key of a token, or ``None``; takes as long for a wrong secret as for the right one."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            return None
        if stopwatch() - self._looked > _LOOK_AGAIN:
            self._look()
        key = self._keys.get(match[1])
        if key is None:
            self._look()
            key = self._keys.get(match[1])
        known = key.sha256 if key else "0" * 64
        same = hmac.compare_digest(_digest(token), known)
        return key if same else None

    def create(
        self,
        scopes: frozenset[Scope],
        *,
        now: int,
        name: str | None = None,
        expires_at: int | None = None,
    ) -> tuple[Key, str]:
        """New key and its token, which is told this once and kept nowhere.

        Parameters
        ----------
        scopes
            What it may do.
        now
            The present instant.
        name
            Who holds it; made from its id when ``None``.
        expires_at
            From when on it is refused.

        Raises
        ------
        ConfigError
            If the name is unusable or taken, no scope is given, or it would have expired already.
        """
        identifier = secrets.token_hex(6)
        name = f"key-{identifier}" if name is None else name
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"{name!r} cannot name a key",
                where="name",
                hint="use up to 64 letters, digits, spaces and . _ @ -",
            )
        if not scopes:
            raise ConfigError("a key needs a scope", hint=f"choose of {', '.join(Scope)}")
        if expires_at is not None and expires_at <= now:
            raise ConfigError("the key would have expired already", where="expires")
        token = f"lgm_{identifier}_{secrets.token_hex(32)}"
        key = Key(identifier, name, _digest(token), scopes, now, expires_at)

        def add(keys: dict[str, Key]) -> None:
            if any(each.name == name and not each.refusal(now) for each in keys.values()):
                raise ConfigError(
                    f"there is a key named {name!r}", hint="choose another name, or revoke it"
                )
            keys[key.id] = key

        self._change(add)
        return key, token

    def revoke(self, identifier: str, *, now: int) -> Key:
        """Refuse a key from now on; one that was revoked stays so.

        Parameters
        ----------
        identifier
            Its id.
        now
            The present instant.

        Raises
        ------
        ConfigError
            If there is none.
        """

        def take(keys: dict[str, Key]) -> None:
            key = keys.get(identifier)
            if key is None:
                raise ConfigError(
                    f"there is no key {identifier!r}", hint="`lagmark keys list` shows them"
                )
            if key.revoked_at is None:
                keys[identifier] = msgspec.structs.replace(key, revoked_at=now)

        self._change(take)
        return self._keys[identifier]

    def _change(self, change: Callable[[dict[str, Key]], None]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(self._path.with_name(f".{self._path.name}.lock")):
            self._load()
            keys = dict(self._keys)
            change(keys)
            with replacing(self._path) as draft:
                draft.chmod(0o600)
                draft.write_bytes(
                    msgspec.json.format(msgspec.json.encode(_Content(tuple(keys.values()))))
                )
            self._load()

    def _look(self) -> None:
        self._looked = stopwatch()
        if self._seen() != self._mark:
            try:
                self._load()
            except StateError:
                # Half-edited by hand: who was let in stays in, and nobody new comes in.
                self._mark = self._seen()

    def _load(self) -> None:
        mark = self._seen()
        if mark is None:
            self._mark, self._keys = None, {}
            return
        try:
            content = msgspec.json.decode(self._path.read_bytes(), type=_Content)
        except (OSError, msgspec.MsgspecError) as problem:
            raise StateError(
                f"the keys cannot be read: {problem}",
                where=str(self._path),
                hint="restore the file, or remove it and make new keys",
            ) from None
        self._mark, self._keys = mark, {key.id: key for key in content.keys}

    def _seen(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
