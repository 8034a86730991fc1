"""``lagmark keys``: make, list and revoke the keys of the API."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lagmark.apps.cli.options import JsonOption, examples
from lagmark.apps.cli.output import Output
from lagmark.errors import ConfigError

if TYPE_CHECKING:
    from lagmark.apps.api.keys import Key, KeyFile, Scope

__all__ = ["register"]

DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data", "--home", metavar="DIR", help="Data directory of the service. Default: .lagmark"
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        name="keys", help="Keys of the API: make, list and revoke them.", no_args_is_help=True
    )
    group.command(
        "create",
        epilog=examples(
            "lagmark keys create --scope decide --name checkout",
            "lagmark keys create --scope read,label --name analysts --expires 90d",
        ),
    )(create)
    group.command("list", epilog=examples("lagmark keys list"))(show)
    group.command("revoke", epilog=examples("lagmark keys revoke 3f2a9c01b7d4"))(revoke)
    app.add_typer(group)


def create(
    *,
    scope: Annotated[
        list[str],
        typer.Option(
            "--scope",
            metavar="SCOPE",
            help="What it may do: decide, read, label, train or admin, which is everything. "
            "Repeat it, or separate several by commas.",
        ),
    ],
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            help="Who holds it; stands in the audit. Default: made from its id.",
        ),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option(
            "--expires", metavar="90d", help="For how long, or until which instant. Default: ever."
        ),
    ] = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Make a key and print it, this once: only its hash is kept.

    A service that runs takes it within a second. Send it as `Authorization: Bearer KEY`.
    """
    from lagmark.clock import utc_now
    from lagmark.schema.time import to_micros

    now = to_micros(utc_now())
    key, token = _file(data).create(
        _scopes(scope), now=now, name=name, expires_at=_expiry(expires, now)
    )
    output = Output(json)
    payload = {"command": "keys create", "key": token, **_plain(key)}

    def told() -> None:
        output.line(token)
        output.note(f"key {key.id} ({key.name}): keep it now, it is not shown again")

    output.result(payload, told)


def show(*, data: DataOption = None, json: JsonOption = False) -> None:
    """List the keys of a service, without their secrets."""
    from lagmark.clock import utc_now
    from lagmark.schema.time import to_micros

    now = to_micros(utc_now())
    keys = _file(data).list()
    output = Output(json)
    rows = [
        (
            key.id,
            key.name,
            ", ".join(sorted(key.scopes)),
            _day(key.created_at),
            _day(key.expires_at),
            "refused" if key.refusal(now) else "valid",
        )
        for key in keys
    ]
    headers = ("id", "name", "scopes", "created", "expires", "state")
    payload = {"command": "keys list", "keys": [_plain(key) for key in keys]}
    output.result(payload, lambda: output.table(headers, rows))


def revoke(
    key: Annotated[str, typer.Argument(metavar="ID", help="Id from `lagmark keys list`.")],
    *,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Refuse a key from now on; a service that runs does so within a second."""
    from lagmark.clock import utc_now
    from lagmark.schema.time import to_micros

    revoked = _file(data).revoke(key, now=to_micros(utc_now()))
    output = Output(json)
    payload = {"command": "keys revoke", **_plain(revoked)}
    output.result(payload, lambda: output.line(f"key {revoked.id} ({revoked.name}) is revoked"))


def _file(data: Path | None) -> KeyFile:
    from lagmark.apps.api.keys import KeyFile
    from lagmark.wiring import home_directory

    return KeyFile(home_directory(data) / "keys.json")


def _scopes(given: list[str]) -> frozenset[Scope]:
    from lagmark.apps.api.keys import Scope

    names = [part.strip() for text in given for part in text.split(",")]
    unknown = sorted(set(names) - set(Scope))
    if unknown:
        raise ConfigError(
            f"there is no scope {unknown[0]!r}",
            where="--scope",
            hint=f"choose of {', '.join(Scope)}",
        )
    return frozenset(Scope(name) for name in names)


def _expiry(text: str | None, now: int) -> int | None:
    from lagmark.schema.time import parse_duration, parse_instant, to_micros

    if text is None:
        return None
    try:
        return now + parse_duration(text)
    except ConfigError:
        pass
    try:
        return to_micros(parse_instant(text))
    except ConfigError:
        raise ConfigError(
            f"{text!r} is neither a duration nor an instant",
            where="--expires",
            hint='write "90d" or "2027-01-01"',
        ) from None


def _plain(key: Key) -> dict[str, object]:
    from lagmark.schema.time import from_micros

    instants = {
        name: None if at is None else from_micros(at).isoformat()
        for name, at in (
            ("created_at", key.created_at),
            ("expires_at", key.expires_at),
            ("revoked_at", key.revoked_at),
        )
    }
    return {"id": key.id, "name": key.name, "scopes": sorted(key.scopes), **instants}


def _day(at: int | None) -> str | None:
    from lagmark.schema.time import from_micros

    return None if at is None else from_micros(at).date().isoformat()
