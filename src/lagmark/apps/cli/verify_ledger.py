"""``lagmark verify --data``: a service's ledger checked, its decisions made again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lagmark.errors import LedgerError, ParityError

if TYPE_CHECKING:
    from lagmark.apps.cli.output import Output

__all__ = ["verify_data"]


def verify_data(output: Output, data: Path, *, first: int, last: int | None) -> None:
    """Check a data directory's ledger and say what was found.

    Parameters
    ----------
    output
        Where to say it.
    data
        The directory.
    first, last
        Positions of the entries whose decisions are compared, both included.
    """
    from lagmark.apps.jobs.verify_ledger import verify_ledger
    from lagmark.wiring.configuration import load_serve_settings

    settings = load_serve_settings({"data": data})
    check = verify_ledger(settings, first=first, last=last, reporter=output)

    def render() -> None:
        output.line(
            f"{check.entries:,} entries: {check.decisions:,} decisions, {check.labels:,} labels"
        )
        for problem in check.problems:
            output.line(problem)
        for each in check.differences:
            output.line(
                f"entry {each['position']}, event {each['event_id']}, {each['what']}: stored "
                f"{each['stored']!r}, recomputed {each['recomputed']!r}"
            )
        if check.differing > len(check.differences):
            output.line(f"and {check.differing - len(check.differences):,} more")
        if check.ok:
            output.line("the chain holds, and every decision comes out the same, bit by bit")

    output.result(check.as_dict(), render)
    if check.problems:
        output.fail(
            LedgerError(
                check.problems[0],
                where=str(data),
                hint="restore the ledger from a backup; what stands before it is intact",
            )
        )
    if check.differing:
        output.fail(
            ParityError(
                f"{check.differing} decisions come out otherwise",
                where=str(data),
                hint="the first of them are listed",
            )
        )
