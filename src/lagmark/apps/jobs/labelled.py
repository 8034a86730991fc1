"""Job: events with their labels, from one file or from a folder of events and label messages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lagmark.apps.jobs.history import read_history
from lagmark.apps.jobs.ingest import ingest
from lagmark.errors import ConfigError

if TYPE_CHECKING:
    from lagmark.apps.jobs.reporter import Reporter
    from lagmark.domains.domain import Domain
    from lagmark.schema.events import EventBatch

__all__ = ["Labelled", "read_labelled"]


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Events with labels, and what silence about an old event means in them.

    Parameters
    ----------
    batch
        Events with labels.
    silence
        ``"unknown"`` where the source also says what is genuine (a column of labels);
        ``"honest"`` where labels are messages about suspected events.
    as_of
        The instant asked for, or the last one of the data, microseconds since 1970 UTC.
    """

    batch: EventBatch
    silence: Literal["honest", "unknown"]
    as_of: int


def read_labelled(
    events: Path, domain: Domain, *, dead_letters: Path, reporter: Reporter, as_of: int | None
) -> Labelled:
    """Events and labels of a file, of a folder of files, or of a kept history.

    Parameters
    ----------
    events
        File or folder of events with a column of labels, or a folder with ``manifest.json``,
        ``events/`` and ``labels/``.
    domain
        What the events are.
    dead_letters
        File for rows that cannot be events.
    reporter
        Told about progress.
    as_of
        What arrived or became known later is left out; everything counts when ``None``.

    Raises
    ------
    ConfigError
        If the history is of another domain.
    DataError
        If the source cannot be read or holds no usable row.
    """
    if (events / "manifest.json").is_file():
        history = read_history(events, as_of, reporter)
        if history.domain.name != domain.name:
            raise ConfigError(
                f"the history is of the domain {history.domain.name!r}",
                where=str(events),
                hint=f"say --domain {history.domain.name}",
            )
        return Labelled(history.batch, "honest", history.as_of)
    found = ingest(events, domain, dead_letters=dead_letters, reporter=reporter, as_of=as_of)
    batch = found.batch
    if as_of is None:
        last = [int(batch.events["ingest_time"].max() or 0)]  # type: ignore[arg-type]
        if batch.labels.height:
            last.append(int(batch.labels["known_at"].max() or 0))  # type: ignore[arg-type]
        as_of = max(last)
    return Labelled(batch, "unknown", as_of)
