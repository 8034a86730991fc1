"""What each gate found, as a typed result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lagmark.schema.time import from_micros

__all__ = ["Gate", "GateReport"]


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition and what was found.

    Parameters
    ----------
    name
        ``mature``, ``better``, ``calibrated``, ``contract`` or ``fast``.
    passed
        Whether it holds.
    text
        What was found, for people.
    figure
        The figure it is about, ``None`` where there is none.
    low, high
        Ends of its interval.
    """

    name: str
    passed: bool
    text: str
    figure: float | None = None
    low: float | None = None
    high: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Record for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class GateReport:
    """All gates of one candidate.

    Parameters
    ----------
    gates
        In the order they were asked.
    metric
        Figure that decides which model is better.
    as_of
        Labels known by then were used, microseconds since 1970 UTC.
    start, end
        Half-open range of event times of the examples, microseconds since 1970 UTC.
    events, frauds
        Mature examples that both models were judged on.
    """

    gates: tuple[Gate, ...]
    metric: str
    as_of: int
    start: int
    end: int
    events: int
    frauds: int

    @property
    def passed(self) -> bool:
        """Whether every gate holds."""
        return all(gate.passed for gate in self.gates)

    @property
    def reason(self) -> str:
        """One line to keep with a promotion or a refusal."""
        chosen = self.gates if self.passed else [g for g in self.gates if not g.passed]
        verdict = "passed the gates" if self.passed else "refused"
        found = "; ".join(f"{gate.name}: {gate.text}" for gate in chosen)
        asked = from_micros(self.as_of).date().isoformat()
        return (
            f"{verdict} as of {asked} on {self.events:,} mature events "
            f"({self.frauds:,} frauds): {found}"
        )

    def __getitem__(self, name: str) -> Gate:
        """Gate by name.

        Raises
        ------
        KeyError
            If there is none.
        """
        for gate in self.gates:
            if gate.name == name:
                return gate
        raise KeyError(name)

    def as_dict(self) -> dict[str, Any]:
        """Record for JSON."""
        return {
            "passed": self.passed,
            "reason": self.reason,
            "metric": self.metric,
            "as_of": from_micros(self.as_of).isoformat(),
            "start": from_micros(self.start).isoformat(),
            "end": from_micros(self.end).isoformat(),
            "events": self.events,
            "frauds": self.frauds,
            "gates": [gate.as_dict() for gate in self.gates],
        }
