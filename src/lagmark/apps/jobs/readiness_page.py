"""The HTML page of a readiness check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lagmark.apps.bench.gates import gate_table
from lagmark.reports import Page, Row, Section, Table, Text, Tile, count, instant

if TYPE_CHECKING:
    from lagmark.apps.jobs.readiness import Readiness

__all__ = ["readiness_page"]


def readiness_page(found: Readiness, *, now: int) -> Page:
    """Page of a readiness check.

    Parameters
    ----------
    found
        What was found.
    now
        When, microseconds since 1970 UTC.
    """
    failed = sum(not gate.passed for gate in found.gates)
    sections = [Section("Gates", [gate_table(found.gates)])]
    counts = found.statistics
    if counts is not None:
        rows = [(name, number) for name, number in sorted(counts.by_action.items())]
        cases = [
            ("flagged, and fraud", counts.true_positives),
            ("flagged, and honest", counts.false_positives),
            ("let through, and fraud", counts.false_negatives),
            ("let through, and honest", counts.true_negatives),
        ]
        sections.append(
            Section(
                "Decisions",
                [
                    Row(
                        [
                            Table(("action", "decisions"), rows, "All decisions on record"),
                            Table(("case", "decisions"), cases, "Those labelled as of now"),
                        ]
                    )
                ],
            )
        )
    keep = [Text(f"Copy: {found.backup}.")]
    if found.head is not None:
        keep.append(
            Text(
                f"Head: entry {count(found.head['position'])}, digest {found.head['digest']}. "
                "Kept elsewhere, it shows that nothing was changed or cut off since."
            )
        )
    sections.append(Section("Backup", keep))
    return Page(
        title="Ready" if found.ready else "Not ready",
        lead=f"{found.data}: domain {found.domain}, feature set {found.feature_set}.",
        tiles=[
            Tile("Gates passed", f"{len(found.gates) - failed} of {len(found.gates)}",
                 "all must be", "fraud" if failed else "plain"),
            Tile("Decisions", count(counts.decisions if counts else None), "on record"),
            Tile("Labelled", count(counts.labelled if counts else None), "as of now"),
        ],
        sections=sections,
        footer=f"As of {instant(now)}.",
    )  # fmt: skip
