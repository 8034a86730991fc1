"""What an import of labels found: counts, reasons, examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from lagmark.schema.time import from_micros

if TYPE_CHECKING:
    from lagmark.sources.report import Example

__all__ = ["LabelReport"]


@dataclass(frozen=True, slots=True)
class LabelReport:
    """Account of every row of an import: ``rows = stored + repeated + dead``.

    Parameters
    ----------
    source
        What was read.
    rows, stored, repeated, dead
        Rows read; new messages; messages that stood there already or twice in the file; rows that
        are no message.
    frauds, reversals
        Rows that are messages and say fraud, or take an earlier verdict back.
    pending
        Messages of events that are not among those given; ``None`` if none were given. They are
        kept.
    first_known, last_known
        Range of ``known_at``, microseconds UTC; ``None`` without a message.
    sources
        Messages by who said them.
    reasons
        Dead rows by reason; a row with several counts in each.
    examples
        The first dead rows.
    """

    source: str
    rows: int
    stored: int
    repeated: int
    dead: int
    frauds: int
    reversals: int
    pending: int | None
    first_known: int | None
    last_known: int | None
    sources: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The report in values JSON has; instants as ISO 8601 text."""
        values = asdict(self)
        for name in ("first_known", "last_known"):
            values[name] = _iso(values[name])
        values["examples"] = [
            {"row": one.row, "reasons": list(one.reasons)} for one in self.examples
        ]
        return values

    def lines(self) -> list[str]:
        """The report as lines of text."""
        parts = f"{self.stored:,} new labels + {self.repeated:,} known already"
        text = [f"{self.rows:,} rows of {self.source} = {parts} + {self.dead:,} dead letters"]
        if self.rows > self.dead:
            text.append(
                f"known from {_iso(self.first_known)} to {_iso(self.last_known)}, {self.frauds:,} "
                f"say fraud, {self.reversals:,} take an earlier verdict back"
            )
        text += [f"{count:,} from {name}" for name, count in self.sources.items()]
        if self.pending:
            text.append(f"{self.pending:,} of events that have not been seen: kept")
        text += [f"{count:,} dead letters, {name}" for name, count in self.reasons.items()]
        text += [f"  row {one.row}: {'; '.join(one.reasons)}" for one in self.examples]
        return text


def _iso(micros: int | None) -> str | None:
    return None if micros is None else from_micros(micros).isoformat().replace("+00:00", "Z")
