"""Job: maturity curves of a history on disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lagmark.apps.jobs.history import read_history
from lagmark.errors import ConfigError
from lagmark.schema.fields import Kind

if TYPE_CHECKING:
    from lagmark.apps.jobs.history import History
    from lagmark.apps.jobs.reporter import Reporter
    from lagmark.labels.maturity import Maturity

__all__ = ["maturity"]


def maturity(
    folder: Path, as_of: int | None, reporter: Reporter, *, by: str = "", window: int | None = None
) -> tuple[History, Maturity]:
    """Maturity curves of a history, see :func:`lagmark.labels.maturity.study_maturity`.

    Of the events only the times and the column ``by`` are held in memory. Amounts and quantities
    are cut into quarters of their values.

    Parameters
    ----------
    folder, as_of, reporter
        As for :func:`lagmark.apps.jobs.history.read_history`.
    by, window
        As for :func:`lagmark.labels.maturity.study_maturity`.

    Raises
    ------
    ConfigError
        If there is no such column.
    DataError
        If the history cannot be read.
    """
    from lagmark.labels.maturity import study_maturity

    if by in ("event_id", "event_time", "ingest_time"):
        raise ConfigError(
            f"{by} makes no groups", where="--by", hint="use source or a field of the domain"
        )
    columns = [by] if by not in ("", "source") else []
    history = read_history(folder, as_of, reporter, columns=columns)
    scale = 0
    for name in columns:
        field = history.domain.field_named(name)
        scale = field.scale if field.kind in (Kind.MONEY, Kind.QUANTITY) else 0
    return history, study_maturity(history.batch, history.as_of, by=by, bands=scale, window=window)
