"""``lagmark run``: the whole way in, in one command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lagmark.apps.cli.options import JsonOption, examples
from lagmark.apps.cli.output import Output

if TYPE_CHECKING:
    from lagmark.apps.jobs.outcome import RunOutcome

__all__ = ["finish", "register", "summarise"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "run",
        epilog=examples(
            "lagmark run --domain handbook --events payments.parquet",
            "lagmark run --domain handbook --events payments.parquet --protocol published",
            "lagmark run --domain card --events card.csv --models xgboost,logistic_regression",
            "lagmark run --config run.yaml --json > results.json",
        ),
    )(command)


def command(
    *,
    domain: Annotated[
        str | None,
        typer.Option(
            "--domain", "-d", metavar="NAME", help="Domain, or a Python file of your own."
        ),
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option("--events", "-e", metavar="PATH", help="File or folder of events."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", metavar="FILE", help="YAML file of settings."),
    ] = None,
    home: Annotated[
        Path | None,
        typer.Option("--home", metavar="DIR", help="Where everything is kept. Default: .lagmark"),
    ] = None,
    protocol: Annotated[
        Literal["default", "published"] | None,
        typer.Option(
            "--protocol", help="'published' measures as the domain's published result was."
        ),
    ] = None,
    feature_sets: Annotated[
        str | None,
        typer.Option("--feature-sets", metavar="NAMES", help="Feature sets, comma-separated."),
    ] = None,
    models: Annotated[
        str | None, typer.Option("--models", metavar="KINDS", help="Models, comma-separated.")
    ] = None,
    folds: Annotated[int | None, typer.Option("--folds", help="Number of test ranges.")] = None,
    train_days: Annotated[
        int | None, typer.Option("--train-days", help="Days to learn from before each test.")
    ] = None,
    test_days: Annotated[int | None, typer.Option("--test-days", help="Days of each test.")] = None,
    test_start: Annotated[
        str | None,
        typer.Option("--test-start", metavar="DATE", help="First day of the last test."),
    ] = None,
    delay: Annotated[
        str | None,
        typer.Option("--delay", metavar="7d", help="Age a label must have to be used."),
    ] = None,
    alerts_per_day: Annotated[
        int | None, typer.Option("--alerts-per-day", help="Alerts people can work a day.")
    ] = None,
    resamples: Annotated[
        int | None, typer.Option("--resamples", help="Bootstrap resamples; 0 for no intervals.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of everything random.")] = None,
    threads: Annotated[int | None, typer.Option("--threads", help="Threads to train with.")] = None,
    parity: Annotated[
        bool | None,
        typer.Option("--parity/--no-parity", help="Recompute online and compare bit for bit."),
    ] = None,
    register_best: Annotated[
        bool | None,
        typer.Option("--register-best/--no-register-best", help="Register the best model."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Validate, compute features, train on labels known at the time, evaluate, register, compare.

    Settings come from --config, the environment (LAGMARK_DOMAIN, LAGMARK_HOME, ...) and these
    options, the later over the earlier.
    """
    from lagmark.wiring import load_settings

    given = {
        "domain": domain,
        "events": events,
        "home": home,
        "protocol": protocol,
        "feature_sets": feature_sets,
        "models": models,
        "folds": folds,
        "train_days": train_days,
        "test_days": test_days,
        "test_start": test_start,
        "delay": delay,
        "alerts_per_day": alerts_per_day,
        "resamples": resamples,
        "seed": seed,
        "threads": threads,
        "parity": parity,
        "register_best": register_best,
    }
    settings = load_settings(config, given)
    from lagmark.apps.jobs.run import run

    output = Output(json)
    outcome = run(settings, reporter=output)
    output.result(outcome.as_dict(), lambda: summarise(output, outcome))
    finish(outcome)


def finish(outcome: RunOutcome) -> None:
    """End the command with the status of a parity error if there is a difference.

    Raises
    ------
    typer.Exit
        If there is.
    """
    from lagmark.errors import ParityError

    for parity in outcome.parity:
        try:
            parity.require()
        except ParityError as problem:
            # The result stands on stdout already, and must stay the only document there.
            Output(json=False).error(problem)
            raise typer.Exit(problem.exit_code) from None


def summarise(output: Output, outcome: RunOutcome) -> None:
    """Print what a run found, for people."""
    found = outcome.validation
    output.line(
        f"{found.rows:,} rows = {found.events:,} events ({found.frauds:,} frauds) "
        f"+ {found.dead:,} dead letters"
    )
    rows = []
    for result in outcome.results:
        pr = result.metrics.estimates["pr_auc"]
        interval = "–" if pr.low is None else f"{pr.low:.3f}-{pr.high:.3f}"
        rows.append(
            (
                result.trial.fold.name,
                result.trial.model.label,
                result.trial.feature_set,
                result.model.train_events,
                result.model.train_frauds,
                result.metrics.events,
                result.metrics.frauds,
                result.metrics["roc_auc"],
                result.metrics["pr_auc"],
                interval,
                result.card_precision_at_100,
            )
        )
    output.table(
        ("test from", "model", "features", "train", "frauds", "test", "frauds", "ROC-AUC",
         "PR-AUC", "95 %", "card prec.@100"),
        rows,
        "Trained on labels known at the time, tested on what came after",
    )  # fmt: skip
    if len(outcome.means) < len(outcome.results):
        output.table(
            ("model", "features", "tests", "ROC-AUC", "PR-AUC", "card prec.@100"),
            [tuple(mean.values()) for mean in outcome.means],
            "Means over the tests",
        )
    for name, caveat in outcome.plan.caveats.items():
        if name in outcome.plan.feature_sets:
            output.line(f"Do not believe '{name}': {caveat}.")
    for note in outcome.plan.notes:
        output.line(f"Note: {note}.")
    for parity in outcome.parity:
        output.line(
            f"Parity of '{parity.feature_set}': {parity.compared:,} events recomputed online "
            f"({parity.replayed:,} of {parity.day} one by one), parity_differences: "
            f"{parity.differences}"
        )
    registration = outcome.registration
    if registration is not None:
        output.line(
            f"Registered {registration.model} on '{registration.feature_set}' as version "
            f"{registration.version}, {registration.alias}."
        )
        if registration.alias != "champion":
            output.line(
                f"Champion is version {registration.champion_version}. To promote this one: "
                f"lagmark promote {registration.run_id} --domain {outcome.domain.name} "
                '--reason "why"'
            )
    output.line(f"Report: {outcome.report}")
    if outcome.dead_letters is not None:
        output.line(f"Dead letters: {outcome.dead_letters}")
