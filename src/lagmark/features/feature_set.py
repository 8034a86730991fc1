"""A named, ordered list of features over the fields of a domain, and its contract."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lagmark.errors import DefinitionError, LeakageError
from lagmark.features.definition import Aggregation, FraudAggregation
from lagmark.features.plain import Difference, Is, Quotient, Value
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
from lagmark.schema.contract import Contract
from lagmark.schema.fields import Field, Kind, Known
from lagmark.schema.time import parse_duration

if TYPE_CHECKING:
    from lagmark.features.feature import Feature

__all__ = ["VIRTUAL_FIELDS", "FeatureSet"]

SEMANTICS = "1"
"""Version of docs/semantics.md; a change of meaning changes every contract."""

VIRTUAL_FIELDS = ("hour", "weekday")
"""Fields that every event has: taken from its event time in UTC."""

_NUMBERS = (Kind.MONEY, Kind.QUANTITY, Kind.FLAG)


@dataclass(frozen=True)
class FeatureSet:
    """Features that are computed together, in the order of the vector.

    Parameters
    ----------
    name
        Name of the set.
    fields
        Fields of the domain.
    features
        Definitions in order.

    Raises
    ------
    LeakageError
        If a feature would read a field that is not known at the decision.
    DefinitionError
        If a name is taken twice, a field does not exist or has the wrong kind.
    """

    name: str
    fields: tuple[Field, ...]
    features: tuple[Feature, ...]

    def __init__(self, name: str, fields: Sequence[Field], features: Sequence[Feature]) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "fields", tuple(fields))
        object.__setattr__(self, "features", tuple(features))
        if not self.features:
            raise DefinitionError("a feature set needs at least one feature", where=name)
        seen: set[str] = set()
        for feature in self.features:
            if feature.label in seen:
                raise DefinitionError(
                    f"two features are named {feature.label!r}", where=name, hint="pass name="
                )
            seen.add(feature.label)
            for part in walk(feature):
                self._check(feature.label, part)

    def _check(self, label: str, part: Feature | Predicate) -> None:
        if isinstance(part, Aggregation):
            for key in part.keys:
                self._use(label, key, (Kind.ENTITY, Kind.CATEGORY, Kind.FLAG), virtual=True)
            wanted = _NUMBERS if part.numeric else (Kind.ENTITY, Kind.CATEGORY)
            for place in part.places:
                self._use(label, place, wanted, virtual=not part.numeric)
        elif isinstance(part, Value | AtLeast | AtMost | Above | Below | Between):
            self._use(label, part.field, _NUMBERS, virtual=True)
        elif isinstance(part, (Equals, OneOf)):
            self._use(label, part.field, tuple(Kind), virtual=True)

    def _use(self, label: str, name: str, kinds: tuple[Kind, ...], *, virtual: bool) -> None:
        if virtual and name in VIRTUAL_FIELDS:
            return
        for candidate in self.fields:
            if candidate.name == name:
                break
        else:
            raise DefinitionError(
                f"there is no field {name!r}",
                where=label,
                hint=f"fields are: {', '.join(f.name for f in self.fields)}",
            )
        if candidate.known is not Known.AT_DECISION:
            raise LeakageError(
                f"field {name!r} is not known when the decision is taken",
                where=label,
                hint="use a field that is on the request itself",
            )
        if candidate.kind not in kinds:
            raise DefinitionError(
                f"field {name!r} is of kind {candidate.kind.value}",
                where=label,
                hint=f"this place takes: {', '.join(k.value for k in kinds)}",
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Feature names in the order of the vector."""
        return tuple(feature.label for feature in self.features)

    @property
    def label_reach(self) -> int | None:
        """Microseconds before an event where the frauds it reads can lie; ``None`` is anywhere."""
        reach = 0
        for feature in self.features:
            for part in walk(feature):
                if isinstance(part, FraudAggregation):
                    if part.window is None:
                        return None
                    reach = max(reach, parse_duration(part.window) + parse_duration(part.delay))
        return reach

    @cached_property
    def contract(self) -> Contract:
        """Ordered names, types and hash."""
        digest = hashlib.sha256(f"lagmark semantics {SEMANTICS}\n".encode())
        for f in self.fields:
            if f.known is Known.AT_DECISION:
                digest.update(f"{f.name} {f.kind.value} {f.decimals}\n".encode())
        for feature in self.features:
            digest.update(f"{feature.label} = {feature.spell()}\n".encode())
        return Contract(
            self.name, self.names, ("float64",) * len(self.features), digest.hexdigest()
        )


def walk(part: Feature | Predicate | None) -> Iterator[Feature | Predicate]:
    """A definition and everything it is made of, children first."""
    if part is None:
        return
    children: tuple[Feature | Predicate | None, ...] = ()
    if isinstance(part, Aggregation):
        children = (part.where,)
    elif isinstance(part, (Quotient, Difference)):
        children = (part.a, part.b)
    elif isinstance(part, Is):
        children = (part.predicate,)
    elif isinstance(part, And):
        children = (part.left, part.right)
    elif isinstance(part, FeatureAbove):
        children = (part.feature,)
    for child in children:
        yield from walk(child)
    yield part
