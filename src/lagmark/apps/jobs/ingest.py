"""Job: raw rows to validated events."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lagmark.sources.events import read_events

if TYPE_CHECKING:
    from lagmark.apps.jobs.reporter import Reporter
    from lagmark.domains.domain import Domain
    from lagmark.sources.events import ReadResult

__all__ = ["ingest"]

_STEPS = 4
"""Steps that a reading reports."""


def ingest(
    events: Path,
    domain: Domain,
    *,
    dead_letters: Path,
    reporter: Reporter,
    as_of: int | None = None,
) -> ReadResult:
    """Events of a file or folder; rows that cannot be one go to the dead letters.

    The file of dead letters is there afterwards only if there are any.

    Raises
    ------
    DataError
        If the source cannot be read or holds no usable row.
    """
    done = 0
    with reporter.progress("Read and validate", "rows") as advance:

        def tell(_step: str, rows: int, _total: int) -> None:
            nonlocal done
            done += rows
            advance(done // _STEPS, rows)

        found = read_events(events, domain, dead_letters=dead_letters, as_of=as_of, progress=tell)
    if found.dead.height == 0:
        dead_letters.unlink(missing_ok=True)
    return found
