"""Reading events with a progress bar, for every command that takes ``--events``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lagmark.apps.cli.output import Output
    from lagmark.domains.domain import Domain
    from lagmark.features import FeatureSet, Vectors
    from lagmark.schema.events import EventBatch
    from lagmark.sources.events import ReadResult

__all__ = ["compute", "read", "reading_line", "reads_labels"]

_STEPS = ("read", "check", "account", "order")


def read(
    output: Output,
    events: Path,
    domain: Domain,
    *,
    dead_letters: Path | None = None,
    as_of: int | None = None,
    require_labels: bool = True,
) -> ReadResult:
    """Validated events of a file or folder, see :func:`lagmark.sources.events.read_events`.

    With ``dead_letters`` the file is there afterwards only if there are dead letters: one of an
    earlier run goes away.
    """
    from lagmark.sources.events import read_events

    with output.progress(f"reading {events.name}", "rows") as advance:

        def tell(step: str, done: int, total: int) -> None:
            before = _STEPS.index(step) * total if step in _STEPS else 0
            advance((before + done) // len(_STEPS), total)

        found = read_events(
            events,
            domain,
            dead_letters=dead_letters,
            as_of=as_of,
            require_labels=require_labels,
            progress=tell,
        )
    if dead_letters is not None and found.dead.height == 0:
        dead_letters.unlink(missing_ok=True)
    return found


def compute(output: Output, features: FeatureSet, batch: EventBatch) -> tuple[Vectors, float]:
    """Backfilled vectors of a batch with a progress bar, and the seconds that they took.

    Loading the kernels is not counted: the first run after an installation compiles them, which
    takes longer than most files do.
    """
    from lagmark.features import backfill
    from lagmark.schema.events import EventBatch as Batch

    with output.progress("preparing the kernels (the first run compiles them)", ""):
        backfill(features, Batch(batch.events.head(1), batch.labels.head(0)))
    count = len(batch)
    began = time.perf_counter()
    with output.progress(f"computing {len(features.names)} features") as advance:
        # The engine counts every event once per key; people count events.
        vectors = backfill(
            features,
            batch,
            progress=lambda done, total: advance(done * count // max(total, 1), count),
        )
    return vectors, time.perf_counter() - began


def reading_line(found: ReadResult, dead_letters: Path | None) -> str:
    """One line on what became of the rows."""
    report = found.report
    text = f"{report.rows:,} rows = {report.events:,} events + {report.dead:,} dead letters"
    if report.not_yet_known:
        text += f" + {report.not_yet_known:,} that had not arrived"
    if report.dead:
        text += f", see {dead_letters}" if dead_letters else ", see `lagmark validate`"
    return text


def reads_labels(features: FeatureSet) -> bool:
    """Whether a feature of the set reads labels, so that a file must have them."""
    from lagmark.features.plan import compile_plan

    return bool(compile_plan(features).labelled)
