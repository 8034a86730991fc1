"""A column read under the rules of its field: canonical values and faults, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lagmark.schema.raw import BLANKS, FLAGS, INTEGER, WHOLE, Fault, fullmatch

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from lagmark.schema.fields import Field

__all__ = ["Column", "category", "flag", "identifier", "mark", "stripped"]


@dataclass(frozen=True, slots=True)
class Column:
    """Canonical values of one field and what is wrong with the others.

    Parameters
    ----------
    values
        Canonical values, shape (n,), null where absent or faulty.
    faults
        :class:`Fault` codes, shape (n,), uint8, 0 where nothing is wrong.
    rounded
        Whether the source had more decimals than the field keeps, shape (n,), or ``None``.
    plain
        Values in the source's units for the domain's checks; ``values`` when ``None``.
    """

    values: pl.Series
    faults: NDArray[np.uint8]
    rounded: NDArray[np.bool_] | None = None
    plain: pl.Series | None = None


def mark(faults: NDArray[np.uint8], where: NDArray[np.bool_], fault: Fault) -> None:
    """Note a fault on rows that have none yet: the first rule that fails is the reason."""
    faults[where & (faults == 0)] = fault


def stripped(series: pl.Series) -> pl.Series:
    """Text without blanks at its ends, null where nothing is left."""
    import polars as pl

    text = series.cast(pl.String).str.strip_chars(BLANKS)
    return text.set(text == "", None)


def _is_text(dtype: pl.DataType) -> bool:
    import polars as pl

    return dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum)


def _finish(
    source: pl.Series, values: pl.Series, fault: Fault, required: bool
) -> tuple[pl.Series, NDArray[np.uint8]]:
    """Faults of a column whose null ``values`` are faulty where ``source`` has a value."""
    import numpy as np

    faults = np.zeros(len(source), np.uint8)
    absent = source.is_null().to_numpy()
    if required:
        mark(faults, absent, Fault.ABSENT)
    mark(faults, values.is_null().to_numpy() & ~absent, fault)
    return values, faults


def _text(series: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Source with blanks gone, and its values as canonical text."""
    import polars as pl

    if _is_text(series.dtype):
        text = stripped(series)
        return text, text
    if series.dtype.is_integer():
        return series, series.cast(pl.String)
    if series.dtype.is_float():
        return series, _whole(series).cast(pl.String)
    return series, pl.Series(series.name, [None], pl.String).new_from_index(0, len(series))


def _whole(series: pl.Series) -> pl.Series:
    """Floats that are whole and exact as Int64, null elsewhere."""
    import polars as pl

    fits = (series.floor() == series) & (series.abs() <= WHOLE)
    return series.set(~fits.fill_null(value=False), None).cast(pl.Int64)


def identifier(series: pl.Series, *, integer: bool, required: bool) -> Column:
    """Identifiers as Int64 or String."""
    import polars as pl

    if not integer:
        return Column(*_finish(*_text(series), Fault.NOT_TEXT, required))
    source = series
    if _is_text(series.dtype):
        source = stripped(series)
        digits = source.str.extract(fullmatch(INTEGER), 1)
        values = digits.str.strip_prefix("+").cast(pl.Int64, strict=False)
    elif series.dtype.is_integer():
        values = series.cast(pl.Int64, strict=False)
    elif series.dtype.is_float():
        values = _whole(series)
    else:
        values = pl.Series(series.name, [None], pl.Int64).new_from_index(0, len(series))
    return Column(*_finish(source, values, Fault.NOT_AN_INTEGER, required))


def category(series: pl.Series, field: Field) -> Column:
    """Categories as String, of the vocabulary if the field has one."""
    values, faults = _finish(*_text(series), Fault.NOT_TEXT, field.required)
    if field.vocabulary:
        outside = ~values.is_in(list(field.vocabulary)).fill_null(value=True)
        mark(faults, outside.to_numpy(), Fault.NOT_IN_VOCABULARY)
    return Column(values, faults)


def flag(series: pl.Series, *, required: bool) -> Column:
    """Flags and labels as Boolean: booleans, 0 and 1, or the texts of ``FLAGS``."""
    import polars as pl

    source = series
    if series.dtype == pl.Boolean:
        values = series
    elif _is_text(series.dtype):
        source = stripped(series)
        values = source.str.to_lowercase().replace_strict(
            FLAGS, default=None, return_dtype=pl.Boolean
        )
    elif series.dtype.is_numeric():
        numbers = series.cast(pl.Float64, strict=False)
        known = ((numbers == 0) | (numbers == 1)).fill_null(value=False)
        values = (numbers == 1).set(~known, None)
    else:
        values = pl.Series(series.name, [None], pl.Boolean).new_from_index(0, len(series))
    return Column(*_finish(source, values, Fault.NOT_A_FLAG, required))
