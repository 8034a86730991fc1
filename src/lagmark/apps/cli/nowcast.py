"""``lagmark nowcast``: fraud and the live model's figures before the labels are in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lagmark.apps.cli.nowcast_text import moved_dict, render_moved, render_nowcast
from lagmark.apps.cli.options import JsonOption, examples, find_domain, instant, writable
from lagmark.apps.cli.output import Output
from lagmark.errors import ConfigError

if TYPE_CHECKING:
    from lagmark.monitoring.nowcast.history import RevisionHistory

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "nowcast",
        epilog=examples(
            "lagmark nowcast --events world/ --as-of 2025-05-01",
            "lagmark nowcast --events world/ --as-of 2025-05-01 --html nowcast.html",
            "lagmark nowcast --events world/ --revisions --cohort 2025-04-20",
        ),
    )(_nowcast)


def _nowcast(
    events: Annotated[
        Path,
        typer.Option(
            "--events",
            "-e",
            metavar="DIR",
            help="Folder with events/ and labels/, as `lagmark simulate` writes it; logged "
            "decisions/ are used if there are any.",
        ),
    ],
    *,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            metavar="INSTANT",
            help="Use only what had arrived and was known by then: an ISO 8601 date (its "
            "midnight, UTC) or instant. Default: the end of the history.",
        ),
    ] = None,
    domain: Annotated[
        str | None,
        typer.Option(
            "--domain", "-d", metavar="NAME", help="What the events are, where no manifest says."
        ),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(
            "--budget",
            metavar="K",
            help="Alerts a day that set the threshold of the model trained here. Default: five "
            "in a thousand events.",
        ),
    ] = None,
    never_labelled: Annotated[
        float,
        typer.Option(
            "--never-labelled",
            metavar="SHARE",
            help="Share of frauds that no label ever reaches, as an audit found it.",
        ),
    ] = 0.0,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Also write a page with plots."),
    ] = None,
    revisions: Annotated[
        bool,
        typer.Option("--revisions", help="Show how published figures moved as labels came in."),
    ] = False,
    cohort: Annotated[
        str | None,
        typer.Option(
            "--cohort",
            metavar="DAY",
            help="With --revisions: only this day, or a range of ages such as 7-14.",
        ),
    ] = None,
    metric: Annotated[
        str,
        typer.Option(
            "--metric",
            metavar="NAME",
            help="With --revisions: rate, count, value, precision, recall or pr_auc.",
        ),
    ] = "rate",
    estimator: Annotated[
        str,
        typer.Option("--estimator", metavar="NAME", help="With --revisions: whose figures."),
    ] = "combined",
    home: Annotated[
        Path,
        typer.Option("--home", metavar="DIR", help="Where published figures are kept."),
    ] = Path(".lagmark"),
    json: JsonOption = False,
) -> None:
    """Estimate fraud by cohort day, and the live model's precision and recall, before labels.

    Chain ladder, calibrated scores and control group stand side by side with what is known so far,
    each with an interval; where they contradict each other an alarm is raised. Every published
    figure is kept.
    """
    from lagmark.apps.jobs.nowcast_job import run_nowcast
    from lagmark.monitoring.nowcast import NowcastSettings

    output = Output(json)
    at = instant(as_of)
    kept = _history(events, home)
    if revisions:
        _check(metric, estimator)
        moved = kept.revisions(metric=metric, estimator=estimator, cohort=cohort, as_of=at)
        output.result(moved_dict(moved, metric, estimator), lambda: render_moved(output, moved))
        return
    _usable(budget, domain, html, events)
    settings = NowcastSettings(never_labelled=never_labelled)
    found = run_nowcast(
        events, as_of=at, domain=domain, budget=budget, settings=settings, reporter=output
    )
    path = kept.publish(found.nowcast)
    if html is not None:
        from lagmark.monitoring.nowcast.page import nowcast_page

        with output.progress(f"drawing {html.name}", ""):
            nowcast_page(found.nowcast).write(html)

    def render() -> None:
        render_nowcast(output, found.nowcast)
        output.line()
        output.line(f"published figures are kept in {path}")
        if html is not None:
            output.line(f"the page with plots is {html}")

    output.result(found.as_dict(), render)


def _check(metric: str, estimator: str) -> None:
    from lagmark.monitoring.nowcast import ESTIMATORS

    metrics = ("rate", "count", "value", "precision", "recall", "pr_auc")
    names = tuple(one.name for one in ESTIMATORS)
    for option, given, known in (("--metric", metric, metrics), ("--estimator", estimator, names)):
        if given not in known:
            raise ConfigError(
                f"there is no {given!r}", where=option, hint=f"choose one of {', '.join(known)}"
            )


def _history(events: Path, home: Path) -> RevisionHistory:
    from lagmark.apps.jobs.history import history_key
    from lagmark.monitoring.nowcast.history import RevisionHistory

    if not events.is_dir():
        raise ConfigError(
            "there is no such folder",
            where=f"--events {events}",
            hint="give a folder with events/ and labels/",
        )
    return RevisionHistory(home / "nowcast" / history_key(events))


def _usable(budget: float | None, domain: str | None, html: Path | None, events: Path) -> None:
    """Refuse what cannot be used before the work."""
    if budget is not None and budget <= 0:
        raise ConfigError("not positive", where="--budget", hint="give alerts a day")
    if domain is not None:
        find_domain(domain)
    elif (events / "events").is_dir() and not (events / "manifest.json").is_file():
        raise ConfigError(
            "nothing says what the events are",
            where=str(events),
            hint="name the domain with --domain, and the instant with --as-of",
        )
    if html is not None:
        writable(html, "--html", source=events)
