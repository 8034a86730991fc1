"""Job: what a service's data directory holds, counted; and its end."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lagmark.ports.ledger import DecisionQuery
from lagmark.schema.time import DAY, from_micros

if TYPE_CHECKING:
    from lagmark.ports.ledger import Ledger

__all__ = ["DATA_FILES", "clear_data", "count_by_day", "count_data"]

DATA_FILES = ("state", "ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm")
"""What goes, in this order: the ledger after all that is made from it."""


def clear_data(data: Path) -> None:
    """Delete ledger and feature state of a directory that no service uses.

    Models, keys, policy and what was moved out of the ledger stay. A process that dies halfway
    leaves the ledger, or nothing of it.

    Raises
    ------
    OSError
        If something cannot be deleted.
    """
    for name in DATA_FILES:
        path = data / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def count_data(ledger: Ledger, *, as_of: int | None = None) -> dict[str, Any]:
    """Events, labels and frauds of a ledger as of an instant, and its last entry."""
    head = ledger.head()
    found = ledger.statistics(DecisionQuery(as_of=as_of))
    return {
        "entries": head.position,
        "digest": head.digest.hex(),
        "events": found.decisions,
        "labelled": found.labelled,
        "frauds": found.frauds,
        "amount": found.amount,
        "fraud_amount": found.fraud_amount,
        "by_action": dict(sorted(found.by_action.items())),
    }


def count_by_day(
    ledger: Ledger, *, as_of: int | None = None, until: int | None = None, days: int = 30
) -> list[dict[str, Any]]:
    """The same by day of the event, for some days that end with one.

    Parameters
    ----------
    ledger
        Where to look.
    as_of
        Microseconds UTC.
    until
        An instant of the last day; that of the event that came last when ``None``.
    days
        Days.
    """
    if until is None:
        last = ledger.query(DecisionQuery(as_of=as_of), limit=1).rows
        if not last:
            return []
        until = last[0].event_time
    end = (until // DAY + 1) * DAY
    listed = []
    for start in range(end - days * DAY, end, DAY):
        found = ledger.statistics(DecisionQuery(as_of=as_of, since=start, until=start + DAY))
        listed.append(
            {
                "day": from_micros(start).date().isoformat(),
                "events": found.decisions,
                "labelled": found.labelled,
                "frauds": found.frauds,
            }
        )
    return listed
