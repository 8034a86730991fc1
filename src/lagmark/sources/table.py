"""All columns of a source read under a domain's rules, before rows are chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lagmark.errors import DefinitionError
from lagmark.schema.fields import Field, Kind
from lagmark.schema.raw import Fault
from lagmark.sources.columns import Column, category, flag, identifier, mark
from lagmark.sources.instants import instant
from lagmark.sources.mapping import Mapping, map_columns
from lagmark.sources.numbers import number

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from lagmark.domains.domain import Check, Domain, TimeColumn
    from lagmark.ports.source import SourceTable

__all__ = ["Reading", "failed", "field_column", "read_columns"]


@dataclass(slots=True)
class Reading:
    """Canonical columns of a source, every one of ``size`` rows.

    Parameters
    ----------
    table, domain, mapping
        What was read, as what, from which columns.
    size
        Rows of the source.
    event_id, event_time, ingest_time
        Ids and instants, null where faulty.
    fields
        Columns by field name.
    label, known_at
        Verdict (null if none) and the instant it became known.
    faults
        (name, field, fault codes) for everything that may go wrong, in the order of reasons.
    checks
        Rows against each rule of the domain, by rule.
    """

    table: SourceTable
    domain: Domain
    mapping: Mapping
    size: int
    event_id: pl.Series
    event_time: pl.Series
    ingest_time: pl.Series
    fields: dict[str, Column]
    label: pl.Series
    known_at: pl.Series
    faults: list[tuple[str, Field | None, NDArray[np.uint8]]]
    checks: dict[str, NDArray[np.bool_]]

    def bad(self) -> NDArray[np.bool_]:
        """Rows with any fault."""
        import numpy as np

        result = np.zeros(self.size, np.bool_)
        for _, _, faults in self.faults:
            result |= faults != 0
        return result

    def later(self, as_of: int | None) -> NDArray[np.bool_]:
        """Rows that are known to have arrived after an instant, faulty or not."""
        import numpy as np

        if as_of is None:
            return np.zeros(self.size, np.bool_)
        return (self.ingest_time > as_of).fill_null(value=False).to_numpy()


def field_column(series: pl.Series, field: Field) -> Column:
    """Column read under the rules of its field's kind."""
    if field.kind in (Kind.MONEY, Kind.QUANTITY):
        return number(series, field)
    if field.kind is Kind.ENTITY:
        return identifier(series, integer=field.integer, required=field.required)
    if field.kind is Kind.CATEGORY:
        return category(series, field)
    return flag(series, required=field.required)


def failed(check: Check, frame: pl.DataFrame, domain: Domain) -> NDArray[np.bool_]:
    """Rows that break a rule, shape (n,).

    Raises
    ------
    DefinitionError
        If the rule reads columns the domain does not, or is no condition.
    """
    import polars as pl

    try:
        holds = frame.select(check.holds().alias("holds").cast(pl.Boolean))["holds"]
    except pl.exceptions.PolarsError as problem:
        raise DefinitionError(
            f"check {check.name!r} cannot be computed: {problem}",
            where=f"domain {domain.name!r}",
            hint="a check reads source columns of the domain's fields, label and counted times",
        ) from None
    if len(holds) != frame.height:
        holds = holds.new_from_index(0, frame.height)
    return ~holds.fill_null(value=True).to_numpy()


def read_columns(table: SourceTable, domain: Domain, *, require_labels: bool) -> Reading:
    """Every column a domain needs, read and checked.

    Raises
    ------
    DataError
        If columns are missing.
    """
    import numpy as np
    import polars as pl

    frame = table.frame
    size = frame.height
    mapping = map_columns(domain, frame.columns, where=table.name, labels=require_labels)
    faults: list[tuple[str, Field | None, NDArray[np.uint8]]] = []
    plain: dict[str, pl.Series] = {}

    if table.broken:
        unreadable = np.zeros(size, np.uint8)
        unreadable[list(table.broken)] = Fault.UNREADABLE
        faults.append(("line", None, unreadable))

    def nothing(dtype: pl.DataType | type[pl.DataType]) -> pl.Series:
        return pl.Series([None], dtype=dtype).new_from_index(0, size)

    def keep(name: str, source: str | None, column: Column, field: Field | None = None) -> None:
        # The rest of an unreadable record is null, which is no fault of its own.
        column.faults[list(table.broken)] = 0
        faults.append((name, field, column.faults))
        if source is not None:
            plain[source] = column.values if column.plain is None else column.plain

    def clock(column: TimeColumn, name: str, *, required: bool) -> pl.Series:
        read = instant(frame[column.source], column, required=required)
        keep(name, column.source if column.unit else None, read)
        return read.values

    if mapping.event_id is None:
        ids = pl.Series(np.arange(size, dtype=np.int64))
    else:
        read = identifier(frame[mapping.event_id], integer=domain.integer_id, required=True)
        keep("event_id", mapping.event_id, read)
        ids = read.values
    happened = clock(domain.event_time, "event_time", required=True)
    arrived = happened
    if domain.ingest_time is not None:
        seen = clock(domain.ingest_time, "ingest_time", required=False)
        bad_clock = pl.Series(faults[-1][2] != 0)
        arrived = seen.fill_null(happened).set(bad_clock, None)
    fields: dict[str, Column] = {}
    for each in domain.fields:
        source = mapping.fields[each.name]
        series = nothing(pl.Null) if source is None else frame[source]
        fields[each.name] = field_column(series, each)
        keep(each.name, each.column, fields[each.name], each)

    label = nothing(pl.Boolean)
    known_at = nothing(pl.Int64)
    if domain.label is not None and mapping.label is not None:
        verdicts = flag(frame[mapping.label], required=False)
        keep("label", domain.label.source, verdicts)
        label = verdicts.values
        if mapping.known_at is None or domain.label.known_at is None:
            known_at = happened + domain.label.delay
        else:
            when = instant(frame[mapping.known_at], domain.label.known_at, required=True)
            when.faults[label.is_null().to_numpy()] = 0
            known_at = when.values
            early = (known_at < happened) & label.is_not_null()
            mark(when.faults, early.fill_null(value=False).to_numpy(), Fault.BEFORE_EVENT)
            keep("known_at", None, when)
    elif domain.label is not None:
        plain[domain.label.source] = label

    checks = {check.name: failed(check, pl.DataFrame(plain), domain) for check in domain.checks}
    for check in domain.checks:
        if check.fatal:
            codes = np.where(checks[check.name], np.uint8(Fault.CHECK), np.uint8(0))
            faults.append((check.name, None, codes))
    return Reading(
        table,
        domain,
        mapping,
        size,
        ids,
        happened,
        arrived,
        fields,
        label,
        known_at,
        faults,
        checks,
    )
