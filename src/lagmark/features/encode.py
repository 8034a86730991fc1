"""Events as the kernel takes them: rows of int64."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.errors import DataError
from lagmark.features.kernel import layout as at
from lagmark.features.plan import TEXT, Plan

if TYPE_CHECKING:
    import polars as pl

    from lagmark.schema.events import Event, Value

__all__ = ["Encoder"]

FEW = 32
"""Events below which they are written one by one."""


class Encoder:
    """Numbers for the fields of events; texts are numbered as they come.

    Only equality of the numbers of an entity or category ever matters, so the order in which
    texts come changes no feature.

    Parameters
    ----------
    plan
        Compiled feature set.
    """

    def __init__(self, plan: Plan) -> None:
        self.fields = plan.fields
        self.width = at.X_FIELDS + len(plan.fields)
        self.texts: dict[str, dict[str, int]] = {
            name: dict(plan.texts.get(name, {})) for name in plan.fields
        }

    def row(self, event: Event, seq: int, x: Any) -> None:
        """Write one event into ``x``, shape (width,), int64."""
        x[at.X_TIME] = event.event_time
        x[at.X_SEQ] = seq
        values = event.values
        for i, name in enumerate(self.fields, at.X_FIELDS):
            x[i] = self._number(name, values.get(name))

    def _number(self, name: str, value: Value) -> int:
        if value is None:
            return at.NULL
        if isinstance(value, str):
            known = self.texts[name]
            return known.setdefault(value, TEXT - len(known))
        return value

    def events(self, events: Sequence[Event], first_seq: int, x: Any) -> None:
        """Write events into ``x``, shape (events, width), int64."""
        if len(events) < FEW:
            for i, event in enumerate(events):
                self.row(event, first_seq + i, x[i])
            return
        x[:, at.X_TIME] = [event.event_time for event in events]
        x[:, at.X_SEQ] = np.arange(first_seq, first_seq + len(events))
        values = [event.values for event in events]
        for i, name in enumerate(self.fields, at.X_FIELDS):
            column = [each.get(name) for each in values]
            if not set(map(type, column)) <= {int, bool}:
                numbers = {value: self._number(name, value) for value in dict.fromkeys(column)}
                column = [numbers[value] for value in column]
            x[:, i] = column

    def rows(self, frame: pl.DataFrame, first_seq: int, x: Any) -> None:
        """Write all events of a frame into the columns of ``x``, shape (rows, width), int64.

        The hour and the weekday are left to the kernel.

        Raises
        ------
        DataError
            If the frame lacks a field that features read.
        """
        import polars as pl

        missing = [name for name in self.fields if name not in frame.columns]
        if missing:
            raise DataError(
                f"the events have no column {missing[0]!r}",
                hint=f"they have: {', '.join(frame.columns)}",
            )
        x[:, at.X_TIME] = frame["event_time"].to_numpy()
        x[:, at.X_SEQ] = np.arange(first_seq, first_seq + frame.height)
        for i, name in enumerate(self.fields, at.X_FIELDS):
            series = frame[name]
            if series.dtype == pl.String:
                x[:, i] = self._numbers(name, series)
                continue
            if series.dtype != pl.Int64:
                series = series.cast(pl.Int64)
            x[:, i] = (series.fill_null(at.NULL) if series.null_count() else series).to_numpy()

    def _numbers(self, name: str, series: pl.Series) -> Any:
        import polars as pl

        known = self.texts[name]
        unique = series.unique(maintain_order=True).drop_nulls()
        for text in unique.to_list():
            known.setdefault(text, TEXT - len(known))
        numbers = pl.Series([known[text] for text in unique.to_list()], dtype=pl.Int64)
        if series.null_count() == len(series):
            return np.full(len(series), at.NULL)
        return (
            series.replace_strict(unique, numbers, default=at.NULL, return_dtype=pl.Int64)
            .fill_null(at.NULL)
            .to_numpy()
        )
