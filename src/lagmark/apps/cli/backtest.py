"""``lagmark backtest``: policies replayed day by day with what was known then."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lagmark.apps.cli.options import JsonOption, examples, find_domain, find_feature_set, writable
from lagmark.apps.cli.output import Output
from lagmark.errors import ConfigError

if TYPE_CHECKING:
    from lagmark.backtest import Source, Study

__all__ = ["register"]

_SHOWN = ("caught_share", "net_cost", "card_precision", "precision", "recall", "calibration")
_FEWEST_EVENTS = 100


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "backtest",
        epilog=examples(
            "lagmark backtest --scenario card_long_delay --seeds 3 --out study",
            "lagmark backtest --scenario card_adaptive --policies blocking --seeds 5 --out blocks",
            "lagmark backtest -s card_stable --policies mine.yaml --events 1000000 --days 90 "
            "--out big --json",
            "lagmark backtest --domain handbook --events payments.parquet --out handbook",
        ),
    )(_backtest)


def _backtest(
    *,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Folder of decisions, results and report.html. The same command goes on where "
            "an earlier one was stopped.",
        ),
    ],
    scenario: Annotated[
        str | None,
        typer.Option(
            "--scenario",
            "-s",
            metavar="NAME",
            help="World to live through: a name that `lagmark scenarios` lists, or a YAML file.",
        ),
    ] = None,
    domain: Annotated[
        str | None,
        typer.Option(
            "--domain",
            "-d",
            metavar="NAME",
            help="Instead of a scenario: what the rows of --events are, a name that `lagmark "
            "domains` lists, or a Python file of your own that defines DOMAIN.",
        ),
    ] = None,
    events: Annotated[
        str | None,
        typer.Option(
            "--events",
            "-e",
            metavar="N or PATH",
            help="With a scenario: about how many events. With a domain: CSV, Parquet or JSON "
            "lines file, or a folder of such files.",
        ),
    ] = None,
    policies: Annotated[
        str,
        typer.Option(
            "--policies",
            "-p",
            metavar="FILE",
            help="YAML file of policies, or one that comes with Lagmark: default, blocking or "
            "reference.",
        ),
    ] = "default",
    seeds: Annotated[
        int,
        typer.Option(
            "--seeds",
            metavar="N",
            help="Seeds 0 to N - 1: worlds, or with a data set models and control groups.",
        ),
    ] = 1,
    days: Annotated[
        int | None, typer.Option("--days", metavar="N", help="With a scenario: days of the world.")
    ] = None,
    feature_set: Annotated[
        str,
        typer.Option("--feature-set", "-f", metavar="NAME", help="Feature set of the domain."),
    ] = "default",
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", "-j", metavar="N", help="Processes side by side. Default: one per core."
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Replay days of payments under several policies, and compare what they caught.

    Each day only what was known then: a model is trained on the labels that had come, analysts
    label what was alerted, customers and banks speak late, refused payments stay silent. The
    truth is opened at the end.
    """
    from lagmark.apps.jobs.backtest import REPORT, RESULT, run_backtest
    from lagmark.backtest import Plan, load_policies

    output = Output(json)
    if seeds < 1:
        raise ConfigError(f"{seeds} seeds", where="--seeds", hint="give at least one")
    if jobs is not None and jobs < 1:
        raise ConfigError(f"{jobs} processes", where="--jobs", hint="give at least one")
    compared = load_policies(policies)
    source = _source(scenario, domain, events, days, feature_set)
    writable(out, folder=True)
    plan = Plan(source, compared, tuple(range(seeds)))
    study = run_backtest(plan, out, jobs=jobs or os.cpu_count() or 1, reporter=output)
    payload = {**study.as_dict(), "result": out / RESULT, "report": out / REPORT}

    def render() -> None:
        _render(output, study)
        output.line(f"the study is {out / REPORT}, all figures are in {out / RESULT}")

    output.result(payload, render)


def _source(
    scenario: str | None, domain: str | None, events: str | None, days: int | None, features: str
) -> Source:
    """The days that the options ask for."""
    from lagmark.apps.jobs.backtest_data import DataSource, WorldSource

    if (scenario is None) == (domain is None):
        raise ConfigError(
            "both a scenario and a domain are given"
            if scenario is not None
            else "neither a scenario nor a domain is given",
            where="backtest",
            hint="give --scenario NAME, or --domain NAME with --events FILE",
        )
    if domain is not None:
        if days is not None:
            raise ConfigError(
                "a data set has the days it has", where="--days", hint="leave it away"
            )
        if events is None or not Path(events).exists():
            raise ConfigError(
                "no events are given" if events is None else "there is no such file or folder",
                where=f"--events {events or ''}".strip(),
                hint="give a file of the domain's events",
            )
        find_feature_set(find_domain(domain), features)
        return DataSource(Path(events), domain, features)
    from lagmark.simulator import load_scenario

    given = {"events": _whole(events), "days": days}
    world = load_scenario(
        str(scenario), **{name: value for name, value in given.items() if value is not None}
    )
    find_feature_set(find_domain(world.domain), features)
    return WorldSource(world, features)


def _whole(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        number = int(text.replace("_", ""))
    except ValueError:
        number = 0
    if number < _FEWEST_EVENTS:
        raise ConfigError(
            f"{text!r} is no number of events",
            where="--events",
            hint=f"with a scenario give a whole number, {_FEWEST_EVENTS} at least",
        )
    return number


def _render(output: Output, study: Study) -> None:
    from lagmark.backtest.conclusions import conclusions
    from lagmark.backtest.figures import FIGURES
    from lagmark.backtest.wording import between, shown

    k, seeds = study.evaluated["k"], len(study.seeds)
    headers = [FIGURES[name].title.replace("@k", f"@{k}") for name in _SHOWN]
    rows = [
        [shown(study, name), *(between(one["figures"][figure], figure) for figure in _SHOWN)]
        for name, one in study.policies.items()
    ]
    if study.reference is not None:
        headers.append("divided by that of the reference")
        for row, one in zip(rows, study.policies.values(), strict=True):
            relative = one["relative_calibration"]
            row.append("" if relative is None else between(relative, "calibration"))
    output.table(
        ("policy", *headers),
        rows,
        f"{study.evaluated['days']} days, {seeds} {'seed' if seeds == 1 else 'seeds'}; "
        f"intervals: {study.interval}",
    )
    output.line()
    for text in conclusions(study):
        output.line(text)
    output.line()
