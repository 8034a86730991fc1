"""Job: maturity curves of a history on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lagmark.errors import ConfigError
from lagmark.schema.fields import Kind

if TYPE_CHECKING:
    from lagmark.apps.jobs.history import History
    from lagmark.labels.maturity import Maturity

__all__ = ["maturity"]


def maturity(history: History, *, by: str = "", window: int | None = None) -> Maturity:
    """Maturity curves of a history, see :func:`lagmark.labels.maturity.study_maturity`.

    Amounts and quantities are cut into quarters of their values.

    Raises
    ------
    ConfigError
        If there is no such column.
    """
    from lagmark.labels.maturity import study_maturity

    field = next((one for one in history.domain.fields if one.name == by), None)
    numeric = field is not None and field.kind in (Kind.MONEY, Kind.QUANTITY)
    scale = field.scale if field is not None and numeric else 0
    if by in ("event_id", "event_time", "ingest_time"):
        raise ConfigError(
            f"{by} makes no groups", where="--by", hint="use source or a field of the domain"
        )
    return study_maturity(history.batch, history.as_of, by=by, bands=scale, window=window)
