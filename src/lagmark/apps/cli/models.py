"""``lagmark train``, ``evaluate``, ``runs``, ``promote`` and ``rollback``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lagmark.apps.cli.options import (
    AsOfOption,
    DomainOption,
    EventsOption,
    JsonOption,
    examples,
    instant,
)
from lagmark.apps.cli.output import Output
from lagmark.ports.model_registry import Alias

if TYPE_CHECKING:
    from lagmark.ports.model_registry import ModelRegistry, ModelVersion
    from lagmark.settings import RunSettings

__all__ = ["register"]

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help="Where everything is kept. Default: .lagmark"),
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for those who come later.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        "train",
        epilog=examples(
            "lagmark train --domain handbook --events payments.parquet --as-of 2018-08-08",
            "lagmark train -d card -e card.csv --model lightgbm --train-days 180",
        ),
    )(train)
    app.command(
        "evaluate",
        epilog=examples(
            "lagmark evaluate -d handbook -e payments.parquet --from 2018-08-08 --to 2018-08-15",
            "lagmark evaluate -d card -e card.csv --from 2020-11-01 --to 2020-12-01 "
            "--model challenger",
        ),
    )(evaluate)
    app.command("runs", epilog=examples("lagmark runs --domain handbook --limit 5"))(runs)
    app.command(
        "promote",
        epilog=examples('lagmark promote 3f2a... --domain handbook --reason "better in August"'),
    )(promote)
    app.command(
        "rollback", epilog=examples('lagmark rollback --domain handbook --reason "false alarms"')
    )(rollback)


def train(
    *,
    domain: DomainOption,
    events: EventsOption,
    as_of: AsOfOption = None,
    feature_set: Annotated[
        str | None, typer.Option("--feature-set", "-f", metavar="NAME", help="Feature set.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", metavar="KIND", help="Model.")] = None,
    train_days: Annotated[
        int | None, typer.Option("--train-days", help="Days to learn from.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of everything random.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Train one model on what was known at an instant, record and register it."""
    settings = _settings(
        domain=domain, events=events, home=home, feature_sets=feature_set, models=model,
        train_days=train_days, seed=seed,
    )  # fmt: skip
    from lagmark.apps.jobs.train_model import train_as_of

    output = Output(json)
    trained = train_as_of(settings, as_of=instant(as_of), reporter=output)
    found = trained.as_dict()

    def render() -> None:
        output.line(
            f"Trained {found['kind']} on '{found['feature_set']}' as of {found['as_of']}: "
            f"{found['train_events']:,} events, {found['train_frauds']:,} frauds "
            f"({found['train_start']} to {found['train_end']})"
        )
        output.line(f"Run {found['run_id']}, version {found['version']}.")
        output.line(
            f"To put it in charge: lagmark promote {found['run_id']} --domain {domain} "
            '--reason "why"'
        )

    output.result(found, render)


def evaluate(
    *,
    domain: DomainOption,
    events: EventsOption,
    start: Annotated[
        str, typer.Option("--from", metavar="DATE", help="First day of the period, UTC.")
    ],
    end: Annotated[str, typer.Option("--to", metavar="DATE", help="First day after it, UTC.")],
    model: Annotated[
        Alias, typer.Option("--model", help="Which registered model.")
    ] = Alias.CHAMPION,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            metavar="INSTANT",
            help="Use labels known by then. Default: one label delay after the period.",
        ),
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Measure a registered model on a period after it was trained."""
    settings = _settings(domain=domain, events=events, home=home)
    from lagmark.apps.jobs.evaluate_model import evaluate_registered

    first, last = instant(start), instant(end)
    assert first is not None
    assert last is not None
    output = Output(json)
    found = evaluate_registered(
        settings, alias=model, start=first, end=last, as_of=instant(as_of), reporter=output
    )

    def render() -> None:
        output.line(
            f"Version {found.version} ({model.value}) on {found.metrics.events:,} events with "
            f"{found.metrics.frauds:,} frauds, by labels known at {found.as_dict()['as_of']}"
        )
        rows = [
            (name.replace("_", " "), e.value, e.low, e.high)
            for name, e in found.metrics.estimates.items()
        ]
        output.table(("figure", "value", "95 % from", "to"), rows)

    output.result(found.as_dict(), render)


def runs(
    domain: DomainOption,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Runs to list.")] = 20,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List the recorded runs of a domain, the best PR-AUC first."""
    name, registry = _registry(domain, home)
    standing = {v.version: ", ".join(v.aliases) for v in registry.versions(name)}
    listed: list[dict[str, Any]] = [
        {
            "run_id": run.run_id,
            "name": run.name,
            "pr_auc": run.metrics.get("pr_auc"),
            "roc_auc": run.metrics.get("roc_auc"),
            "card_precision_at_100": run.metrics.get("card_precision_at_100"),
            "as_of": run.tags.get("lagmark.as_of"),
            "started": run.started,
            "version": run.version,
            "aliases": standing.get(run.version or 0, ""),
        }
        for run in registry.runs(name, limit=limit)
    ]
    output = Output(json)

    def render() -> None:
        if not listed:
            output.line(f"No runs of {name} yet; lagmark run --domain {domain} makes some.")
            return
        headers = ("run", "name", "PR-AUC", "ROC-AUC", "card prec.@100", "as of", "version", "is")
        keys = ("run_id", "name", "pr_auc", "roc_auc", "card_precision_at_100", "as_of",
                "version", "aliases")  # fmt: skip
        output.table(headers, [tuple(one[key] for key in keys) for one in listed])

    output.result({"command": "runs", "domain": name, "runs": listed}, render)


def promote(
    candidate: Annotated[
        str, typer.Argument(metavar="RUN", help="Run id from `lagmark runs`, or a version number.")
    ],
    domain: DomainOption,
    reason: ReasonOption,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Make a run's model the champion; the one until now becomes previous."""
    name, registry = _registry(domain, home)
    # Run ids are 32 hexadecimal digits; a version never gets that long.
    chosen = int(candidate) if candidate.isdigit() and len(candidate) < 32 else candidate
    _tell(Output(json), "promote", registry.promote(name, chosen, reason=reason))


def rollback(
    domain: DomainOption,
    reason: ReasonOption,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Make the previous champion the champion again."""
    name, registry = _registry(domain, home)
    _tell(Output(json), "rollback", registry.rollback(name, reason=reason))


def _settings(**flags: Any) -> RunSettings:
    from lagmark.wiring import load_settings

    return load_settings(flags=flags)


def _registry(domain: str, home: Path | None) -> tuple[str, ModelRegistry]:
    from lagmark.apps.cli.options import find_domain
    from lagmark.wiring import Home, home_directory

    return find_domain(domain).name, Home(home_directory(home)).registry()


def _tell(output: Output, command: str, version: ModelVersion) -> None:
    payload = {
        "command": command,
        "domain": version.domain,
        "version": version.version,
        "run_id": version.run_id,
        "aliases": list(version.aliases),
    }
    output.result(
        payload,
        lambda: output.line(f"Version {version.version} of {version.domain} is champion."),
    )
