"""Which source column each part of an event is read from."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lagmark.errors import DataError

if TYPE_CHECKING:
    from lagmark.domains.domain import Domain

__all__ = ["Mapping", "map_columns"]


@dataclass(frozen=True, slots=True)
class Mapping:
    """Source columns of a domain's events.

    Parameters
    ----------
    fields
        Column by field name; ``None`` for an optional field whose column is not there.
    event_id
        Column of the id, or ``None`` for row numbers.
    label, known_at
        Columns of the label and of the instant it became known, or ``None``.
    missing
        Optional columns that are not there.
    """

    fields: dict[str, str | None]
    event_id: str | None
    label: str | None
    known_at: str | None
    missing: list[str] = field(default_factory=list)


def map_columns(
    domain: Domain, columns: Collection[str], *, where: str, labels: bool = True
) -> Mapping:
    """Source column of every part of a domain's events.

    Parameters
    ----------
    domain
        What is read.
    columns
        Columns the source has.
    where
        The source, for the error.
    labels
        Whether the label's column must be there.

    Raises
    ------
    DataError
        If required columns are not there; it names each, and columns with a similar name.
    """
    absent: list[str] = []
    mapping = Mapping({}, None, None, None)

    def find(name: str, *others: str, required: bool = True) -> str | None:
        for candidate in (name, *others):
            if candidate in columns:
                return candidate
        (absent if required else mapping.missing).append(name)
        return None

    event_id = label = known_at = None
    if domain.event_id is not None:
        event_id = find(domain.event_id, required=not domain.id_optional)
    for clock in (domain.event_time, domain.ingest_time):
        if clock is not None:
            find(clock.source)
    for each in domain.fields:
        mapping.fields[each.name] = find(each.column, *each.aliases, required=each.required)
    if domain.label is not None:
        label = find(domain.label.source, required=labels)
        if domain.label.known_at is not None:
            known_at = find(domain.label.known_at.source, required=False)
    if absent:
        names = list(dict.fromkeys(absent))
        raise DataError(
            f"missing {'column' if len(names) == 1 else 'columns'} {', '.join(names)}",
            where=where,
            hint=_advice(names, columns, domain.name),
        )
    return Mapping(mapping.fields, event_id, label, known_at, mapping.missing)


def _advice(names: list[str], columns: Collection[str], domain: str) -> str:
    folded = {column.casefold(): column for column in columns}
    similar = [
        f"{folded[close[0]]!r} for {name!r}"
        for name in names
        if (close := difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6))
    ]
    if similar:
        return f"did you mean {', '.join(similar)}?"
    return f"domain {domain!r} needs them; the source has {', '.join(columns)}"
