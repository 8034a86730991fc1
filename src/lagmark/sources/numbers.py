"""Money and quantities as exact integers.

The rule of rounding: a value is read as float64, written with the fewest decimal digits that
read back as the same float64, and those digits are rounded half to even at the decimals the field
keeps. ``12.340000000000002`` is 12.34 and counted as rounded, ``12.345`` is 12.34, and ``0.1``
is exactly 0.10 and not counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lagmark.schema.fields import LIMIT
from lagmark.schema.raw import NON_FINITE, NUMBER, Fault, fullmatch, round_decimal
from lagmark.sources.columns import Column, mark, stripped

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from lagmark.schema.fields import Field

__all__ = ["fixed_point", "floats", "number"]


def fixed_point(values: NDArray[np.float64], decimals: int) -> tuple[NDArray[np.int64], ...]:
    """Fixed-point integers of many floats, and whether digits were rounded away.

    The same numbers as :func:`lagmark.schema.raw.round_decimal`, without writing digits except
    next to a half. A decimal of at most 15 digits is the shortest text of its float64, so
    ``whole / scale == value`` says that nothing was cut; and scaling errs by less than 1e-3 units
    below ``2 * LIMIT``, so only a remainder within that of one half needs its digits.

    Parameters
    ----------
    values
        Finite floats below ``2 * LIMIT`` once scaled, shape (n,).
    decimals
        Decimals kept.

    Returns
    -------
    tuple of numpy.ndarray
        Integers, shape (n,), int64, and flags, shape (n,), bool.
    """
    import numpy as np

    scale = float(10**decimals)
    scaled = values * scale
    whole = np.rint(scaled)
    rounded = whole / scale != values
    near_half = rounded & (np.abs(scaled - np.floor(scaled) - 0.5) <= 1e-3)
    result = whole.astype(np.int64)
    for row in np.flatnonzero(near_half):
        result[row], rounded[row] = round_decimal(float(values[row]), decimals)
    return result, rounded


def floats(series: pl.Series, *, required: bool) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Column as float64 with NaN where absent or faulty, and its faults."""
    import numpy as np
    import polars as pl

    size = len(series)
    faults = np.zeros(size, np.uint8)
    readable = np.ones(size, np.bool_)
    if series.dtype == pl.String or isinstance(series.dtype, pl.Categorical | pl.Enum):
        series = stripped(series)
        numeric = series.str.contains(fullmatch(NUMBER))
        infinite = series.str.contains(fullmatch(NON_FINITE)).fill_null(value=False).to_numpy()
        readable = numeric.fill_null(value=True).to_numpy() | infinite
        mark(faults, infinite, Fault.NOT_FINITE)
        numbers = series.str.strip_prefix("+").cast(pl.Float64, strict=False)
    elif series.dtype.is_numeric():
        numbers = series.cast(pl.Float64)
    else:
        numbers = pl.Series([None], dtype=pl.Float64).new_from_index(0, size)
        readable = series.is_null().to_numpy()
    absent = series.is_null().to_numpy()
    if required:
        mark(faults, absent, Fault.ABSENT)
    mark(faults, ~readable, Fault.NOT_A_NUMBER)
    values = numbers.fill_null(float("nan")).to_numpy()
    mark(faults, ~np.isfinite(values) & ~absent, Fault.NOT_FINITE)
    return np.where((faults == 0) & ~absent, values, np.nan), faults


def number(series: pl.Series, field: Field) -> Column:
    """Money or quantity as Int64 units of ``10**-decimals``."""
    import numpy as np
    import polars as pl

    values, faults = floats(series, required=field.required)
    present = ~np.isnan(values)
    with np.errstate(invalid="ignore", over="ignore"):
        if field.minimum is not None:
            mark(faults, values < field.minimum, Fault.OUT_OF_RANGE)
        if field.maximum is not None:
            mark(faults, values > field.maximum, Fault.OUT_OF_RANGE)
        beyond = np.abs(values) * field.scale >= 2 * LIMIT
    whole, rounded = fixed_point(np.where(present & ~beyond, values, 0.0), field.decimals)
    mark(faults, present & (beyond | (np.abs(whole) > LIMIT)), Fault.BEYOND_LIMIT)
    good = pl.Series(present & (faults == 0))
    plain = pl.Series(values).set(~good, None)
    return Column(pl.Series(whole).set(~good, None), faults, rounded & good.to_numpy(), plain)
