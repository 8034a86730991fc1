"""``lagmark promote``, ``rollback`` and ``card``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from lagmark.apps.cli.options import JsonOption, examples, find_domain, instant, writable
from lagmark.apps.cli.output import Output
from lagmark.apps.cli.registry import (
    AnyDomainOption,
    HomeOption,
    ReasonOption,
    open_registry,
    the_domain,
    the_run,
)
from lagmark.errors import ConfigError, RegistryError
from lagmark.ports.model_registry import Alias

if TYPE_CHECKING:
    from lagmark.learning.gates import GateReport
    from lagmark.ports.model_registry import LoggedRun, ModelRegistry, ModelVersion

__all__ = ["register"]

RunArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="Run id from `lagmark runs` (its beginning will do), or a version number.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        "promote",
        epilog=examples(
            'lagmark promote 3f2a --reason "better in August"',
            "lagmark promote 3f2a --gate --events payments.parquet --as-of 2018-09-30",
            'lagmark promote 3f2a --alias challenger --reason "to be compared"',
        ),
    )(promote)
    app.command(
        "rollback",
        epilog=examples('lagmark rollback --reason "false alarms"'),
    )(rollback)
    app.command(
        "card",
        epilog=examples("lagmark card 3f2a", "lagmark card 3f2a --format html --out card.html"),
    )(card)


def promote(
    candidate: RunArgument,
    *,
    domain: AnyDomainOption = None,
    reason: ReasonOption = None,
    alias: Annotated[
        Literal["champion", "challenger", "shadow"],
        typer.Option("--alias", help="What it becomes: decides, is compared, or only scores."),
    ] = "champion",
    gate: Annotated[
        bool, typer.Option("--gate", help="Only if it passes the gates, measured on --events.")
    ] = False,
    events: Annotated[
        Path | None,
        typer.Option("--events", "-e", metavar="PATH", help="What the gates measure on."),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            metavar="INSTANT",
            help="Gates use labels known by then. Default: everything there is.",
        ),
    ] = None,
    mature_age: Annotated[
        str | None,
        typer.Option(
            "--mature-age",
            metavar="30d",
            help="Gates use events at least as old. Default: the age at which nine in ten fraud "
            "labels are known, or the domain's label delay.",
        ),
    ] = None,
    metric: Annotated[str, typer.Option("--metric", help="Figure that must be better.")] = "pr_auc",
    p99_ms: Annotated[
        float, typer.Option("--p99-ms", min=0.0, help="Time one row may take, 99th percentile.")
    ] = 20.0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the intervals.")] = 0,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Make a run's model the champion; the one until now becomes previous.

    By hand with --reason, or with --gate: better than the champion on mature labels by more than
    the paired interval, calibrated, of the service's contract, and fast enough. What the gates
    found is kept as the reason, of a refusal too.
    """
    registry = open_registry(home)
    run = the_run(registry, candidate, domain)
    output = Output(json)
    report = None
    if gate:
        if events is None:
            raise ConfigError("gates need events", where="--events", hint="give --events PATH")
        report = _judged(
            registry, run, domain, output, events=events, as_of=as_of, mature_age=mature_age,
            metric=metric, p99_ms=p99_ms, seed=seed, home=home,
        )  # fmt: skip
    refused = report is not None and not report.passed
    version = None
    if report is not None and refused:
        registry.refuse(run.run_id, reason=_why(reason, report))
    else:
        why = _why(reason, report) or "promoted by hand, no reason given"
        version = _stand(registry, run, Alias(alias), why)
    payload = {
        "command": "promote",
        "domain": run.domain,
        "run_id": run.run_id,
        "promoted": not refused,
        "version": version.version if version else run.version,
        "aliases": list(version.aliases) if version else [],
        "gate": report.as_dict() if report else None,
    }
    output.result(payload, lambda: _told(output, report, version, alias))
    if refused and report is not None:
        output.fail(
            RegistryError(
                "the gates refuse this model",
                where=run.run_id,
                hint="`lagmark card` keeps why; promote it by hand with --reason if you know "
                "better",
            )
        )


