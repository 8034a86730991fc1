"""Who calls, and whether they may: keys, scopes and how often."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lagmark.apps.api.keys import KeyFile, Scope
from lagmark.apps.api.problems import Problem
from lagmark.clock import stopwatch
from lagmark.schema.time import to_micros

if TYPE_CHECKING:
    from lagmark.clock import Clock

__all__ = ["Caller", "Guard", "Headers"]

Headers = Iterable[tuple[bytes, bytes]]
"""Raw headers of a request, names in lower case."""

_REALM = 'Bearer realm="lagmark"'
_BASIC_REALM = 'Basic realm="lagmark", charset="UTF-8"'


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request.

    Parameters
    ----------
    name
        Name of the key; stands in the audit.
    key
        Its id, empty where none is asked for.
    scopes
        What it may do.
    """

    name: str
    key: str
    scopes: frozenset[Scope]

    def require(self, scope: Scope) -> None:
        """Refuse unless the caller may do this.

        Raises
        ------
        Problem
            403 that names the scope.
        """
        if scope not in self.scopes and Scope.ADMIN not in self.scopes:
            realm = f'{_REALM}, error="insufficient_scope", scope="{scope.value}"'
            what = f"this key has no scope {scope.value!r}"
            raise Problem(403, what, headers={"WWW-Authenticate": realm})


_ANYONE = Caller("anonymous", "", frozenset({Scope.ADMIN}))


class Guard:
    """Lets requests in by their key, each key so many a second.

    Parameters
    ----------
    keys
        The keys; ``None`` lets in whoever calls this machine by its local name, for a
        demonstration on one machine.
    clock
        Answers the present instant, for expiry.
    rate
        Requests per second of a key in the long run.
    burst
        Requests that a key may send at once.
    watch
        Seconds that do not go back, for the rate.
    """

    def __init__(
        self,
        keys: KeyFile | None,
        *,
        clock: Clock,
        rate: float = 20_000.0,
        burst: float = 40_000.0,
        watch: Callable[[], float] = stopwatch,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._rate = rate
        self._burst = burst
        self._watch = watch
        self._buckets: dict[str, tuple[float, float]] = {}

    def admit(self, headers: Headers, *, basic: bool = False) -> Caller:
        """Who sent a request.

        Parameters
        ----------
        headers
            Its headers.
        basic
            Whether the key may also come as the password of HTTP Basic, as browsers send it.

        Raises
        ------
        Problem
            401 without a valid key, 429 with ``Retry-After`` if it called too often, 403 where
            no key is asked for and the request comes under a foreign name.
        """
        if self._keys is None:
            _local(headers)
            return _ANYONE
        given = [value for name, value in headers if name == b"authorization"]
        token = _token(given[0], basic=basic) if len(given) == 1 else None
        if token is None:
            what = "send one key: Authorization: Bearer lgm_..."
            raise _unauthorised(what, basic=basic)
        key = self._keys.find(token)
        if key is None:
            raise _unauthorised("this key is not known", basic=basic, error=True)
        refusal = key.refusal(to_micros(self._clock()))
        if refusal:
            raise _unauthorised(refusal, basic=basic, error=True)
        self._spend(key.id)
        return Caller(key.name, key.id, key.scopes)

    def _spend(self, identifier: str) -> None:
        now = self._watch()
        left, then = self._buckets.get(identifier, (self._burst, now))
        left = min(self._burst, left + (now - then) * self._rate)
        if left < 1:
            self._buckets[identifier] = (left, now)
            wait = int((1 - left) / self._rate) + 1
            raise Problem(
                429,
                f"this key may send {self._rate:g} requests a second",
                headers={"Retry-After": str(wait)},
            )
        self._buckets[identifier] = (left - 1, now)


def _token(value: bytes, *, basic: bool) -> str | None:
    scheme, _, rest = value.decode("latin-1").partition(" ")
    rest = rest.strip()
    if scheme.lower() == "bearer":
        return rest
    if basic and scheme.lower() == "basic":
        try:
            decoded = base64.b64decode(rest, validate=True).decode()
        except (binascii.Error, ValueError):
            return None
        return decoded.partition(":")[2]
    return None


def _unauthorised(what: str, *, basic: bool, error: bool = False) -> Problem:
    realm = f'{_REALM}, error="invalid_token"' if error else _REALM
    if basic:
        realm = f"{_BASIC_REALM}, {realm}"
    return Problem(401, what, headers={"WWW-Authenticate": realm})


def _local(headers: Headers) -> None:
    """Refuse what a page of another site makes a browser on this machine send."""
    for name, value in headers:
        if name == b"host" and _host(value.decode("latin-1")) not in {
            "localhost",
            "127.0.0.1",
            "::1",
        }:
            raise Problem(403, "without keys only local names are answered")
        if name == b"sec-fetch-site" and value not in {b"same-origin", b"none"}:
            raise Problem(403, "without keys no other site may call")


def _host(value: str) -> str:
    if value.startswith("["):
        return value[1:].partition("]")[0]
    return value.rpartition(":")[0] if ":" in value else value
