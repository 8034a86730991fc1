"""Features without a key: of the event alone, or of two other features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lagmark.features.feature import Feature

if TYPE_CHECKING:
    from lagmark.features.predicates import Predicate

__all__ = ["DayOfWeek", "Difference", "HourOfDay", "Is", "Quotient", "Value"]


@dataclass(frozen=True)
class Value(Feature):
    """A field of the event itself: numbers in the source's units, flags as 0 or 1."""

    field: str

    @property
    def automatic_name(self) -> str:
        """The field's name."""
        return self.field


@dataclass(frozen=True)
class HourOfDay(Feature):
    """Hour of the event time in UTC, 0 to 23."""

    @property
    def automatic_name(self) -> str:
        """A fixed name."""
        return "hour_of_day"


@dataclass(frozen=True)
class DayOfWeek(Feature):
    """Day of the week of the event time in UTC, Monday 0 to Sunday 6."""

    @property
    def automatic_name(self) -> str:
        """A fixed name."""
        return "day_of_week"


@dataclass(frozen=True)
class Is(Feature):
    """1 if a predicate holds for the event itself, else 0."""

    predicate: Predicate

    @property
    def automatic_name(self) -> str:
        """The predicate in words."""
        return f"is_{self.predicate.label}"


@dataclass(frozen=True)
class Quotient(Feature):
    """One feature over another; NaN if that is 0."""

    a: Feature
    b: Feature

    @property
    def automatic_name(self) -> str:
        """Both names."""
        return f"{self.a.label}_over_{self.b.label}"


@dataclass(frozen=True)
class Difference(Feature):
    """One feature minus another."""

    a: Feature
    b: Feature

    @property
    def automatic_name(self) -> str:
        """Both names."""
        return f"{self.a.label}_minus_{self.b.label}"