def rollback(
    domain: AnyDomainOption = None,
    reason: ReasonOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Make the previous champion the champion again, with exactly its old decisions."""
    registry = open_registry(home)
    name = the_domain(registry, domain)
    why = "rolled back by hand, no reason given" if reason is None else reason
    version = registry.rollback(name, reason=why)
    output = Output(json)
    payload = {
        "command": "rollback",
        "domain": version.domain,
        "version": version.version,
        "run_id": version.run_id,
        "aliases": list(version.aliases),
    }
    output.result(
        payload,
        lambda: output.line(f"Version {version.version} of {version.domain} is champion again."),
    )


def card(
    candidate: RunArgument,
    domain: AnyDomainOption = None,
    form: Annotated[
        Literal["md", "html", "json"], typer.Option("--format", help="Markdown, a page, or JSON.")
    ] = "md",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write it to a file.")
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show the card of a model: data, maturity, figures with intervals, segments, limits.

    With every promotion, refusal and rollback of it since.
    """
    from lagmark.learning.card import CARD_FILES, ModelCard

    registry = open_registry(home)
    run = the_run(registry, candidate, domain)
    rulings = registry.rulings(run.run_id)
    found = ModelCard.read(registry.bundle_of(run.run_id))
    text = found.texts(rulings)[CARD_FILES[form]]
    output = Output(json)
    if out is not None:
        from lagmark.atomic import replacing

        with replacing(writable(out)) as draft:
            draft.write_text(text, encoding="utf-8")
    payload = {
        "command": "card",
        "run_id": run.run_id,
        "domain": run.domain,
        "file": None if out is None else str(out),
        "card": found.as_dict(),
        "rulings": [one.as_dict() for one in rulings],
    }
    output.result(payload, lambda: output.line(text.rstrip() if out is None else f"Card: {out}"))


def _judged(
    registry: ModelRegistry,
    run: LoggedRun,
    domain: str | None,
    output: Output,
    *,
    events: Path,
    as_of: str | None,
    mature_age: str | None,
    metric: str,
    p99_ms: float,
    seed: int,
    home: Path | None,
) -> GateReport:
    from lagmark.apps.jobs.gate import judge_run
    from lagmark.learning.gates import Limits
    from lagmark.schema.time import parse_duration
    from lagmark.wiring import Home, home_directory

    chosen = find_domain(domain or run.domain)
    return judge_run(
        run,
        chosen,
        registry,
        events=events,
        dead_letters=Home(home_directory(home)).dead_letters(chosen.name),
        as_of=instant(as_of),
        mature_age=None if mature_age is None else parse_duration(mature_age),
        limits=Limits(metric=metric, p99_ms=p99_ms),
        seed=seed,
        reporter=output,
    )


def _why(said: str | None, report: GateReport | None) -> str:
    return "; ".join(part for part in (said, report.reason if report else None) if part)


def _stand(registry: ModelRegistry, run: LoggedRun, alias: Alias, why: str) -> ModelVersion:
    if alias is Alias.CHAMPION:
        return registry.promote(run.domain, run.run_id, reason=why)
    if alias is Alias.SHADOW:
        version = registry.register(run.run_id).version
        return registry.set_alias(run.domain, alias, version)
    return registry.challenge(run.domain, run.run_id, reason=why)


def _told(
    output: Output, report: GateReport | None, version: ModelVersion | None, alias: str
) -> None:
    if report is not None:
        rows: list[tuple[Any, ...]] = [
            (gate.name, "pass" if gate.passed else "FAIL", gate.text) for gate in report.gates
        ]
        title = f"{report.events:,} mature events, {report.frauds:,} frauds"
        output.table(("gate", "", "found"), rows, title)
    if version is not None:
        output.line(f"Version {version.version} of {version.domain} is {alias}.")
