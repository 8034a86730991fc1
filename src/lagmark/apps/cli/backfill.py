"""``lagmark backfill``: features of every event of a file, as known when it arrived."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from lagmark.apps.cli.options import (
    DomainOption,
    EventsOption,
    FeatureSetOption,
    JsonOption,
    examples,
    find_domain,
    find_feature_set,
    writable,
)
from lagmark.apps.cli.output import Output
from lagmark.apps.cli.reading import compute, read, reading_line, reads_labels

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "backfill",
        epilog=examples(
            "lagmark backfill --domain handbook --events payments.parquet "
            "--feature-set published --out features.parquet",
            "lagmark backfill -d card -e daily/ -o features.csv --json",
        ),
    )(_backfill)


def _backfill(
    domain: DomainOption,
    events: EventsOption,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Where the vectors go: .parquet, or .csv. An existing file is replaced when the "
            "new one is whole.",
        ),
    ],
    feature_set: FeatureSetOption = "default",
    dead_letters: Annotated[
        Path | None,
        typer.Option(
            "--dead-letters",
            metavar="FILE",
            help="Where rows that cannot become events go. Default: beside --out, as "
            "NAME.dead.jsonl; not written when there are none.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Compute the features of all events and write one row per event.

    The first column is event_id, then come the features under the names of their contract. Rows
    stand in the order in which the events arrived (by ingest time, then by position in the
    source). A Parquet file carries the contract's names and hash in its metadata, where
    `lagmark verify` finds them.
    """
    from lagmark.apps.cli.vectors import check_suffix, write_vectors

    output = Output(json)
    chosen = find_domain(domain)
    features = find_feature_set(chosen, feature_set)
    check_suffix(out)
    writable(out, source=events)
    letters = dead_letters or out.with_suffix(".dead.jsonl")
    writable(letters, "--dead-letters", source=events)
    began = time.perf_counter()
    found = read(
        output, events, chosen, dead_letters=letters, require_labels=reads_labels(features)
    )
    count = len(found.batch)
    vectors, computed_for = compute(output, features, found.batch)
    with output.progress(f"writing {out.name}", "rows") as advance:
        write_vectors(
            out, found.batch.events["event_id"], vectors, domain=chosen.name, advance=advance
        )
    seconds = time.perf_counter() - began
    payload = {
        "out": out,
        "domain": chosen.name,
        "feature_set": features.name,
        "contract": features.contract.hash,
        "features": list(features.names),
        "rows": found.report.rows,
        "events": count,
        "dead": found.report.dead,
        "dead_letters": letters if found.report.dead else None,
        "bytes": out.stat().st_size,
        "seconds": round(seconds, 3),
        "compute_seconds": round(computed_for, 3),
        "events_per_second": round(count / computed_for),
    }

    def render() -> None:
        output.line(reading_line(found, letters))
        output.line(
            f"{count:,} events x {len(features.names)} features of set {features.name}, "
            f"contract {features.contract.hash[:12]}"
        )
        output.line(
            f"written: {out}, {out.stat().st_size / 1e6:.1f} MB; {seconds:.1f} s in all, "
            f"computing {computed_for:.1f} s ({count / computed_for:,.0f} events/s)"
        )

    output.result(payload, render)
