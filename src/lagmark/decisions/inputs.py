"""Names that rules may use, and how their values are fetched from an event and its features."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lagmark.errors import ConfigError
from lagmark.schema.fields import Field, Kind, Known

__all__ = ["Facts", "Inputs", "Name"]

Facts = Sequence[Any]
"""What rules read of one event, see :meth:`Inputs.facts`: numbers are floats and NaN where
missing, identifiers and texts ``None`` where missing."""


@dataclass(frozen=True, slots=True)
class Name:
    """Where a fact stands, and what it is.

    Parameters
    ----------
    position
        Its place among the facts.
    kind
        ``number``, ``text``, or ``integer`` for an identifier; the latter two are equal or not,
        and have no order.
    vocabulary
        The values a text may take; any when empty.
    """

    position: int
    kind: str
    vocabulary: tuple[str, ...] = ()


class Inputs:
    """Names that conditions may use, and how their values are fetched.

    A field is meant where a field and a feature share a name.

    Parameters
    ----------
    fields
        Fields of the domain.
    names
        Names of the features, in the order of a vector.
    """

    def __init__(self, fields: Sequence[Field], names: Sequence[str]) -> None:
        self._fields = {each.name: each for each in fields}
        self._features = {name: position for position, name in enumerate(names)}
        self._used: dict[str, Name] = {}
        self._fetch: list[tuple[str | None, int | float]] = []

    def find(self, name: str) -> Name:
        """Place of a name among the facts; asking makes it one of them.

        Raises
        ------
        ConfigError
            If there is no such name, or it is not known when the decision is taken.
        """
        if name in self._used:
            return self._used[name]
        field = self._fields.get(name)
        if field is None and name not in self._features:
            raise _unknown(name, [*self._fields, *self._features])
        position = len(self._fetch)
        if field is None:
            self._fetch.append((None, self._features[name]))
            found = Name(position, "number")
        else:
            if field.known is not Known.AT_DECISION:
                raise ConfigError(
                    f"field {name!r} is not known when the decision is taken",
                    hint="use a field that is on the request itself",
                )
            found = Name(position, _kind_of(field), field.vocabulary)
            self._fetch.append((name, float(field.scale) if found.kind == "number" else 0))
        self._used[name] = found
        return found

    def facts(self, values: Mapping[str, Any], row: Sequence[float]) -> list[Any]:
        """Facts of one event.

        Parameters
        ----------
        values
            Canonical values by field.
        row
            Features as Python floats, in the order of ``names``.
        """
        facts: list[Any] = []
        add = facts.append
        for name, number in self._fetch:
            if name is None:
                add(row[number])  # type: ignore[index]
            elif number:
                value = values.get(name)
                add(math.nan if value is None else value / number)
            else:
                add(values.get(name))
        return facts

    def facts_of(self, given: Mapping[str, Any], *, where: str) -> list[Any]:
        """Facts of values by name, in the source's units as people write them.

        Parameters
        ----------
        given
            Values of fields and features; those that are not given are missing.
        where
            What messages call them.

        Raises
        ------
        ConfigError
            If a name is unknown, or a value is none of its field.
        """
        for name, value in given.items():
            known = self._fields.get(name)
            if known is None and name not in self._features:
                raise _unknown(name, [*self._fields, *self._features], where)
            kind = "number" if known is None else _kind_of(known)
            wanted = {"number": int | float, "integer": int, "text": str}[kind]
            if value is not None and not isinstance(value, wanted):
                raise ConfigError(f"{name} is no {kind}: {value!r}", where=where)
        facts: list[Any] = [None] * len(self._fetch)
        for name, place in self._used.items():
            value = given.get(name)
            if place.kind == "number":
                value = math.nan if value is None else float(value)
            facts[place.position] = value
        return facts


def _unknown(name: str, known: Sequence[str], where: str = "") -> ConfigError:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    listed = ", ".join(dict.fromkeys(known))
    hint = f"did you mean {close[0]!r}?" if close else f"there are {listed}"
    return ConfigError(f"there is no field or feature {name!r}", where=where, hint=hint)


def _kind_of(field: Field) -> str:
    if field.kind in (Kind.MONEY, Kind.QUANTITY, Kind.FLAG):
        return "number"
    return "integer" if field.integer and field.kind is Kind.ENTITY else "text"
