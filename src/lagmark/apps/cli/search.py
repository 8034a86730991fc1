"""``lagmark search``: the parameters of a model."""

from __future__ import annotations

import json as json_module
from typing import TYPE_CHECKING, Annotated

import typer

from lagmark.apps.cli.options import DomainOption, EventsOption, JsonOption, examples
from lagmark.apps.cli.output import Output
from lagmark.apps.cli.registry import HomeOption  # noqa: TC001 - Typer reads annotations

if TYPE_CHECKING:
    from lagmark.apps.jobs.search import Searched

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "search",
        epilog=examples(
            "lagmark search --domain handbook --events payments.parquet --trials 50",
            "lagmark search -d card -e card.csv --model lightgbm --trials 200 --minutes 30",
        ),
    )(command)


def command(
    *,
    domain: DomainOption,
    events: EventsOption,
    trials: Annotated[
        int, typer.Option("--trials", min=1, help="Attempts, those of earlier sessions included.")
    ] = 50,
    minutes: Annotated[
        float | None,
        typer.Option("--minutes", min=0.0, help="No attempt begins later than this."),
    ] = None,
    model: Annotated[str | None, typer.Option("--model", metavar="KIND", help="Model.")] = None,
    feature_set: Annotated[
        str | None, typer.Option("--feature-set", "-f", metavar="NAME", help="Feature set.")
    ] = None,
    folds: Annotated[int | None, typer.Option("--folds", help="Number of test ranges.")] = None,
    train_days: Annotated[
        int | None, typer.Option("--train-days", help="Days to learn from before each test.")
    ] = None,
    test_days: Annotated[int | None, typer.Option("--test-days", help="Days of each test.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of everything random.")] = None,
    threads: Annotated[int | None, typer.Option("--threads", help="Threads to train with.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Search the parameters of a model over test ranges that follow each other in time.

    Every attempt is trained on what was known when its test begins; attempts that fall behind
    half way are given up. They are kept as they end, so the same command goes on after a stop.
    The model with the best ones is recorded as a run.
    """
    from lagmark.wiring import load_settings

    settings = load_settings(
        flags={
            "domain": domain, "events": events, "home": home, "feature_sets": feature_set,
            "models": model, "folds": folds, "train_days": train_days, "test_days": test_days,
            "seed": seed, "threads": threads,
        }
    )  # fmt: skip
    from lagmark.apps.jobs.search import search_parameters

    output = Output(json)
    found = search_parameters(settings, trials=trials, minutes=minutes, reporter=output)
    output.result(found.as_dict(), lambda: _told(output, found))


def _told(output: Output, found: Searched) -> None:
    result = found.result
    ranked = sorted(
        (a for a in result.attempts if a.state == "complete"), key=lambda a: (-a.value, a.number)
    )
    rows = [
        (a.number, a.value, json_module.dumps(dict(a.params), sort_keys=True)) for a in ranked[:10]
    ]
    pruned = len(result.attempts) - len(ranked)
    output.table(
        ("attempt", "mean PR-AUC", "parameters"),
        rows,
        f"{len(result.attempts)} attempts on {len(found.folds)} test ranges, {pruned} given up, "
        f"{result.resumed} from earlier sessions",
    )
    output.line(
        f"Best {result.best.value:.4f}, began with {result.start.value:.4f}. "
        f"Recorded as run {found.run.run_id}."
    )
