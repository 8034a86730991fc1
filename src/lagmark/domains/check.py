"""Whether a domain's definition holds together, before any data is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from lagmark.errors import DefinitionError
from lagmark.schema.fields import LIMIT, Field, Kind

if TYPE_CHECKING:
    from lagmark.domains.domain import Domain, TimeColumn

__all__ = ["RESERVED", "check_domain"]

RESERVED = frozenset({"event_id", "event_time", "ingest_time", "hour", "weekday"})
"""Names that every event has already."""

_UNITS = (None, "s", "min", "h", "d")
_Problem = tuple[str, str]


def check_domain(domain: Domain) -> None:
    """Refuse a domain that contradicts itself.

    Raises
    ------
    DefinitionError
        With the first contradiction, where it is, and what to write instead.
    """
    for what, hint in _problems(domain):
        raise DefinitionError(what, where=f"domain {domain.name!r}", hint=hint)


def _problems(domain: Domain) -> Iterator[_Problem]:
    if not domain.name.isidentifier():
        yield f"the name {domain.name!r} is no word", "use letters, digits and underscores"
    if not domain.fields:
        yield "there are no fields", "declare at least an amount"
    yield from _repetitions(domain)
    for field in domain.fields:
        yield from _field_problems(field)
    yield from _role_problems(domain)
    clocks = [domain.event_time, domain.ingest_time]
    if domain.label is not None:
        clocks.append(domain.label.known_at)
        if domain.label.delay < 0:
            yield "the label's delay is negative", "a label follows its event"
    for clock in clocks:
        if clock is not None:
            yield from _clock_problems(clock)
    if "default" not in domain.feature_sets:
        yield "there is no default feature set", 'add "default" to feature_sets'


def _repetitions(domain: Domain) -> Iterator[_Problem]:
    for name, count in Counter(field.name for field in domain.fields).items():
        if count > 1:
            yield f"field {name!r} is declared {count} times", "give each field its own name"
        if name in RESERVED:
            yield f"field {name!r} has the name of something every event has", "rename the field"
    for column, count in Counter(field.column for field in domain.fields).items():
        if count > 1:
            yield f"{count} fields are read from column {column!r}", "keep one of them"
    for name, count in Counter(check.name for check in domain.checks).items():
        if count > 1:
            yield f"check {name!r} is declared {count} times", "give each check its own name"


def _field_problems(field: Field) -> Iterator[_Problem]:
    what = f"field {field.name!r}"
    if not field.name.isidentifier():
        yield f"{what} has a name that is no word", "use letters, digits and underscores"
    numeric = field.kind in (Kind.MONEY, Kind.QUANTITY)
    bounds = (field.minimum, field.maximum)
    if not numeric and (field.decimals or bounds != (None, None)):
        yield f"{what} of kind {field.kind} comes with decimals or bounds", "only numbers have them"
    if not 0 <= field.decimals <= 9:
        yield f"{what} keeps {field.decimals} decimals", "keep 0 to 9"
    if None not in bounds and field.minimum > field.maximum:  # type: ignore[operator]
        yield f"{what} has a minimum above its maximum", "swap them"
    if any(bound is not None and abs(bound) * field.scale > LIMIT for bound in bounds):
        yield f"{what} has a bound beyond exact arithmetic", f"keep fewer decimals (limit {LIMIT})"
    if field.vocabulary and field.kind is not Kind.CATEGORY:
        yield f"{what} of kind {field.kind} comes with a vocabulary", "only categories have one"
    if field.integer and field.kind is not Kind.ENTITY:
        yield f"{what} of kind {field.kind} comes with integer=True", "only entities have it"


def _role_problems(domain: Domain) -> Iterator[_Problem]:
    kinds = {field.name: field.kind for field in domain.fields}
    roles = (
        ("amount", domain.amount, Kind.MONEY),
        ("subject", domain.subject, Kind.ENTITY),
        ("category", domain.category, Kind.CATEGORY),
    )
    for role, name, kind in roles:
        if name is None:
            continue
        if name not in kinds:
            yield f"{role} {name!r} is not among the fields", f"choose one of {', '.join(kinds)}"
        elif kinds[name] is not kind:
            yield f"{role} {name!r} is of kind {kinds[name]}, not {kind}", f"declare it as {kind}"
    if any(field.name == domain.amount and not field.required for field in domain.fields):
        yield f"amount {domain.amount!r} may be absent", "leave required=True"


def _clock_problems(clock: TimeColumn) -> Iterator[_Problem]:
    what = f"time column {clock.source!r}"
    if clock.unit not in _UNITS:
        yield f"{what} has the unit {clock.unit!r}", "use None, s, min, h or d"
    try:
        datetime.fromisoformat(clock.origin)
    except ValueError:
        yield f"{what} has the origin {clock.origin!r}", 'write an ISO date: "2018-01-01"'
    try:
        ZoneInfo(clock.zone)
    except (ValueError, OSError, KeyError):
        yield f"{what} has the zone {clock.zone!r}", 'write an IANA name: "Europe/Paris"'
