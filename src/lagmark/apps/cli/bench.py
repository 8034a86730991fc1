"""``lagmark bench``: a decision service under load, and what it reached."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lagmark.apps.cli.options import JsonOption, examples, writable
from lagmark.apps.cli.output import Output

if TYPE_CHECKING:
    from lagmark.apps.bench.outcome import BenchOutcome

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "bench",
        epilog=examples(
            "lagmark bench",
            "lagmark bench --data shop --events payments.parquet --rate 1000 --json",
        ),
    )(command)


def command(
    *,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", metavar="DIR", help="Whose models and policy to use. Default: .lagmark"
        ),
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(
            "--events",
            "-e",
            metavar="PATH",
            help="Events to send. Default: the daily partitions of DIR, else generated payments.",
        ),
    ] = None,
    rate: Annotated[
        float, typer.Option("--rate", min=1, help="Requests a second of the open loop.")
    ] = 500,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.1, max=600, help="Length of each measurement.")
    ] = 10,
    connections: Annotated[
        int, typer.Option("--connections", min=1, max=256, help="Requests in flight, saturated.")
    ] = 16,
    alerts_per_day: Annotated[
        int | None,
        typer.Option("--alerts-per-day", min=1, help="Alert budget. Default: that of the policy."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="HTML report. Default: DIR/reports/bench.html"),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Measure speed and quality of the decision service, with a ledger of its own.

    A service is started on the models and policy of --data, with an empty ledger on the same disk,
    and gets each event once: some in batches until its state is warm, then one at a time, saturated
    over --connections, at --rate whatever the answers take, and in batches of 500. The gates say
    what was reached; they do not change the exit status. Nothing in --data is changed but the
    report.
    """
    from lagmark.apps.bench.report import bench_page
    from lagmark.apps.bench.run import bench
    from lagmark.clock import utc_now
    from lagmark.schema.time import to_micros
    from lagmark.wiring import Home
    from lagmark.wiring.configuration import load_serve_settings

    output = Output(json)
    settings = load_serve_settings({"data": data})
    report = writable(out or Home(settings.data).report("bench"))
    outcome = bench(
        settings,
        events=events,
        rate=rate,
        seconds=seconds,
        connections=connections,
        alerts_per_day=alerts_per_day,
        now=to_micros(utc_now()),
        reporter=output,
    )
    bench_page(outcome).write(report)
    output.result({**outcome.as_dict(), "report": report}, lambda: _story(output, outcome, report))


def _story(output: Output, outcome: BenchOutcome, report: Path) -> None:
    from lagmark.apps.bench.gates import shown
    from lagmark.reports import number, percent

    service, quality = outcome.service, outcome.quality
    version = service["model_version"]
    output.line(
        f"Domain {service['domain']}, {service['features']} features, "
        + (f"model {version} ({service['model']})" if version else "no champion: rules answer")
    )
    output.table(
        ("", "decisions", "refused", "a second", "a core second", "p50 ms", "p95 ms", "p99 ms",
         "max ms"),
        [
            (
                name.replace("_", " "),
                phase.decisions,
                phase.refused,
                round(phase.per_second),
                None if phase.per_core_second is None else round(phase.per_core_second),
                *(
                    number(value)
                    for value in (phase.p50_ms, phase.p95_ms, phase.p99_ms, phase.max_ms)
                ),
            )
            for name, phase in outcome.phases.items()
        ],
    )  # fmt: skip
    if quality.reason:
        output.line(f"No precision and recall: {quality.reason}.")
    else:
        output.line(
            f"With {quality.alerts_per_day} alerts a day: precision "
            f"{percent(quality.precision, 1)}, recall {percent(quality.recall, 1)} over "
            f"{quality.events:,} labelled events of {quality.days} days."
        )
    for gate in outcome.gates:
        note = f" ({gate.hint})" if gate.hint else ""
        output.line(
            f"{'PASS' if gate.passed else 'FAIL'}  {gate.name.replace('_', ' ')} {gate.wanted}: "
            f"{shown(gate.value)}{note}"
        )
    output.line(f"Report: {report}")
