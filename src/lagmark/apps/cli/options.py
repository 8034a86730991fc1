"""Options that several commands share, and what their values mean."""

from __future__ import annotations

import difflib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lagmark.errors import ConfigError

if TYPE_CHECKING:
    from lagmark.domains.domain import Domain
    from lagmark.features import FeatureSet

__all__ = [
    "AsOfOption",
    "DomainOption",
    "EventsOption",
    "FeatureSetOption",
    "JsonOption",
    "examples",
    "find_domain",
    "find_feature_set",
    "instant",
    "writable",
]

JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document instead of text.")
]
DomainOption = Annotated[
    str,
    typer.Option(
        "--domain",
        "-d",
        metavar="NAME",
        help="What the rows are: a name that `lagmark domains` lists, or a Python file of your "
        "own that defines DOMAIN.",
    ),
]
EventsOption = Annotated[
    Path,
    typer.Option(
        "--events",
        "-e",
        metavar="PATH",
        help="CSV, Parquet or JSON lines file, or a folder of such files.",
    ),
]
AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="INSTANT",
        help="Use only what had arrived and was known by then: an ISO 8601 date (its midnight, "
        "UTC) or instant. Default: everything in the file.",
    ),
]
FeatureSetOption = Annotated[
    str, typer.Option("--feature-set", "-f", metavar="NAME", help="Feature set of the domain.")
]


def examples(*lines: str) -> str:
    """Epilog of a command: one paragraph per line, so that none is joined to the next."""
    return "\n\n".join(("Examples:", *(f"$ {line}" for line in lines)))


def find_domain(name: str) -> Domain:
    """Domain by name or Python file.

    Raises
    ------
    ConfigError
        If there is none; the hint names the nearest.
    """
    from lagmark.domains.registry import DOMAINS, load_domain

    if name.endswith(".py") or name in DOMAINS:
        return load_domain(name)
    raise ConfigError(
        f"there is no domain {name!r}",
        where="--domain",
        hint=f"{_nearest(name, tuple(DOMAINS))}, or give a Python file that defines DOMAIN",
    )


def find_feature_set(domain: Domain, name: str) -> FeatureSet:
    """Feature set of a domain by name.

    Raises
    ------
    ConfigError
        If there is none; the hint names the nearest.
    """
    if name not in domain.feature_sets:
        raise ConfigError(
            f"domain {domain.name!r} has no feature set {name!r}",
            where="--feature-set",
            hint=_nearest(name, tuple(domain.feature_sets)),
        )
    return domain.feature_set(name)


def instant(text: str | None) -> int | None:
    """Microseconds UTC of ``--as-of``.

    Raises
    ------
    ConfigError
        If the text is no date or instant.
    """
    from lagmark.schema.time import parse_instant, to_micros

    try:
        return None if text is None else to_micros(parse_instant(text))
    except ConfigError as problem:
        raise ConfigError(problem.what, where="--as-of", hint=problem.hint) from None


def writable(
    path: Path, option: str = "--out", *, folder: bool = False, source: Path | None = None
) -> Path:
    """The path, if something can be written there: found out before the work, not after.

    Parameters
    ----------
    path, option
        Where to write, and which option said so.
    folder
        Whether a folder is to be written.
    source
        What is read and must stay as it is.

    Raises
    ------
    ConfigError
        If a folder stands where a file is to be or the other way round, if a part of the path
        is no folder or may not be written to, or if it is the source or lies in it.
    """
    if source is not None and source.resolve() in (path.resolve(), *path.resolve().parents):
        raise ConfigError(
            "this would write into what is read",
            where=f"{option} {path}",
            hint=f"choose a place outside {source}",
        )
    if path.is_dir() and not folder:
        raise ConfigError(
            "this is a folder", where=f"{option} {path}", hint="give the name of a file in it"
        )
    if folder and path.exists() and not path.is_dir():
        raise ConfigError(
            "this is a file", where=f"{option} {path}", hint="give the name of a folder"
        )
    above = path if folder and path.exists() else path.parent
    while not above.exists():
        above = above.parent
    try:
        # Permissions alone do not tell: read-only mounts and full disks refuse as well.
        with tempfile.TemporaryFile(dir=above):
            pass
    except OSError as problem:
        raise ConfigError(
            f"cannot write below {above}: {(problem.strerror or 'refused').lower()}",
            where=f"{option} {path}",
            hint="choose a folder that you may write to",
        ) from None
    return path


def _nearest(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    there = f"choose one of {', '.join(known)}"
    return f"did you mean {close[0]!r}? {there}" if close else there
