"""Allow and deny lists: who is let through or refused whatever else is known, and until when."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from lagmark.errors import ConfigError
from lagmark.schema.decision import Reason
from lagmark.schema.fields import Field, Kind

__all__ = ["ListEntry", "Lists", "canonical_json"]

MOST = 10_000
"""Entries of both lists together: they stand in every record of the policy."""


class ListEntry(msgspec.Struct, frozen=True):
    """One value on a list.

    Parameters
    ----------
    kind
        ``deny`` or ``allow``.
    field
        Entity field of the domain.
    value
        Its canonical value.
    reason
        Why, in words.
    by
        Who put it there: the name of a key or user.
    added_at
        When, microseconds since 1970 UTC.
    expires_at
        From when on it no longer counts, ``None`` for never.
    """

    kind: Literal["deny", "allow"]
    field: str
    value: int | str
    reason: str
    by: str
    added_at: int
    expires_at: int | None = None

    @property
    def name(self) -> str:
        """Its name among the rules that fired: ``deny:card``."""
        return f"{self.kind}:{self.field}"

    @property
    def grounds(self) -> Reason:
        """The same as a reason."""
        text = f"{self.field} is on the {self.kind} list"
        return Reason(f"list:{self.name}", None, 0.0, f"{text}: {self.reason}")


class Lists:
    """Entries of both lists; a value that never changes, each change gives a new one.

    Whether an entry counts is a matter of the event's ingest time, never of the clock, so that a
    decision can be made again. One value has one entry on each list: a new one takes the place of
    the old.

    Parameters
    ----------
    entries
        In any order.

    Raises
    ------
    ConfigError
        If there are too many.

    Examples
    --------
    >>> stolen = ListEntry("deny", "card", 7, "reported stolen", "ann", 0, expires_at=100)
    >>> lists = Lists().add(stolen)
    >>> len(lists.hits({"card": 7}, at=99)), len(lists.hits({"card": 7}, at=100))
    (1, 0)
    """

    __slots__ = ("_fields", "_json", "digest", "entries")

    def __init__(self, entries: Iterable[ListEntry] = ()) -> None:
        index: dict[tuple[str, str], dict[int | str, ListEntry]] = {}
        for each in entries:
            index.setdefault((each.kind, each.field), {})[each.value] = each
        # Deny before allow: the first hit decides.
        self._fields = tuple(
            (field, index[kind, field]) for kind, field in sorted(index, key=_deny_first)
        )
        self.entries = tuple(each for _, known in self._fields for each in known.values())
        if len(self.entries) > MOST:
            raise ConfigError(
                f"{len(self.entries)} list entries",
                where="lists",
                hint=f"keep {MOST} or fewer: a pattern is better said by a rule",
            )
        ordered = sorted(self.entries, key=lambda e: (e.kind, e.field, str(e.value)))
        self._json = [msgspec.to_builtins(each) for each in ordered]
        self.digest = hashlib.sha256(canonical_json(self._json)).hexdigest()

    def __len__(self) -> int:
        return len(self.entries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Lists) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def hits(self, values: Mapping[str, Any], *, at: int) -> tuple[ListEntry, ...]:
        """Entries that count for an event, those of the deny list first.

        Parameters
        ----------
        values
            Canonical values by field.
        at
            Ingest time of the event, microseconds since 1970 UTC.
        """
        if not self._fields:
            return ()
        found = [known.get(values[field]) for field, known in self._fields if field in values]
        return tuple(
            each
            for each in found
            if each is not None and (each.expires_at is None or at < each.expires_at)
        )

    def add(self, *entries: ListEntry) -> Lists:
        """Lists with further entries."""
        return Lists((*self.entries, *entries))

    def remove(self, kind: str, field: str, value: int | str) -> Lists:
        """Lists without an entry; the same where it is on none."""
        gone = (kind, field, value)
        return Lists(each for each in self.entries if (each.kind, each.field, each.value) != gone)

    def expire(self, *, at: int) -> Lists:
        """Lists without the entries that no event from an instant on can meet."""
        return Lists(e for e in self.entries if e.expires_at is None or at < e.expires_at)

    def check(self, fields: Sequence[Field]) -> None:
        """Refuse entries of what is no entity field of a domain.

        Raises
        ------
        ConfigError
            With the first of them.
        """
        entities = {each.name: each for each in fields if each.kind is Kind.ENTITY}
        for each in self.entries:
            field = entities.get(each.field)
            if field is None:
                raise ConfigError(
                    f"{each.field!r} is no entity field",
                    where=f"{each.kind} list",
                    hint=f"choose one of {', '.join(entities)}",
                )
            if type(each.value) is not (int if field.integer else str):
                wanted = "a whole number" if field.integer else "text"
                raise ConfigError(
                    f"a value of {each.field!r} is not {wanted}",
                    where=f"{each.kind} list",
                    hint=f"give {wanted}",
                )

    def as_json(self) -> list[dict[str, Any]]:
        """Entries as JSON values; equal lists give equal ones."""
        return self._json

    @classmethod
    def from_json(cls, entries: Sequence[Mapping[str, Any]]) -> Lists:
        """Lists of :meth:`as_json`.

        Raises
        ------
        ConfigError
            If they are none.
        """
        try:
            return cls(msgspec.convert(entries, list[ListEntry]))
        except msgspec.ValidationError as problem:
            raise ConfigError(
                f"these are no list entries: {problem}",
                where="lists",
                hint="an entry has kind, field, value, reason, by, added_at, expires_at",
            ) from None


def canonical_json(value: Any) -> bytes:
    """JSON that is the same for equal values: names ascending, no blanks."""
    return json.dumps(
        value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    ).encode("utf-8", "surrogatepass")


def _deny_first(name: tuple[str, str]) -> tuple[bool, str]:
    return name[0] != "deny", name[1]
