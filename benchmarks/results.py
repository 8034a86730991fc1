"""What a benchmark found, as records and as text."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

__all__ = ["Section", "Target", "as_json", "as_text", "heading", "middle", "spread"]


@dataclass(frozen=True)
class Target:
    """One thing that has to hold.

    Parameters
    ----------
    text
        What is wanted.
    value
        What was measured.
    met
        Whether it holds.
    """

    text: str
    value: str
    met: bool


@dataclass
class Section:
    """One benchmark: a table, remarks and targets."""

    title: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    raw: dict[str, Any] = field(default_factory=dict)


def spread(values: list[float]) -> str:
    """Least and greatest of the repeats."""
    return f"{min(values):.3g} - {max(values):.3g}" if len(values) > 1 else ""


def as_json(machine: dict[str, Any], sections: list[Section]) -> dict[str, Any]:
    """One JSON document."""
    return {
        "machine": machine,
        "met": all(target.met for s in sections for target in s.targets),
        "sections": [
            {
                "title": s.title,
                "notes": s.notes,
                "targets": [asdict(target) for target in s.targets],
                **s.raw,
            }
            for s in sections
        ],
    }


def heading(machine: dict[str, Any]) -> str:
    """The machine in two lines."""
    libraries = ", ".join(f"{name} {version}" for name, version in machine["libraries"].items())
    return (
        f"{machine['cpu']}, {machine['cores']} cores, load {machine['load']}, "
        f"{machine['system']}, Python {machine['python']}\n{libraries}\n"
    )


def as_text(section: Section) -> str:
    """One benchmark in plain text."""
    lines = ["", section.title, "=" * len(section.title)]
    table = [section.header, *section.rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    lines += [f"- {note}" for note in section.notes]
    lines += [
        f"{'PASS' if target.met else 'FAIL'}  {target.text}: {target.value}"
        for target in section.targets
    ]
    return "\n".join(lines) + "\n"


def middle(answers: list[dict[str, Any]], name: str) -> float:
    """Median over repeats of one value of the answers."""
    return float(median(answer[name] for answer in answers))
