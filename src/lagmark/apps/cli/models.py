"""``lagmark train``, ``evaluate`` and ``runs``."""

from __future__ import annotations

from json import loads
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lagmark.apps.cli.options import (
    AsOfOption,
    DomainOption,
    EventsOption,
    JsonOption,
    examples,
    find_domain,
    instant,
)
from lagmark.apps.cli.output import Output
from lagmark.apps.cli.registry import AnyDomainOption, HomeOption, open_registry, the_bundle
from lagmark.errors import ConfigError

if TYPE_CHECKING:
    from lagmark.ports.model_registry import ModelRegistry
    from lagmark.settings import RunSettings

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        "train",
        epilog=examples(
            "lagmark train --domain handbook --events payments.parquet --as-of 2018-08-08",
            "lagmark train -d card -e card.csv --model lightgbm --train-days 180",
            "lagmark train -d card -e card.csv --model xgboost --param max_depth=8",
            "lagmark train -d card -e history --maturity maturity_weighted --as-of 2025-03-01",
        ),
    )(train)
    app.command(
        "evaluate",
        epilog=examples(
            "lagmark evaluate -d handbook -e payments.parquet --from 2018-08-08 --to 2018-08-15",
            "lagmark evaluate -d card -e card.csv --from 2020-11-01 --to 2020-12-01 "
            "--model challenger",
            "lagmark evaluate -d card -e card.csv --from 2020-11-01 --to 2020-12-01 --model 3f2a",
        ),
    )(evaluate)
    app.command(
        "runs", epilog=examples("lagmark runs", "lagmark runs --domain handbook --limit 5")
    )(runs)


def train(
    *,
    domain: DomainOption,
    events: EventsOption,
    as_of: AsOfOption = None,
    feature_set: Annotated[
        str | None, typer.Option("--feature-set", "-f", metavar="NAME", help="Feature set.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", metavar="KIND", help="Model.")] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            metavar="NAME=VALUE",
            help="Parameter of the model over the kind's defaults. Repeat it for several; needs "
            "--model.",
        ),
    ] = None,
    train_days: Annotated[
        int | None, typer.Option("--train-days", help="Days to learn from.")
    ] = None,
    maturity: Annotated[
        str | None,
        typer.Option(
            "--maturity",
            metavar="POLICY",
            help="What to make of silent events: naive, fixed_delay, maturity_weighted, "
            "feedback_delayed or positive_unlabelled. Default: a label column as it is; label "
            "messages by fixed_delay.",
        ),
    ] = None,
    delay: Annotated[
        str | None,
        typer.Option("--delay", metavar="30d", help="Age a label must have to be used."),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of everything random.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Train one model on what was known at an instant, record and register it.

    Events come from a file with a column of labels, or from a folder that holds events and label
    messages as `lagmark simulate --scenario` and `lagmark export` write it.
    """
    settings = _settings(
        domain=domain, events=events, home=home, feature_sets=feature_set,
        models=_model(model, param or []), train_days=train_days, delay=delay, seed=seed,
    )  # fmt: skip
    from lagmark.apps.jobs.train_model import train_as_of

    output = Output(json)
    trained = train_as_of(settings, as_of=instant(as_of), reporter=output, policy=maturity)
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
        str,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="champion, challenger or previous; a run or version from `lagmark runs`; or the "
            "directory of a model.",
        ),
    ] = "champion",
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
    """Measure a stored model on a period after it was trained."""
    settings = _settings(domain=domain, events=events, home=home)
    from lagmark.apps.jobs.evaluate_model import evaluate_model

    first, last = instant(start), instant(end)
    assert first is not None
    assert last is not None
    output = Output(json)
    bundle, version = the_bundle(open_registry(home), model, domain)
    found = evaluate_model(
        settings, bundle, start=first, end=last, as_of=instant(as_of), reporter=output
    )

    called = model if version is None else f"Version {version} ({model})"

    def render() -> None:
        output.line(
            f"{called} on {found.metrics.events:,} events with "
            f"{found.metrics.frauds:,} frauds, by labels known at {found.as_dict()['as_of']}"
        )
        rows = [
            (name.replace("_", " "), e.value, e.low, e.high)
            for name, e in found.metrics.estimates.items()
        ]
        output.table(("figure", "value", "95 % from", "to"), rows)

    output.result({**found.as_dict(), "version": version}, render)


def runs(
    domain: AnyDomainOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Runs to list.")] = 20,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List the recorded runs of one or all domains, the best PR-AUC first."""
    registry = open_registry(home)
    names = registry.domains() if domain is None else [find_domain(domain).name]
    listed = [one for name in names for one in _listed(registry, name, limit)]
    # Each domain comes sorted; several are merged, those without a figure last.
    listed.sort(key=lambda one: (one["pr_auc"] is None, -(one["pr_auc"] or 0.0)))
    listed = listed[:limit]
    output = Output(json)

    def render() -> None:
        if not listed:
            which = f" of {names[0]}" if domain is not None else ""
            output.line(f"No runs{which} yet; lagmark run --domain NAME --events PATH makes some.")
            return
        headers = ("run", "domain", "name", "PR-AUC", "ROC-AUC", "card prec.@100", "as of",
                   "version", "is", "last ruling")  # fmt: skip
        keys = ("run_id", "domain", "name", "pr_auc", "roc_auc", "card_precision_at_100", "as_of",
                "version", "aliases")  # fmt: skip
        rows = [(*(one[key] for key in keys), _last_ruling(one["rulings"])) for one in listed]
        output.table(headers, rows)

    told = names[0] if len(names) == 1 else None
    output.result({"command": "runs", "domain": told, "runs": listed}, render)


def _listed(registry: ModelRegistry, domain: str, limit: int) -> list[dict[str, Any]]:
    standing = {v.version: ", ".join(v.aliases) for v in registry.versions(domain)}
    return [
        {
            "run_id": run.run_id,
            "domain": domain,
            "name": run.name,
            "pr_auc": run.metrics.get("pr_auc"),
            "roc_auc": run.metrics.get("roc_auc"),
            "card_precision_at_100": run.metrics.get("card_precision_at_100"),
            "policy": run.params.get("policy", ""),
            "kind": run.params.get("kind", ""),
            "feature_set": run.tags.get("lagmark.feature_set"),
            "contract_hash": run.tags.get("lagmark.contract_hash"),
            "as_of": run.tags.get("lagmark.as_of"),
            "started": run.started,
            "version": run.version,
            "aliases": standing.get(run.version or 0, ""),
            "rulings": [ruling.as_dict() for ruling in registry.rulings(run.run_id)],
        }
        for run in registry.runs(domain, limit=limit)
    ]


def _last_ruling(rulings: list[dict[str, str]]) -> str:
    return f"{rulings[-1]['what']} {rulings[-1]['at'][:10]}".replace("_", " ") if rulings else ""


def _model(kind: str | None, given: list[str]) -> Any:
    """Setting of the model to train."""
    if not given:
        return kind
    if kind is None:
        raise ConfigError(
            "parameters belong to a model", where="--param", hint="give --model KIND as well"
        )
    return [{"kind": kind, "params": dict(_parameter(text) for text in given)}]


def _parameter(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (name.isidentifier() and equals):
        raise ConfigError(
            f"{text!r} is no parameter", where="--param", hint="write it as max_depth=6"
        )
    try:
        return name, loads(value)
    except ValueError:
        return name, value


def _settings(**flags: Any) -> RunSettings:
    from lagmark.wiring import load_settings

    return load_settings(flags=flags)
