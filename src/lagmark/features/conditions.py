"""Predicates compiled to clauses over exact integers."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING

from lagmark.errors import DefinitionError
from lagmark.features.kernel import layout as at
from lagmark.features.predicates import (
    Above,
    And,
    AtLeast,
    AtMost,
    Below,
    Between,
    Equals,
    FeatureAbove,
    OneOf,
    Predicate,
)

if TYPE_CHECKING:
    from lagmark.features.feature import Feature
    from lagmark.schema.fields import Field

__all__ = ["Conditions", "has_feature"]

_BOUNDS = {
    AtLeast: (at.AT_LEAST, ROUND_CEILING, 0),
    AtMost: (at.AT_MOST, ROUND_FLOOR, 0),
    Above: (at.AT_LEAST, ROUND_FLOOR, 1),
    Below: (at.AT_MOST, ROUND_CEILING, -1),
}
"""The same bound over integers: the test, how it is rounded, and a step past it."""

_IMPOSSIBLE = at.NULL
"""No present value equals it, and absent ones satisfy nothing."""


def has_feature(predicate: Predicate | None) -> bool:
    """Whether a predicate depends on another feature."""
    if isinstance(predicate, And):
        return has_feature(predicate.left) or has_feature(predicate.right)
    return isinstance(predicate, FeatureAbove)


class Conditions:
    """Collects the clauses of all predicates of a feature set.

    Parameters
    ----------
    fields
        Fields by name, for their scale.
    slot
        Position of a field in the kernel's event.
    text_id
        Number that stands for a text in a field.
    output
        Position of another feature's value.
    """

    def __init__(
        self,
        fields: Mapping[str, Field],
        slot: Callable[[str], int],
        text_id: Callable[[str, str], int],
        output: Callable[[Feature], int],
    ) -> None:
        self._fields = fields
        self._slot = slot
        self._text_id = text_id
        self._output = output
        self._known: dict[tuple[Predicate | None, str | None], tuple[int, int]] = {}
        self.clauses: list[tuple[int, int, int, int]] = []

    def add(self, predicate: Predicate | None, present: str | None = None) -> tuple[int, int]:
        """Range of clauses for a predicate, and for the presence of a field if one is named."""
        request = (predicate, present)
        if request not in self._known:
            groups = self._groups(predicate) if predicate is not None else []
            if present is not None:
                groups.append([(self._slot(present), at.AT_LEAST, at.NULL + 1)])
            start = len(self.clauses)
            for number, group in enumerate(groups):
                self.clauses += [(*clause, number) for clause in group]
            self._known[request] = (start, len(self.clauses))
        return self._known[request]

    def _groups(self, predicate: Predicate) -> list[list[tuple[int, int, int]]]:
        if isinstance(predicate, And):
            return self._groups(predicate.left) + self._groups(predicate.right)
        if isinstance(predicate, FeatureAbove):
            (bits,) = struct.unpack("<q", struct.pack("<d", float(predicate.threshold)))
            return [[(self._output(predicate.feature), at.FEATURE_ABOVE, bits)]]
        if isinstance(predicate, Equals):
            slot = self._slot(predicate.field)
            return [[(slot, at.EQUAL, self._constant(predicate.field, predicate.value))]]
        if isinstance(predicate, OneOf):
            slot = self._slot(predicate.field)
            values = predicate.values or ("",)
            group = [(slot, at.EQUAL, self._constant(predicate.field, v)) for v in values]
            return [group if predicate.values else [(slot, at.EQUAL, _IMPOSSIBLE)]]
        if isinstance(predicate, Between):
            slot = self._slot(predicate.field)
            low = self._integer(predicate.field, predicate.low, ROUND_CEILING)
            high = self._integer(predicate.field, predicate.high, ROUND_FLOOR)
            return [[(slot, at.AT_LEAST, low)], [(slot, at.AT_MOST, high)]]
        if isinstance(predicate, AtLeast | AtMost | Above | Below):
            test, rounding, beyond = _BOUNDS[type(predicate)]
            bound = self._integer(predicate.field, predicate.bound, rounding) + beyond
            return [[(self._slot(predicate.field), test, bound)]]
        raise DefinitionError(f"{type(predicate).__name__} is no predicate")

    def _integer(self, name: str, bound: float, rounding: str) -> int:
        scale = self._fields[name].scale if name in self._fields else 1
        try:
            return int((Decimal(str(bound)) * scale).to_integral_value(rounding))
        except (ArithmeticError, ValueError):
            raise DefinitionError(
                f"{bound!r} is no finite number", where=name, hint="compare text with Equals"
            ) from None

    def _constant(self, name: str, value: str | float | bool) -> int:
        if isinstance(value, str):
            return self._text_id(name, value)
        low = self._integer(name, float(value), ROUND_FLOOR)
        high = self._integer(name, float(value), ROUND_CEILING)
        return low if low == high else _IMPOSSIBLE
