"""``lagmark readiness``: go or no-go for a data directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lagmark.apps.cli.options import JsonOption, examples, writable
from lagmark.apps.cli.output import Output

if TYPE_CHECKING:
    from lagmark.apps.jobs.readiness import Readiness

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "readiness",
        epilog=examples("lagmark readiness", "lagmark readiness --data shop --json"),
    )(command)


def command(
    *,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="Data directory. Default: .lagmark"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="HTML report. Default: DIR/reports/readiness.html"
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Say whether a data directory is fit to be served, without starting a service.

    Champion, ledger, the last decisions made again, keys, disk, restart time, latency, alerts,
    precision and recall: each with what was found and what is wanted, and "ready" if all hold. A
    service may be using the directory meanwhile. The exit status is 0 whenever it could be found
    out.
    """
    from lagmark.apps.jobs.readiness import readiness
    from lagmark.apps.jobs.readiness_page import readiness_page
    from lagmark.clock import utc_now
    from lagmark.schema.time import to_micros
    from lagmark.wiring import Home
    from lagmark.wiring.configuration import load_serve_settings

    output = Output(json)
    settings = load_serve_settings({"data": data})
    now = to_micros(utc_now())
    found = readiness(settings, now=now, reporter=output)
    report = writable(out or Home(settings.data).report("readiness"))
    readiness_page(found, now=now).write(report)
    output.result({**found.as_dict(), "report": report}, lambda: _story(output, found, report))


def _story(output: Output, found: Readiness, report: Path) -> None:
    from lagmark.apps.bench.gates import shown

    output.table(
        ("gate", "found", "wanted", "result", "note"),
        [
            (
                gate.name.replace("_", " "),
                shown(gate.value),
                gate.wanted,
                "passed" if gate.passed else "failed",
                gate.hint,
            )
            for gate in found.gates
        ],
        f"{found.data}: domain {found.domain}, feature set {found.feature_set}",
    )
    output.line(f"Backup: {found.backup}")
    output.line("ready" if found.ready else "not ready")
    output.line(f"Report: {report}")
