"""What reading a source found: counts, reasons, examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from lagmark.schema.time import from_micros

__all__ = ["Example", "ValidationReport"]


@dataclass(frozen=True, slots=True)
class Example:
    """One dead letter, for people.

    Parameters
    ----------
    row
        Row of the source, from 0.
    reasons
        Everything that is wrong with it.
    """

    row: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """Account of every row of a source.

    Parameters
    ----------
    domain, source
        What was read, and from where.
    as_of
        Instant the question was asked from, microseconds UTC; ``None`` for everything.
    rows
        Rows of the source: ``events + dead + not_yet_known``.
    events
        Rows that became events.
    dead
        Rows that went to the dead letters.
    not_yet_known
        Rows that arrived after ``as_of``.
    labels, frauds
        Labels known by ``as_of``, and those that say fraud.
    labels_absent
        Events without a label in the source.
    labels_not_yet_known
        Labels of events that became known after ``as_of``.
    labels_by_delay
        Labels whose ``known_at`` is the event time plus the domain's default delay.
    first_event, last_event
        Range of event times, microseconds UTC.
    out_of_order
        Events that stand in the source after one that happened later.
    late
        Events that arrived after one that happened later.
    ingested_early
        Events that arrived before they happened: two clocks disagree.
    reasons
        Dead rows by reason; a row with several counts in each.
    examples
        The first dead rows.
    rounded
        Values with more decimals than their field keeps, by field.
    absent
        Absent values, by optional field.
    tied
        Events that share their second with another of the same entity, by entity field.
    checks
        Rows that break a rule of the domain, by rule.
    missing
        Optional columns that the source does not have.
    """

    domain: str
    source: str
    as_of: int | None
    rows: int
    events: int
    dead: int
    not_yet_known: int
    labels: int
    frauds: int
    labels_absent: int
    labels_not_yet_known: int
    labels_by_delay: int
    first_event: int | None
    last_event: int | None
    out_of_order: int = 0
    late: int = 0
    ingested_early: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    rounded: Mapping[str, int] = field(default_factory=dict)
    absent: Mapping[str, int] = field(default_factory=dict)
    tied: Mapping[str, int] = field(default_factory=dict)
    checks: Mapping[str, int] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every row became an event and every rule holds."""
        return self.dead == 0 and not any(self.checks.values())

    def as_dict(self) -> dict[str, Any]:
        """The report in values JSON has; instants as ISO 8601 text."""
        values = asdict(self)
        for name in ("as_of", "first_event", "last_event"):
            values[name] = _iso(values[name])
        values["examples"] = [
            {"row": example.row, "reasons": list(example.reasons)} for example in self.examples
        ]
        return values | {"missing": list(self.missing), "ok": self.ok}

    def lines(self) -> list[str]:
        """The report as lines of text; findings that count nothing are left out."""
        known = f", {self.not_yet_known:,} not yet known" if self.as_of is not None else ""
        text = [
            f"{self.source} as {self.domain}"
            + (f", as of {_iso(self.as_of)}" if self.as_of is not None else ""),
            f"{self.rows:,} rows = {self.events:,} events + {self.dead:,} dead letters{known}",
            f"events from {_iso(self.first_event)} to {_iso(self.last_event)}",
            f"{self.labels:,} labels, {self.frauds:,} of them fraud",
        ]
        single = {
            "events without a label": self.labels_absent,
            "labels not yet known": self.labels_not_yet_known,
            "labels taken as known after the default delay": self.labels_by_delay,
            "events below one that happened later": self.out_of_order,
            "events that arrived late": self.late,
            "events that arrived before they happened": self.ingested_early,
        }
        text += [f"{count:,} {what}" for what, count in single.items() if count]
        grouped = {
            "rounded values": self.rounded,
            "absent values": self.absent,
            "events in one second with another of the same": self.tied,
            "rows against the rule": self.checks,
            "dead letters,": self.reasons,
        }
        for what, counts in grouped.items():
            text += [f"{count:,} {what} {name}" for name, count in counts.items() if count]
        text += [f"optional column {name} is not there" for name in self.missing]
        text += [f"  row {example.row}: {'; '.join(example.reasons)}" for example in self.examples]
        return text


def _iso(micros: int | None) -> str | None:
    return None if micros is None else from_micros(micros).isoformat().replace("+00:00", "Z")
