"""What a log must keep so that an aggregation can be read from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lagmark.features.predicates import Predicate

__all__ = ["Column", "Columns"]


@dataclass(frozen=True)
class Column:
    """One column that a log keeps so that an aggregation can be read from it.

    Equal columns are kept once, however many features read them.
    """

    kind: str
    field: str | None = None
    where: Predicate | None = None
    sign: int = 1
    raw: Column | None = None
    half_life: int = 0

    @staticmethod
    def sum(name: str | None, where: Predicate | None) -> Column:
        """Running total of a field, or of ones where no field is named."""
        return Column("sum", name, where)

    @staticmethod
    def squares(name: str, where: Predicate | None) -> Column:
        """Running total of a field's squares."""
        return Column("squares", name, where)

    @staticmethod
    def raw_of(name: str | None, where: Predicate | None, sign: int = 1) -> Column:
        """Values of a field, or ones where no field is named; absent where not selected."""
        return Column("raw", name, where, sign)

    @staticmethod
    def greater(raw: Column) -> Column:
        """Links to the latest earlier entry with a greater value."""
        return Column("greater", raw=raw)

    @staticmethod
    def same(raw: Column) -> Column:
        """Links to the neighbours with the same value."""
        return Column("same", raw=raw)

    @staticmethod
    def decay(raw: Column, half_life: int) -> Column:
        """Decayed running total of values."""
        return Column("decay", raw=raw, half_life=half_life)

    @staticmethod
    def fraud() -> Column:
        """Running number of known frauds."""
        return Column("fraud")


@dataclass(frozen=True)
class Columns:
    """The columns that one aggregation reads, by role."""

    a: Column | None = None
    b: Column | None = None
    n: Column | None = None
