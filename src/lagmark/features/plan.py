"""A feature set compiled to the integer tables that the kernel reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.errors import DefinitionError
from lagmark.features.columns import Column, Columns
from lagmark.features.conditions import Conditions, has_feature
from lagmark.features.definition import Aggregation
from lagmark.features.feature_set import VIRTUAL_FIELDS, FeatureSet
from lagmark.features.kernel import layout as at
from lagmark.features.kernel import plain as keyless
from lagmark.features.plain import DayOfWeek, Difference, HourOfDay, Is, Quotient, Value
from lagmark.features.predicates import And, FeatureAbove, Predicate
from lagmark.schema.time import parse_duration

if TYPE_CHECKING:
    from lagmark.features.feature import Feature

__all__ = ["TEXT", "Plan", "compile_plan"]

TEXT = -(2**62)
"""Texts are numbered downwards from here, integers stand for themselves."""

_KINDS = {
    "count": at.SUM,
    "sum": at.SUM,
    "squares": at.SQUARES,
    "raw": at.RAW,
    "greater": at.GREATER,
    "same": at.SAME,
    "decay": at.DECAY,
    "fraud": at.FRAUD,
}
_CELLS = {at.SQUARES: 2, at.SAME: 2}


@dataclass(frozen=True)
class Plan:
    """Compiled feature set.

    Parameters
    ----------
    feature_set
        What it was compiled from.
    fields
        Names of the fields that the kernel takes, in the order of ``x`` from ``X_FIELDS`` on.
    texts
        Number of each text that a predicate names, by field.
    tables, columns, windows, reads, params, clauses, plain, scales
        Tables laid out as :mod:`lagmark.features.kernel.layout` says.
    width
        Length of the output row: the vector, then features that only others need.
    calendar
        Whether anything reads the hour or the weekday.
    """

    feature_set: FeatureSet
    fields: tuple[str, ...]
    texts: dict[str, dict[str, int]]
    tables: Any
    columns: Any
    windows: Any
    reads: Any
    params: Any
    clauses: Any
    plain: Any
    scales: Any
    width: int
    calendar: bool

    @property
    def size(self) -> int:
        """Length of a feature vector."""
        return len(self.feature_set.features)

    def fields_of(self, k: int) -> Any:
        """Fields that the columns and reads of a table need, positions in ``x``."""
        table = self.tables[k]
        columns = self.columns[table[at.T_COLUMNS] : table[at.T_COLUMNS_END]]
        reads = self.reads[table[at.T_READS] : table[at.T_READS_END]]
        needed = {at.X_TIME, *columns[:, at.C_FIELD].tolist()}
        needed.update(reads[:, [at.R_FIELD, at.R_FIELD_B]].ravel().tolist())
        for first, end in columns[:, [at.C_CLAUSES, at.C_CLAUSES_END]].tolist():
            clauses = self.clauses[first:end]
            own = clauses[clauses[:, at.L_TEST] != at.FEATURE_ABOVE]
            needed.update(own[:, at.L_FIELD].tolist())
        return np.array(sorted(needed - {-1}), dtype=np.int64)

    def fraud_delay(self, k: int) -> int:
        """Least delay of the windows in which a table reads labels; 0 where it reads none."""
        table = self.tables[k]
        reads = self.reads[table[at.T_READS] : table[at.T_READS_END]]
        windows = reads[reads[:, at.R_A] == table[at.T_FRAUD], at.R_WINDOW]
        return int(self.windows[windows, at.W_DELAY].min()) if windows.size else 0

    def apart(self, k: int, rows: int) -> tuple[Any, Any, Any]:
        """A table, and all columns and reads, for logs that lie column by column.

        Parameters
        ----------
        k
            Number of the table.
        rows
            Cells from one column to the next.
        """
        table, columns, reads = self.tables[k].copy(), self.columns.copy(), self.reads.copy()
        table[at.T_WIDTH] = 1
        for cells, places in (
            (table, [at.T_FRAUD]),
            (columns, [at.C_OFFSET, at.C_RAW, at.C_SECOND]),
            (reads, [at.R_A, at.R_B, at.R_N, at.R_SECOND]),
        ):
            chosen = cells[..., places]
            cells[..., places] = np.where(chosen > 0, chosen * rows, chosen)
        return table, columns, reads

    @property
    def labelled(self) -> bool:
        """Whether any feature reads labels."""
        return bool((self.tables[:, at.T_FRAUD] >= 0).any())


class _Compiler:
    def __init__(self, feature_set: FeatureSet) -> None:
        self.set = feature_set
        self.by_name = {f.name: f for f in feature_set.fields}
        self.slots: dict[str, int] = {
            "hour": at.X_HOUR,
            "weekday": at.X_WEEKDAY,
        }
        self.calendar = False
        self.texts: dict[str, dict[str, int]] = {}
        self.outputs: dict[Feature, int] = {}
        self.order: list[Feature] = []
        self.conditions = Conditions(self.by_name, self.slot, self.text_id, self.output)
        # Named features take the vector's places; equal unnamed ones inside others share them.
        for position, feature in enumerate(feature_set.features):
            self.outputs.setdefault(feature, position)
        self.copies = [
            (position, self.outputs[feature])
            for position, feature in enumerate(feature_set.features)
            if self.outputs[feature] != position
        ]
        self.width = len(feature_set.features)
        for feature in feature_set.features:
            self.collect(feature)

    def slot(self, name: str) -> int:
        self.calendar = self.calendar or name in VIRTUAL_FIELDS
        if name not in self.slots:
            self.slots[name] = at.X_FIELDS + len(self.slots) - len(VIRTUAL_FIELDS)
        return self.slots[name]

    def text_id(self, name: str, text: str) -> int:
        known = self.texts.setdefault(name, {})
        return known.setdefault(text, TEXT - len(known))

    def output(self, feature: Feature) -> int:
        return self.outputs[feature]

    def collect(self, feature: Feature) -> None:
        """Put a feature after all that it needs."""
        if feature in self.order:
            return
        if isinstance(feature, (Quotient, Difference)):
            self.collect(feature.a)
            self.collect(feature.b)
        elif isinstance(feature, Aggregation):
            self.collect_needed(feature, feature.where)
        elif isinstance(feature, Is) and has_feature(feature.predicate):
            raise DefinitionError(
                "FeatureAbove belongs in where= of an aggregation", where=feature.label
            )
        if feature not in self.outputs:
            self.outputs[feature] = self.width
            self.width += 1
        self.order.append(feature)

    def collect_needed(self, owner: Aggregation, predicate: Predicate | None) -> None:
        if isinstance(predicate, And):
            self.collect_needed(owner, predicate.left)
            self.collect_needed(owner, predicate.right)
        elif isinstance(predicate, FeatureAbove):
            inner = predicate.feature
            if (
                not isinstance(inner, Aggregation)
                or inner.keys != owner.keys
                or inner.resolution != owner.resolution
                or has_feature(inner.where)
            ):
                raise DefinitionError(
                    "FeatureAbove takes an aggregation over the same key, itself without one",
                    where=owner.label,
                )
            self.collect(inner)

    def compile(self) -> Plan:
        groups: dict[tuple[tuple[str, ...], int], list[Aggregation]] = {}
        for feature in self.order:
            if isinstance(feature, Aggregation):
                tile = 0 if feature.resolution is None else parse_duration(feature.resolution)
                groups.setdefault((feature.keys, tile), []).append(feature)
        tables: list[list[int]] = []
        columns: list[list[int]] = []
        windows: list[list[int]] = []
        reads: list[list[int]] = []
        params: list[list[float]] = []
        for (keys, tile), members in groups.items():
            tables.append(self.table(keys, tile, members, columns, windows, reads, params))
        plain, scales = self.keyless()
        return Plan(
            feature_set=self.set,
            fields=tuple(name for name in self.slots if name not in VIRTUAL_FIELDS),
            texts=self.texts,
            tables=_array(tables, at.T_SIZE),
            columns=_array(columns, at.C_SIZE),
            windows=_array(windows, at.W_SIZE),
            reads=_array(reads, at.R_SIZE),
            params=np.array(params, dtype=np.float64).reshape(-1, at.P_SIZE),
            clauses=_array(self.conditions.clauses, at.L_SIZE),
            plain=_array(plain, keyless.F_SIZE),
            scales=np.array(scales, dtype=np.float64),
            width=self.width,
            calendar=self.calendar,
        )

    def table(
        self,
        keys: tuple[str, ...],
        tile: int,
        members: list[Aggregation],
        columns: list[list[int]],
        windows: list[list[int]],
        reads: list[list[int]],
        params: list[list[float]],
    ) -> list[int]:
        """One row of ``tables``, with its columns, windows and reads appended."""
        members = sorted(members, key=lambda m: has_feature(m.where))
        needs = [self.needs(member) for member in members]
        wanted = list(dict.fromkeys(c for n in needs for c in (n.a, n.b, n.n) if c is not None))
        wanted.sort(key=lambda c: has_feature(c.where))
        offsets: dict[Column, int] = {}
        width = at.ROW_COLUMNS
        for column in wanted:
            offsets[column] = width
            width += _CELLS.get(_KINDS[column.kind], 1)
        first_column, first_window, first_read = len(columns), len(windows), len(reads)
        derived_column = first_column + sum(not has_feature(c.where) for c in wanted)
        for column in wanted:
            if column.raw is not None and has_feature(column.raw.where):
                raise DefinitionError(
                    "FeatureAbove cannot select for min, max, distinct or decayed sum",
                    where="_".join(keys),
                )
            columns.append(self.column(column, offsets))
        head = at.H_STATE
        window_numbers: dict[tuple[int, int], int] = {}
        for member in members:
            shape = _window(member)
            if shape not in window_numbers:
                window_numbers[shape] = len(windows)
                windows.append([*shape, head])
                head += 2
        derived_read = first_read + sum(not has_feature(m.where) for m in members)
        for member in members:
            state = -1
            if member.stateful:
                state = head
                head += 3
            reads.append(self.read(member, offsets, window_numbers[_window(member)], state))
            scale = 1 if not member.numeric or not member.places else self.scale(member)
            params.append([float(scale), member.argument, member.value_if_empty])
        fraud = offsets.get(Column.fraud(), -1)
        row = [len(keys), *(self.slot(k) for k in keys), *([0] * (3 - len(keys)))]
        row += [tile, width, first_column, len(columns), derived_column, first_window, len(windows)]
        row += [first_read, len(reads), derived_read, head, fraud, _horizon(members)]
        return row

    def needs(self, member: Aggregation) -> Columns:
        """Columns of an aggregation, without a count that would equal the number of rows."""
        needed = member.columns()
        count = needed.n
        if count is None or count.field is None or count.where is not None:
            return needed
        return replace(needed, n=None) if self.by_name[count.field].required else needed

    def scale(self, member: Aggregation) -> int:
        scales = {self.by_name[place].scale for place in member.places}
        if len(scales) != 1:
            raise DefinitionError("its two fields differ in decimals", where=member.label)
        return scales.pop()

    def column(self, column: Column, offsets: dict[Column, int]) -> list[int]:
        kind = _KINDS[column.kind]
        source = column.field if column.raw is None else column.raw.field
        present = None
        field = -1
        if column.kind == "count":
            optional = column.field is not None and not self.by_name[column.field].required
            present = column.field if optional else None
        elif source is not None:
            field = self.slot(source)
        clauses = self.conditions.add(column.where, present)
        raw = offsets[column.raw] if column.raw is not None else 0
        sign, second = column.sign, _second(column, offsets)
        return [kind, offsets[column], field, *clauses, raw, column.half_life, sign, second]

    def read(
        self, member: Aggregation, offsets: dict[Column, int], window: int, state: int
    ) -> list[int]:
        needed = self.needs(member)
        places = [self.slot(place) for place in member.places] if member.places else []
        places += [0] * (2 - len(places))
        a, b, n = (-1 if c is None else offsets[c] for c in (needed.a, needed.b, needed.n))
        second = -1 if needed.b is None else _second(needed.b, offsets)
        skip = int(member.skips_current)
        return [member.OP, window, a, b, n, skip, self.outputs[member], state, *places, second]

    def keyless(self) -> tuple[list[list[int]], list[float]]:
        """Rows of ``plain`` and their scales, each after what it needs."""
        rows: list[list[int]] = []
        scales: list[float] = []
        zero = -1
        for feature in self.order:
            out = self.outputs[feature]
            scale = 1.0
            if isinstance(feature, Value):
                if feature.field in self.by_name:
                    scale = float(self.by_name[feature.field].scale)
                row = [keyless.VALUE, out, self.slot(feature.field), 0]
            elif isinstance(feature, HourOfDay):
                row = [keyless.VALUE, out, self.slot("hour"), 0]
            elif isinstance(feature, DayOfWeek):
                row = [keyless.VALUE, out, self.slot("weekday"), 0]
            elif isinstance(feature, Is):
                row = [keyless.IS, out, *self.conditions.add(feature.predicate)]
            elif isinstance(feature, (Quotient, Difference)):
                op = keyless.QUOTIENT if isinstance(feature, Quotient) else keyless.DIFFERENCE
                row = [op, out, self.outputs[feature.a], self.outputs[feature.b]]
            else:
                continue
            rows.append(row)
            scales.append(scale)
        for position, source in self.copies:
            rows.append([keyless.COPY, position, source, zero])
            scales.append(1.0)
        return rows, scales


def _second(column: Column, offsets: dict[Column, int]) -> int:
    return offsets[column] + 1 if _KINDS[column.kind] in _CELLS else -1


def _window(member: Aggregation) -> tuple[int, int]:
    width = at.NEVER if member.window is None else parse_duration(member.window)
    return width, parse_duration(member.delay)


def _horizon(members: list[Aggregation]) -> int:
    """How far before the floor a table's rows can still be read; NEVER if always."""
    horizon = 0
    for member in members:
        width, delay = _window(member)
        if width != at.NEVER:
            horizon = max(horizon, width + delay)
        elif (
            member.additive
            or member.windowless
            or (member.latest and member.columns() == Columns())
        ):
            # The last row that is dropped, or what the head keeps, stands for all before it.
            horizon = max(horizon, delay)
        else:
            return at.NEVER
    return horizon


def _array(rows: Any, width: int) -> Any:
    return np.array(rows, dtype=np.int64).reshape(-1, width)


def compile_plan(feature_set: FeatureSet) -> Plan:
    """Compiled form of a feature set.

    Raises
    ------
    DefinitionError
        If features are combined in a way that the kernel has no order for.
    """
    return _Compiler(feature_set).compile()
