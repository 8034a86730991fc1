"""What a measured figure is held against."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lagmark.reports import Table, number

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Gate", "at_least", "at_most", "gate_table", "shown"]


@dataclass(frozen=True, slots=True)
class Gate:
    """One thing that has to hold.

    Parameters
    ----------
    name
        What is looked at, with its unit.
    value
        What was found, ``None`` where it could not be.
    wanted
        What has to be found.
    passed
        Whether it was.
    hint
        What to do if not, or what the figure stands on.
    """

    name: str
    value: float | str | None
    wanted: str
    passed: bool
    hint: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Record for JSON."""
        return asdict(self)


def at_most(name: str, value: float | None, limit: float, hint: str = "") -> Gate:
    """Gate on a figure that must not be larger; one that is absent fails.

    Examples
    --------
    >>> at_most("p50_ms", 1.5, 2).passed, at_most("p50_ms", None, 2).passed
    (True, False)
    """
    return Gate(name, value, f"<= {limit:,}", value is not None and value <= limit, hint)


def at_least(name: str, value: float | None, limit: float, hint: str = "") -> Gate:
    """Gate on a figure that must not be smaller; one that is absent fails."""
    return Gate(name, value, f">= {limit:,}", value is not None and value >= limit, hint)


def shown(value: float | str | None) -> str:
    """Value of a gate for people."""
    if isinstance(value, str):
        return value
    whole = value is not None and (abs(value) >= 1_000 or float(value).is_integer())
    return number(value, 0 if whole else 3)


def gate_table(gates: Sequence[Gate]) -> Table:
    """Gates as a table, those that failed set apart."""
    rows = [
        (
            gate.name.replace("_", " "),
            shown(gate.value),
            gate.wanted,
            "passed" if gate.passed else "failed",
            gate.hint,
        )
        for gate in gates
    ]
    failed = frozenset(i for i, gate in enumerate(gates) if not gate.passed)
    return Table(("gate", "found", "wanted", "result", "note"), rows, "Gates", "lrrll", failed)
