"""Job: what a ledger knew at an instant, as a folder that training and reports read."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lagmark.atomic import replacing
from lagmark.errors import ConfigError, DataError
from lagmark.schema.fields import Field, Kind
from lagmark.schema.records import DecisionRecord, LabelRecord
from lagmark.schema.time import from_micros
from lagmark.wiring.serving import open_ledger, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from lagmark.apps.jobs.reporter import Reporter
    from lagmark.domains.domain import Domain
    from lagmark.schema.records import Entry
    from lagmark.settings import ServeSettings

__all__ = ["LedgerExport", "export_ledger", "write_entries"]

_PART = 50_000
"""Rows of a file, and of what is in memory at once."""
_TELL = 1_000


@dataclass(frozen=True, slots=True)
class LedgerExport:
    """What was written.

    Parameters
    ----------
    domain
        What the events are: a name, or the Python file that defines it.
    as_of
        The instant, ISO 8601.
    events, labels
        Numbers of events and of label messages.
    first_day, last_day
        ISO dates of the first and last event time.
    position, digest
        Last entry of the ledger that was looked at; the digest, hexadecimal, covers all before it.
    """

    domain: str
    as_of: str
    events: int
    labels: int
    first_day: str
    last_day: str
    position: int
    digest: str


def export_ledger(
    settings: ServeSettings, out: Path, *, as_of: int | None, reporter: Reporter
) -> LedgerExport:
    """Write a service's events and labels, as they were known at an instant, to a folder.

    The service may go on meanwhile. The folder appears when it is whole.

    Parameters
    ----------
    settings
        Where the data is.
    out
        The folder; it must not exist.
    as_of
        Microseconds UTC: events with ``ingest_time <= as_of``, labels with ``known_at <= as_of``;
        everything when ``None``.
    reporter
        Told how far it is.

    Raises
    ------
    ConfigError
        If there is something at ``out``.
    DataError
        If no event had arrived by then.
    LedgerError
        If the ledger cannot be read.
    """
    if out.exists():
        raise ConfigError(
            "there is something already", where=str(out), hint="give the name of a new folder"
        )
    served = resolve(settings)
    ledger = open_ledger(settings, served.domain, read_only=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".tmp", dir=out.parent))
    try:
        draft.chmod(out.parent.stat().st_mode & 0o777)
        head = ledger.head()
        with reporter.progress("Export the ledger", "entries") as tell:

            def told() -> Iterable[Entry]:
                for entry in ledger.entries(until=head.position):
                    if entry.position % _TELL == 0 or entry.position == head.position:
                        tell(entry.position, head.position)
                    yield entry

            counts = write_entries(told(), served.domain, draft, as_of=as_of)
        if counts["events"] == 0:
            raise DataError(
                "no event had arrived by then",
                where=str(settings.data),
                hint="export as of a later instant",
            )
        moment = counts["latest"] if as_of is None else as_of
        made = LedgerExport(
            domain=served.name,
            as_of=from_micros(moment).isoformat(),
            events=counts["events"],
            labels=counts["labels"],
            first_day=from_micros(counts["first"]).date().isoformat(),
            last_day=from_micros(counts["last"]).date().isoformat(),
            position=head.position,
            digest=head.digest.hex(),
        )
        manifest = {
            "format": 1,
            **asdict(made),
            "values": "canonical",
            "fingerprint": f"{made.digest}-{moment}",
        }
        with replacing(draft / "manifest.json") as target:
            target.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        draft.rename(out)
    finally:
        ledger.close()
        shutil.rmtree(draft, ignore_errors=True)
    return made


def write_entries(
    entries: Iterable[Entry], domain: Domain, folder: Path, *, as_of: int | None
) -> dict[str, int]:
    """Write events and label messages known at an instant to ``events/`` and ``labels/``.

    Values are written as the service keeps them: money in minor units, instants in microseconds.
    So nothing is rounded or read otherwise on the way, and the order is that of the ledger.

    Parameters
    ----------
    entries
        Entries of a ledger, in order.
    domain
        What the events are.
    folder
        A folder to write to.
    as_of
        Microseconds UTC; everything when ``None``.

    Returns
    -------
    dict
        Numbers of ``events`` and ``labels``, the ``first`` and ``last`` event time, and the
        ``latest`` instant at which anything arrived, microseconds.
    """
    ids = _text_or_whole(integer=domain.integer_id)
    events = _Parts(
        folder / "events",
        {
            "event_id": ids,
            "event_time": "Int64",
            "ingest_time": "Int64",
            **{field.name: _dtype(field) for field in domain.fields},
        },
    )
    labels = _Parts(
        folder / "labels",
        {
            "event_id": ids,
            "known_at": "Int64",
            "said_at": "Int64",
            "fraud": "Boolean",
            "source": "String",
            "confidence": "Float64",
            "reversal": "Boolean",
        },
    )
    names = [field.name for field in domain.fields]
    first, last, latest = 2**63 - 1, -(2**63), -(2**63)
    for entry in entries:
        record = entry.record
        if isinstance(record, DecisionRecord):
            at = record.ingest_time
            if as_of is None or at <= as_of:
                first, last = min(first, record.event_time), max(last, record.event_time)
                latest = max(latest, at)
                values = [record.values.get(name) for name in names]
                events.add((record.event_id, record.event_time, at, *values))
        elif isinstance(record, LabelRecord):
            at = record.known_at
            if as_of is None or at <= as_of:
                latest = max(latest, at)
                labels.add(
                    (record.event_id, at, at, record.fraud, record.source, record.confidence,
                     record.reversal)
                )  # fmt: skip
    events.flush()
    labels.flush()
    return {
        "events": events.count, "labels": labels.count, "first": first, "last": last,
        "latest": latest,
    }  # fmt: skip


class _Parts:
    """Rows in numbered Parquet files, one of them in memory at a time."""

    def __init__(self, folder: Path, schema: dict[str, str]) -> None:
        self._folder = folder
        self._schema = schema
        self._rows: list[tuple[Any, ...]] = []
        self._files = 0
        self.count = 0
        folder.mkdir()

    def add(self, row: tuple[Any, ...]) -> None:
        self._rows.append(row)
        self.count += 1
        if len(self._rows) >= _PART:
            self.flush()

    def flush(self) -> None:
        if self._rows:
            frame = _frame(self._rows, self._schema)
            with replacing(self._folder / f"part-{self._files:06d}.parquet") as draft:
                frame.write_parquet(draft)
            self._files += 1
            self._rows = []


def _frame(rows: list[tuple[Any, ...]], schema: dict[str, str]) -> pl.DataFrame:
    import polars as pl

    types = {name: getattr(pl, dtype) for name, dtype in schema.items()}
    return pl.DataFrame(rows, schema=types, orient="row")


def _dtype(field: Field) -> str:
    if field.kind is Kind.ENTITY:
        return _text_or_whole(integer=field.integer)
    kinds = {Kind.CATEGORY: "String", Kind.FLAG: "Boolean"}
    return kinds.get(field.kind, "Int64")


def _text_or_whole(*, integer: bool) -> str:
    return "Int64" if integer else "String"
