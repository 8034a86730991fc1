"""Everything that a run found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lagmark.apps.jobs.record import Registration, mean_by_candidate

if TYPE_CHECKING:
    from lagmark.apps.jobs.parity import Parity
    from lagmark.apps.jobs.plan import Plan
    from lagmark.apps.jobs.trial import TrialResult
    from lagmark.domains.domain import Domain
    from lagmark.settings import RunSettings
    from lagmark.sources.report import ValidationReport

__all__ = ["RunOutcome"]


@dataclass(frozen=True, slots=True, eq=False)
class RunOutcome:
    """Everything a run found.

    Parameters
    ----------
    domain
        The domain.
    settings
        What it was told.
    validation
        Account of the rows.
    plan
        Trials, caveats, notes.
    results
        One per trial, in their order.
    parity
        One per feature set; empty if it was switched off.
    registration
        Where the best model stands; ``None`` if none was registered.
    report
        The HTML report.
    dead_letters
        File of the rows that could not become events, if there are any.
    seconds
        Time by step.
    """

    domain: Domain
    settings: RunSettings
    validation: ValidationReport
    plan: Plan
    results: tuple[TrialResult, ...]
    parity: tuple[Parity, ...]
    registration: Registration | None
    report: Path
    dead_letters: Path | None
    seconds: dict[str, float]

    @property
    def parity_differences(self) -> int | None:
        """Values that differ between online and backfill; ``None`` if it was not checked."""
        return sum(p.differences for p in self.parity) if self.parity else None

    @property
    def means(self) -> list[dict[str, Any]]:
        """Mean figures over folds."""
        return mean_by_candidate(self.results)

    def as_dict(self) -> dict[str, Any]:
        """Record for JSON."""
        return {
            "command": "run",
            "domain": self.domain.name,
            "protocol": self.settings.protocol,
            "events": {
                "source": str(self.settings.events),
                "rows": self.validation.rows,
                "events": self.validation.events,
                "dead_letters": self.validation.dead,
                "frauds": self.validation.frauds,
            },
            "results": [result.as_dict() for result in self.results],
            "means": self.means,
            "caveats": {
                name: text
                for name, text in self.plan.caveats.items()
                if name in self.plan.feature_sets
            },
            "notes": list(self.plan.notes),
            "parity_differences": self.parity_differences,
            "parity": [parity.as_dict() for parity in self.parity],
            "registered": None if self.registration is None else self.registration.as_dict(),
            "files": {
                "home": str(self.settings.home),
                "report": str(self.report),
                "dead_letters": None if self.dead_letters is None else str(self.dead_letters),
            },
            "seconds": {name: round(value, 2) for name, value in self.seconds.items()},
        }
