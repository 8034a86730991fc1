"""What the oracle reads: events and labels as they arrived, and logs as of an event."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = ["Entry", "Past", "Verdict", "key_fields", "key_of", "micros", "value_of"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"us": 1, "s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}


@dataclass(frozen=True, slots=True)
class Entry:
    """One event: its place in the order of arrival, its two clocks and its values."""

    seq: int
    time: int
    ingest: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A label: the event's sequence number, when it became known, what it says."""

    row: int
    known_at: int
    fraud: bool


@dataclass
class Past:
    """Everything that ever arrives; rules look only at what is visible to the event they score.

    ``left_closed`` and ``right_open`` are deliberate mistakes of the window's bounds, for the
    tests that prove that such mistakes would be seen.
    """

    events: list[Entry]
    labels: list[Verdict]
    scales: dict[str, int] = field(default_factory=dict)
    left_closed: bool = False
    right_open: bool = False
    _logs: dict[Any, dict[Any, list[Entry]]] = field(default_factory=dict)
    _last_log: dict[Any, tuple[int, list[Entry]]] = field(default_factory=dict)
    _verdicts: dict[int, list[Verdict]] = field(default_factory=dict)
    _memo: dict[int, tuple[Any, dict[int, float]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for verdict in sorted(self.labels, key=lambda v: v.known_at):
            self._verdicts.setdefault(verdict.row, []).append(verdict)

    def scale(self, name: str) -> int:
        """How many stored units make one unit."""
        return self.scales.get(name, 1)

    def log(self, key: Any, i: int) -> list[Entry]:
        """Log of the key of event ``i`` as it stands when ``i`` arrives."""
        names = key_fields(key)
        # Only a shortcut: group once by key, remember the log that the last rule asked for.
        if names not in self._logs:
            groups: dict[Any, list[Entry]] = {}
            for entry in self.events:
                groups.setdefault(key_of(entry, names), []).append(entry)
            self._logs[names] = groups
        remembered = self._last_log.get(names)
        if remembered is None or remembered[0] != i:
            same = self._logs[names][key_of(self.events[i], names)]
            visible = [f for f in same if f.seq <= i]
            remembered = (i, sorted(visible, key=lambda f: (f.time, f.seq)))
            self._last_log[names] = remembered
        return remembered[1]

    def known_fraud(self, entry: Entry, ingest: int) -> bool:
        """Whether the latest label of an entry that is known at an instant says fraud."""
        known = [v for v in self._verdicts.get(entry.seq, ()) if v.known_at <= ingest]
        return known[-1].fraud if known else False


def micros(duration: Any) -> int | None:
    """Microseconds of ``"7d"``, a timedelta, an integer or ``None``."""
    if duration is None or isinstance(duration, int):
        return duration
    if isinstance(duration, timedelta):
        return duration // timedelta(microseconds=1)
    digits = "".join(c for c in duration if c.isdigit())
    return int(digits) * _UNITS[duration.replace(digits, "").strip()]


def key_fields(key: Any) -> tuple[str, ...]:
    """Field names of a key."""
    return (key,) if isinstance(key, str) else tuple(key)


def value_of(entry: Entry, name: str) -> Any:
    """Value of a field of an entry; ``hour`` and ``weekday`` are fields of every event."""
    if name == "hour":
        return (_EPOCH + timedelta(microseconds=entry.time)).hour
    if name == "weekday":
        return (_EPOCH + timedelta(microseconds=entry.time)).weekday()
    return entry.values.get(name)


def key_of(entry: Entry, names: tuple[str, ...]) -> tuple[Any, ...] | None:
    """Key value, or ``None`` if any part is absent."""
    parts = tuple(value_of(entry, name) for name in names)
    return None if any(part is None for part in parts) else parts
