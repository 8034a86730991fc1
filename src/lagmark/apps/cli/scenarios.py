"""``lagmark scenarios``, ``stats`` and ``clear``: what can be simulated, what was, and its end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lagmark.apps.cli.data import clear_service, count_service
from lagmark.apps.cli.options import JsonOption, examples, writable
from lagmark.apps.cli.output import Output
from lagmark.errors import ConfigError

if TYPE_CHECKING:
    from lagmark.simulator.scenario import Scenario
    from lagmark.simulator.summary import Summary

__all__ = ["register"]

_Dir = Annotated[
    Path | None,
    typer.Argument(metavar="DIR", help="Folder that `lagmark simulate --scenario` wrote."),
]
_Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Directory of a service instead."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        "scenarios",
        epilog=examples(
            "lagmark scenarios",
            "lagmark scenarios card_stable",
            "lagmark scenarios bank_link_attack > mine.yaml",
        ),
    )(_scenarios)
    app.command(
        "stats",
        epilog=examples(
            "lagmark stats history",
            "lagmark stats history --tells",
            "lagmark stats history --html history.html",
            "lagmark stats --data shop",
        ),
    )(_stats)
    app.command(
        "clear", epilog=examples("lagmark clear history --yes", "lagmark clear --data shop")
    )(_clear)


def _scenarios(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Scenario to show, or a YAML file of your own."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """List the worlds that can be simulated, or show one as the YAML that defines it.

    What is shown can be saved, changed, and given to `lagmark simulate --scenario` as a file.
    """
    from lagmark.simulator import load_scenario, scenarios

    output = Output(json)
    if name is not None:
        chosen = load_scenario(name)
        output.result(_described(chosen), lambda: output.line(_yaml(chosen)))
        return
    known = scenarios()

    def render() -> None:
        rows = [
            (key, each.domain, each.days, f"{each.fraud.rate:.1%}", each.title)
            for key, each in known.items()
        ]
        output.table(("scenario", "domain", "days", "fraud", "what it is"), rows)
        output.line("one of them in full: lagmark scenarios NAME")

    output.result({"scenarios": [_described(each) for each in known.values()]}, render)


def _described(scenario: Scenario) -> dict[str, object]:
    from lagmark.simulator.typologies import TYPOLOGIES

    used = set(scenario.mix(0)) | {
        name for day in scenario.change_days for name in scenario.mix(day)
    }
    tells = {name: each.text for name, each in TYPOLOGIES.items() if name in used}
    return scenario.model_dump(mode="json") | {
        "change_days": list(scenario.change_days),
        "tells": tells,
    }


def _yaml(scenario: Scenario) -> str:
    import yaml

    content = scenario.model_dump(mode="json")
    return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=96)).rstrip()


def _stats(
    folder: _Dir = None,
    data: _Data = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Also write a page with plots."),
    ] = None,
    tells: Annotated[
        bool,
        typer.Option(
            "--tells", help="Also look for each kind of fraud by its tell, without truth."
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Count what a simulated history holds: events, frauds by typology, labels and their delays.

    The truth is opened for this; a command that judges models as of a date never sees it. Of a
    service it counts events, labels and frauds by day.
    """
    from lagmark.simulator.history import History
    from lagmark.simulator.realism import realism_page
    from lagmark.simulator.summary import summarise
    from lagmark.simulator.tells import found

    output = Output(json)
    folder, service = _meant(folder, data)
    if service:
        if html is not None or tells:
            raise ConfigError(
                "these look at a simulated truth", where="--html, --tells", hint="leave them out"
            )
        count_service(output, folder)
        return
    history = History.open(folder)
    if html is not None:
        writable(html, "--html", source=folder)
    with output.progress(f"reading {folder.name}", ""):
        summary = summarise(history)
        hits = found(history).to_dicts() if tells else None
    if html is not None:
        with output.progress(f"drawing {html.name}", ""):
            realism_page(summary).write(html)

    def render() -> None:
        _render(output, summary)
        if hits is not None:
            output.table(
                ("typology", "campaigns", "found", "its events", "other frauds", "honest"),
                [tuple(each.values()) for each in hits],
                "what the tells point at",
            )
        if html is not None:
            output.line(f"the page with plots is {html}")

    output.result(summary.as_dict() | {"tells": hits, "html": html}, render)


def _render(output: Output, summary: Summary) -> None:
    manifest = summary.history.manifest
    output.line(
        f"{manifest.scenario} (domain {manifest.domain}, seed {manifest.seed}), "
        f"{manifest.first_day} to {manifest.last_day}"
    )
    share = manifest.frauds / max(manifest.events, 1)
    output.line(
        f"{manifest.events:,} events of {summary.accounts:,} accounts, {manifest.frauds:,} of them "
        f"fraud ({share:.3%})"
    )
    if summary.balances is not None:
        found = summary.balances
        output.line(
            f"balances from {found['low']:,.0f} over {found['median']:,.0f} to "
            f"{found['high']:,.0f} (5, 50, 95 %); {found['returned']:.2%} of debits are returned"
        )
    output.line()
    output.table(
        ("typology", "events", "campaigns", "share of fraud"),
        [
            (row["typology"], row["events"], row["campaigns"], f"{row['share']:.1%}")
            for row in summary.typologies.iter_rows(named=True)
        ],
        "frauds by typology",
    )
    output.table(
        ("source", "verdict", "reversal", "messages", "median days", "90 % days"),
        [
            (
                row["source"],
                "fraud" if row["fraud"] else "honest",
                bool(row["reversal"]),
                row["messages"],
                f"{row['median_days']:.2f}",
                f"{row['p90_days']:.2f}",
            )
            for row in summary.labels.iter_rows(named=True)
        ],
        "labels by source, counted from the event",
    )
    reported, false = summary.labelled
    output.line(
        f"{reported:.1%} of the frauds are ever reported by a customer or a bank; {false:,} honest "
        "events are disputed as well"
    )


def _meant(folder: Path | None, data: Path | None) -> tuple[Path, bool]:
    """The directory, and whether it is a service's."""
    if (folder is None) == (data is None):
        raise ConfigError(
            "one directory is needed", where="DIR", hint="give a history, or --data DIR"
        )
    return (folder, False) if folder is not None else (data or Path(), True)


def _clear(
    folder: _Dir = None,
    data: _Data = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: JsonOption = False,
) -> None:
    """Delete a simulated history, or what a service keeps of events, after asking.

    Only a folder that its manifest shows to be a history is deleted, and only if nothing else lies
    in it; what a killed run left beside it goes as well. Of a service that does not run, ledger and
    feature state go; models, keys and rules stay.
    """
    from lagmark.simulator.history import History, clear_history, refuse_foreign

    output = Output(json)
    folder, service = _meant(folder, data)
    if service:
        clear_service(output, folder, yes=yes)
        return
    question = f"delete the unfinished history at {folder}?"
    if folder.exists():
        manifest = History.open(folder).manifest
        refuse_foreign(folder)
        question = f"delete {folder} with {manifest.events:,} events ({manifest.scenario})?"
    if not yes:
        if json:
            raise ConfigError("nobody can be asked with --json", where="--yes", hint="give --yes")
        if not typer.confirm(question, err=True):
            output.note("nothing was deleted")
            raise typer.Exit(1)
    found = clear_history(folder)
    payload = {
        "deleted": folder,
        "scenario": None if found is None else found.scenario,
        "events": 0 if found is None else found.events,
    }
    output.result(payload, lambda: output.line(f"deleted {folder}"))
