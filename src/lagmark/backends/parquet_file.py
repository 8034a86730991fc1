"""What stores of Parquet files say when a file fails them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from lagmark.errors import StateError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["read_parquet", "system_reason"]

_NUMBER = re.compile(r"\(os error (\d+)\)")


def read_parquet(path: Path, *, what: str, hint: str) -> pl.DataFrame:
    """Rows of a file.

    Parameters
    ----------
    path
        Its place.
    what, hint
        What the file is called in an error, and what to do then.

    Raises
    ------
    StateError
        If it is not there, broken, or no Parquet.
    """
    import polars as pl

    try:
        return pl.read_parquet(path, hive_partitioning=False)
    except (pl.exceptions.PolarsError, OSError) as problem:
        raise StateError(
            f"{what} cannot be read: {system_reason(problem)}", where=str(path), hint=hint
        ) from None


def system_reason(problem: Exception) -> str:
    """What the system said, without what libraries put around it.

    Examples
    --------
    >>> system_reason(ValueError("parquet: underlying IO error: No space left (os error 28)"))
    'no space left on device'
    """
    number = _NUMBER.search(str(problem))
    if number:
        return os.strerror(int(number[1])).lower()
    if isinstance(problem, OSError) and problem.strerror:
        return problem.strerror.lower()
    return (str(problem).strip().splitlines() or [repr(problem)])[0]
