"""``lagmark serve``: the decision service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from lagmark.apps.cli.options import examples

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "serve",
        epilog=examples(
            "lagmark serve",
            "lagmark serve --data shop --domain card --port 9000",
            "lagmark serve --profile cluster --workers 4",
        ),
    )(serve)


def serve(
    *,
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen on. Default: 127.0.0.1")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="Port. Default: 8000")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", metavar="DIR", help="Ledger, state, models and keys. Default: .lagmark"
        ),
    ] = None,
    domain: Annotated[
        str | None,
        typer.Option(
            "--domain",
            "-d",
            metavar="NAME",
            help="What is served. Default: what DIR served before, or its champion's domain.",
        ),
    ] = None,
    feature_set: Annotated[
        str | None,
        typer.Option(
            "--feature-set", "-f", metavar="NAME", help="Features. Default: the champion's."
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes; more than 1 needs cluster.")
    ] = None,
    profile: Annotated[
        Literal["embedded", "cluster"] | None,
        typer.Option(
            "--profile",
            help="embedded: SQLite and memory. cluster: Postgres and Redis, whose addresses are "
            "LAGMARK_LEDGER_URL and LAGMARK_STATE_URL.",
        ),
    ] = None,
    time: Annotated[
        Literal["wall", "event"] | None,
        typer.Option(
            "--time",
            help="When an event that does not say so arrived: now, or at its own time (to play "
            "history again). Default: wall",
        ),
    ] = None,
    keys: Annotated[
        bool | None,
        typer.Option(
            "--keys/--no-keys", help="Ask for API keys; without, only this machine is answered."
        ),
    ] = None,
) -> None:
    """Decide on events over HTTP: durable, explained, replayable.

    Make a key first: `lagmark keys create --scope decide`. Then post events to /v1/decisions;
    /docs describes all routes. Ctrl-C answers what was begun, keeps the state and ends.
    """
    from lagmark.apps.api.server import serve as run
    from lagmark.wiring.configuration import load_serve_settings

    settings = load_serve_settings(
        {
            "host": host,
            "port": port,
            "data": data,
            "domain": domain,
            "feature_set": feature_set,
            "workers": workers,
            "profile": profile,
            "time": time,
            "keys": keys,
        }
    )
    run(settings)
