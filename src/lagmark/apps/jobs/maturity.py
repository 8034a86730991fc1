"""Job: maturity curves of a simulated (or otherwise kept) history on disk."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lagmark.errors import ConfigError, DataError
from lagmark.schema.fields import Kind
from lagmark.schema.time import DAY, parse_instant, to_micros

if TYPE_CHECKING:
    from lagmark.apps.jobs.reporter import Reporter
    from lagmark.domains.domain import Domain
    from lagmark.labels.maturity import Maturity
    from lagmark.schema.events import EventBatch

__all__ = ["History", "maturity", "read_history"]

_STEPS = 4
"""Steps that a reading reports."""


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Events and labels of a folder as they were known at an instant.

    Parameters
    ----------
    folder
        Where they lie.
    domain
        What the events are.
    as_of
        Microseconds UTC.
    batch
        Events that had arrived and labels that were known.
    pending
        Labels known of events that had not arrived.
    """

    folder: Path
    domain: Domain
    as_of: int
    batch: EventBatch
    pending: int


def read_history(folder: Path, as_of: int | None, reporter: Reporter) -> History:
    """Events and labels of a folder with ``manifest.json``, ``events/`` and ``labels/``.

    Parameters
    ----------
    folder
        What ``lagmark simulate --scenario`` wrote, or a folder like it.
    as_of
        Microseconds UTC; the end of the manifest's last day when ``None``.
    reporter
        Told how far the reading is.

    Raises
    ------
    DataError
        If the folder is none or unfinished, or its events cannot be read.
    StateError
        If a segment of its labels cannot be read.
    """
    from lagmark.backends.parquet_labels import ParquetLabels
    from lagmark.labels import attach, pending
    from lagmark.sources.events import read_events

    manifest = _manifest(folder)
    domain = _domain(manifest, folder)
    moment = _last(manifest, folder) if as_of is None else as_of
    done = 0
    with reporter.progress("reading events", "rows") as advance:

        def tell(_step: str, rows: int, _total: int) -> None:
            nonlocal done
            done += rows
            advance(done // _STEPS, rows)

        found = read_events(
            folder / "events", domain, as_of=moment, require_labels=False, progress=tell
        )
    store = ParquetLabels(folder / "labels", integer_ids=domain.integer_id)
    messages = store.read(moment)
    events = found.batch.events
    waiting = pending(events, messages).height
    return History(folder, domain, moment, attach(events, messages), waiting)


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


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / "manifest.json"
    if not folder.is_dir():
        raise DataError(
            "no such folder", where=str(folder), hint="check the path given to --events"
        )
    if not path.is_file():
        raise DataError(
            "there is no manifest.json: the folder is unfinished, or no history",
            where=str(folder),
            hint="write it with `lagmark simulate --scenario NAME --out DIR`",
        )
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise DataError(
            f"the manifest cannot be read: {problem}", where=str(path), hint="write it again"
        ) from None
    if not isinstance(manifest, dict) or manifest.get("format") != 1:
        raise DataError(
            "this is no manifest of format 1", where=str(path), hint="write the history again"
        )
    return manifest


def _domain(manifest: dict[str, Any], folder: Path) -> Domain:
    from lagmark.domains.registry import load_domain

    name = manifest.get("domain")
    if not isinstance(name, str):
        raise DataError("the manifest names no domain", where=str(folder / "manifest.json"))
    return load_domain(name)


def _last(manifest: dict[str, Any], folder: Path) -> int:
    """End of the last day."""
    try:
        return to_micros(parse_instant(str(manifest["last_day"]))) + DAY
    except (KeyError, ConfigError):
        raise DataError(
            "the manifest names no last day",
            where=str(folder / "manifest.json"),
            hint="say the instant with --as-of",
        ) from None
