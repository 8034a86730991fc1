"""``lagmark demo``: the whole main job on generated payments."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lagmark.apps.cli.options import JsonOption, examples
from lagmark.apps.cli.output import Output
from lagmark.apps.cli.run import finish
from lagmark.apps.cli.sending import sent_lines
from lagmark.apps.jobs.demo_service import REPLAY_DAYS

if TYPE_CHECKING:
    from lagmark.apps.bench.process import ServiceProcess
    from lagmark.apps.jobs.demo import DemoOutcome

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "demo",
        epilog=examples(
            "lagmark demo", "lagmark demo --customers 500 --terminals 1000 --radius 15 --days 60"
        ),
    )(command)


def command(
    *,
    home: Annotated[
        Path | None,
        typer.Option("--home", metavar="DIR", help="Where everything is kept. Default: .lagmark"),
    ] = None,
    customers: Annotated[int, typer.Option("--customers", min=1, help="Customers.")] = 5_000,
    terminals: Annotated[int, typer.Option("--terminals", min=1, help="Terminals.")] = 10_000,
    days: Annotated[int, typer.Option("--days", min=20, help="Days.")] = 183,
    radius: Annotated[
        float, typer.Option("--radius", help="How far customers go to pay, on a plane of 100.")
    ] = 5.0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")] = 0,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port of the service. 0: any.")
    ] = 8000,
    keep: Annotated[
        bool | None,
        typer.Option(
            "--keep/--no-keep",
            help="Leave the service running until Ctrl-C. Default: if this is a terminal.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """From nothing to a model in charge of a running service, on generated payments."""
    from lagmark.apps.jobs.demo import demo
    from lagmark.wiring import home_directory

    output = Output(json)
    output.note("Lagmark demo: about three to five minutes, everything on this machine.")
    outcome = demo(
        home_directory(home),
        reporter=output,
        customers=customers,
        terminals=terminals,
        days=days,
        radius=radius,
        seed=seed,
        port=_free(port),
    )
    try:
        output.result(outcome.as_dict(), lambda: _story(output, outcome))
        if outcome.service is not None and (sys.stdout.isatty() if keep is None else keep):
            _stay(output, outcome.service)
    finally:
        if outcome.service is not None:
            outcome.service.stop()
    finish(outcome.run)


def _free(port: int) -> int:
    """The port, or any if somebody has it."""
    with socket.socket() as probe:
        return 0 if port and probe.connect_ex(("127.0.0.1", port)) == 0 else port


def _stay(output: Output, service: ServiceProcess) -> None:
    output.line()
    output.line(f"The service runs at {service.url} (documentation: {service.url}/docs).")
    output.line(f"Its key, good for a day: {service.key('decide', 'read', 'label')}")
    output.line("Ctrl-C answers what was begun, keeps the state and ends.")
    try:
        service.wait()
    except KeyboardInterrupt:
        output.line("stopping")


def _story(output: Output, outcome: DemoOutcome) -> None:
    run = outcome.run
    result, found = run.results[-1], run.validation
    fold, metrics = result.trial.fold, result.metrics
    share = found.frauds / max(found.labels, 1)
    test_days = (fold.test_end - fold.test_start) // 86_400_000_000
    delay = fold.delay // 86_400_000_000
    budget = metrics.budget.per_day
    output.line()
    output.line("What happened")
    output.line(
        f"  1. Payments: {found.rows:,} generated over {outcome.days} days, {found.frauds:,} of "
        f"them fraud ({share:.2%}); {found.events:,} valid, {found.dead:,} set aside."
    )
    output.line(
        f"  2. Features: {len(result.model.names)} per payment, each from what was known at that "
        f"moment. Whether a payment was fraud is known only {delay} days later."
    )
    output.line(
        f"  3. Model: {result.trial.model.label}, trained as of {fold.name} on "
        f"{result.model.train_events:,} payments whose truth was known by then."
    )
    output.line(
        f"  4. Test: the next {test_days} days, {metrics.events:,} payments with "
        f"{metrics.frauds:,} frauds that nobody knew of."
    )
    parity = run.parity[0] if run.parity else None
    if parity is not None:
        output.line(
            f"  5. Replay: all {parity.compared:,} payments again through the online engine, the "
            f"{parity.replayed:,} of {parity.day} one by one;"
        )
        output.line(f"     parity_differences: {parity.differences} of {parity.values:,} values.")
    output.table(
        ("how well", "model", "ranking by amount alone", "guessing"),
        [
            ("PR-AUC (1 is perfect)", metrics["pr_auc"], result.amount_alone, result.guess),
            ("ROC-AUC (0.5 is guessing)", metrics["roc_auc"], None, 0.5),
        ],
    )
    precision, recall = metrics["precision_at_k"], metrics["recall_at_k"]
    if precision is not None and recall is not None:
        output.line(
            f"With {budget} alerts a day, {precision:.0%} of the alerts are frauds and they catch "
            f"{recall:.0%} of all frauds."
        )
    registration = run.registration
    if registration is not None:
        output.line(f"The model is version {registration.version}, {registration.alias}.")
    if outcome.served is not None:
        served = outcome.served
        output.line()
        output.line(
            f"The last {REPLAY_DAYS} days again, through the service ({served.url}), labels as "
            "they came in:"
        )
        for line in sent_lines(served.sent):
            output.line(f"  {line}")
        output.line(
            f"  ready after {served.first_start:.1f} s; stopped and started again: ready after "
            f"{served.second_start:.1f} s, and it "
            f"{'gave' if served.remembered else 'did not give'} the same answer again"
        )
    output.line()
    output.line("Where things lie")
    output.line(f"  payments       {outcome.payments}")
    output.line(f"  by day         {outcome.store}")
    output.line(f"  what they are  {outcome.exploration}")
    output.line(f"  how it went    {run.report}")
    output.line(f"  models         {run.settings.home / 'registry'}")
    output.line(f"  decisions      {run.settings.home / 'ledger.sqlite'}")
    output.line()
    output.line("What to try next")
    lagmark = _program()
    output.line(f"  {lagmark} verify --data {run.settings.home}")
    output.line(f"  {lagmark} serve --data {run.settings.home}")
    output.line(f"  {lagmark} runs --domain handbook --home {run.settings.home}")
    output.line(
        f"  {lagmark} run --domain handbook --events {outcome.payments} --home {run.settings.home}"
    )
    output.line(f"  {lagmark} run --domain card --events your-card-payments.csv")
    output.line("  your own columns: docs/own-domain.md")
    output.line()
    output.line(f"Done in {outcome.seconds:.0f} s.")


def _program() -> str:
    """How the reader called this program, so that the next commands can be pasted."""
    called = Path(sys.argv[0])
    if called.name != "lagmark" or not called.is_file():
        return "lagmark"
    return str(called.relative_to(Path.cwd()) if called.is_relative_to(Path.cwd()) else called)
