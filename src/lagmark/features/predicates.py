"""Predicates over the fields of one event: inert records, compiled by the plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lagmark.features.feature import Feature

__all__ = [
    "Above",
    "And",
    "AtLeast",
    "AtMost",
    "Below",
    "Between",
    "Equals",
    "FeatureAbove",
    "OneOf",
    "Predicate",
]


@dataclass(frozen=True)
class Predicate:
    """Base of all predicates; an absent value satisfies none."""

    @property
    def label(self) -> str:
        """Words for automatic feature names."""
        raise TypeError("use one of the predicates, not their base")


@dataclass(frozen=True)
class Equals(Predicate):
    """The field has this value: text, a number in the source's units, or a flag."""

    field: str
    value: str | float | bool

    @property
    def label(self) -> str:
        """Words for automatic feature names."""
        if self.value is True:
            return self.field
        return f"{self.field}_{str(self.value).lower()}"


@dataclass(frozen=True)
class OneOf(Predicate):
    """The field has one of these values."""

    field: str
    values: tuple[str | float, ...]

    @property
    def label(self) -> str:
        """Words for automatic feature names."""
        return f"{self.field}_" + "_or_".join(str(v).lower() for v in self.values)


@dataclass(frozen=True)
class _Bound(Predicate):
    field: str
    bound: float

    @property
    def label(self) -> str:
        """Words for automatic feature names."""
        word = {"AtLeast": "from", "AtMost": "to"}.get(type(self).__name__, type(self).__name__)
        return f"{self.field}_{word.lower()}_{self.bound:g}"


@dataclass(frozen=True)
class AtLeast(_Bound):
    """The number is not less than the bound, in the source's units."""


@dataclass(frozen=True)
class AtMost(_Bound):
    """The number is not more than the bound, in the source's units."""


@dataclass(frozen=True)
class Above(_Bound):
    """The number is more than the bound, in the source's units."""


@dataclass(frozen=True)
class Below(_Bound):
    """The number is less than the bound, in the source's units."""


@dataclass(frozen=True)
class Between(Predicate):
    """The number lies between two bounds, both included."""

    field: str
    low: float
    high: float

    @property
    def label(self) -> str:
        """Words for automatic feature names."""
        return f"{self.field}_{self.low:g}_to_{self.high:g}"


@dataclass(frozen=True)
class And(Predicate):
    """Both predicates hold."""

    left: Predicate
    right: Predicate

    @property
    def label(self) -> str:
        """Words for automatic feature names."""
        return f"{self.left.label}_and_{self.right.label}"


@dataclass(frozen=True)
class FeatureAbove(Predicate):
    """Another feature of the same key was above a threshold when the entry arrived."""

    feature: Feature
    threshold: float

    @property
    def label(self) -> str:
        """Words for automatic feature names."""
        return f"{self.feature.label}_above_{self.threshold:g}"
