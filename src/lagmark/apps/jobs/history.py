"""Job: the events and labels of a folder, as they were known at an instant."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lagmark.errors import ConfigError, DataError
from lagmark.schema.time import DAY, parse_instant, to_micros

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from lagmark.apps.jobs.reporter import Reporter
    from lagmark.domains.domain import Domain
    from lagmark.schema.events import EventBatch

__all__ = ["History", "history_key", "read_history"]

_MANIFEST = "manifest.json"


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


def read_history(
    folder: Path,
    as_of: int | None,
    reporter: Reporter,
    *,
    domain: str | None = None,
    columns: Sequence[str] | None = None,
) -> History:
    """Events and labels of a folder with ``manifest.json``, ``events/`` and ``labels/``.

    Parameters
    ----------
    folder
        What ``lagmark simulate --scenario`` or ``lagmark export`` wrote, or a folder like it.
    as_of
        Microseconds UTC; the manifest's instant or the end of its last day when ``None``.
    reporter
        Told how far the reading is.
    domain
        What the events are; as the manifest says when ``None``. With a domain and an instant a
        folder needs no manifest.
    columns
        Fields of the events to keep beside their id and instants, so that more events fit into
        memory; all fields when ``None``.

    Raises
    ------
    ConfigError
        If the domain has no such field.
    DataError
        If the folder is none or unfinished, or its events cannot be read.
    StateError
        If a segment of its labels cannot be read.
    """
    from lagmark.backends.parquet_labels import ParquetLabels
    from lagmark.domains.registry import load_domain
    from lagmark.labels import attach
    from lagmark.sources.events import read_event_columns

    if not folder.is_dir():
        raise DataError(
            "no such folder", where=str(folder), hint="check the path given to --events"
        )
    for part in ("events", "labels"):
        if not (folder / part).is_dir():
            raise DataError(
                f"there is no folder {part}/",
                where=str(folder),
                hint="give a history with events/, labels/ and manifest.json: "
                "`lagmark simulate --scenario NAME --out DIR` writes one",
            )
    needless = domain is not None and as_of is not None
    manifest = {} if needless and not (folder / _MANIFEST).is_file() else _manifest(folder)
    kind = load_domain(domain if domain is not None else _domain(manifest, folder))
    moment = _last(manifest, folder) if as_of is None else as_of
    names = [field.name for field in kind.fields] if columns is None else columns
    for name in names:
        kind.field_named(name)
    if manifest.get("values") == "canonical":
        events = _canonical(folder / "events", names, moment)
    else:
        with reporter.progress("reading events", "files") as advance:
            events = read_event_columns(
                folder / "events",
                kind,
                names,
                as_of=moment,
                progress=lambda _file, done, total: advance(done, total),
            )
    store = ParquetLabels(folder / "labels", integer_ids=kind.integer_id)
    messages = store.read(moment)
    batch = attach(events, messages)
    return History(folder, kind, moment, batch, messages.height - batch.labels.height)


def history_key(folder: Path) -> str:
    """Short name under which figures of a folder are kept: of its content if it says so."""
    manifest = _manifest(folder) if (folder / _MANIFEST).is_file() else {}
    told = str(manifest.get("fingerprint") or folder.resolve())
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _canonical(folder: Path, names: Sequence[str], as_of: int) -> pl.DataFrame:
    """Events that a ledger's export holds: valid, in order, each there once."""
    import polars as pl

    from lagmark.backends.parquet_file import read_parquet

    keep = list(dict.fromkeys(("event_id", "event_time", "ingest_time", *names)))
    parts = [
        read_parquet(path, what="the part", hint="export the ledger again")
        .filter(pl.col("ingest_time") <= as_of)
        .select(keep)
        for path in sorted(folder.glob("part-*.parquet"))
    ]
    events = pl.concat(parts, rechunk=True) if parts else pl.DataFrame()
    if events.height == 0:
        raise DataError(
            "no event had arrived by then",
            where=str(folder),
            hint="ask as of a later instant",
        )
    return events


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / _MANIFEST
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


def _domain(manifest: dict[str, Any], folder: Path) -> str:
    name = manifest.get("domain")
    if not isinstance(name, str):
        raise DataError("the manifest names no domain", where=str(folder / _MANIFEST))
    return name


def _last(manifest: dict[str, Any], folder: Path) -> int:
    """The instant that was written as, or the end of the last day."""
    try:
        if "as_of" in manifest:
            return to_micros(parse_instant(str(manifest["as_of"])))
        return to_micros(parse_instant(str(manifest["last_day"]))) + DAY
    except (KeyError, ConfigError):
        raise DataError(
            "the manifest names no last day",
            where=str(folder / _MANIFEST),
            hint="say the instant with --as-of",
        ) from None
