"""The chain that makes a changed entry show: each digest covers the one before it."""

from __future__ import annotations

from hashlib import sha256
from struct import Struct
from typing import TYPE_CHECKING

from lagmark.ports.ledger import Head

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lagmark.schema.records import Entry

__all__ = ["GENESIS", "check_chain", "link"]

GENESIS = Head(0, bytes(32))
"""Head of an empty ledger."""

_PREFIX = Struct(">32sqq").pack


def link(previous: bytes, position: int, at: int, body: bytes) -> bytes:
    """Digest of an entry, see :class:`~lagmark.schema.records.Entry`.

    Parameters
    ----------
    previous
        Digest of the entry before, 32 bytes.
    position, at, body
        Of the entry.

    Examples
    --------
    >>> link(bytes(32), 1, 0, b"")[:4].hex()
    'e8d9d279'
    """
    return sha256(_PREFIX(previous, position, at) + body).digest()


def check_chain(entries: Iterable[Entry], start: Head = GENESIS) -> int | None:
    """Position of the first bad entry, ``None`` where all are good.

    An entry is bad if its position does not follow, its instant lies before the last one's, or
    its digest is not that of its content.

    Parameters
    ----------
    entries
        In ascending order.
    start
        The entry before the first.

    Examples
    --------
    >>> from lagmark.schema.records import Entry
    >>> good = Entry(1, 0, b"", link(bytes(32), 1, 0, b""))
    >>> check_chain([good]), check_chain([Entry(1, 5, b"", good.digest)])
    (None, 1)
    """
    position, digest = start.position, start.digest
    latest = None
    for entry in entries:
        position += 1
        if entry.position != position or (latest is not None and entry.at < latest):
            return position
        digest = link(digest, position, entry.at, entry.body)
        if digest != entry.digest:
            return position
        latest = entry.at
    return None
