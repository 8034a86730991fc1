"""What the commands of the model registry share: where it is, and which domain is meant."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lagmark.apps.cli.options import find_domain
from lagmark.errors import ConfigError, RegistryError
from lagmark.ports.model_registry import Alias

if TYPE_CHECKING:
    from lagmark.ports.model_registry import LoggedRun, ModelRegistry

__all__ = [
    "AnyDomainOption",
    "HomeOption",
    "ReasonOption",
    "open_registry",
    "the_bundle",
    "the_domain",
    "the_run",
]

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help="Where everything is kept. Default: .lagmark"),
]
AnyDomainOption = Annotated[
    str | None,
    typer.Option(
        "--domain",
        "-d",
        metavar="NAME",
        help="Domain, or a Python file of your own. Default: whichever has models.",
    ),
]
ReasonOption = Annotated[
    str | None, typer.Option("--reason", help="Why, for those who come later.")
]


def open_registry(home: Path | None) -> ModelRegistry:
    """Registry of a home directory."""
    from lagmark.wiring import Home, home_directory

    return Home(home_directory(home)).registry()


def the_run(registry: ModelRegistry, candidate: str, domain: str | None) -> LoggedRun:
    """Run by id, by the beginning of its id, or by version number.

    Raises
    ------
    RegistryError
        If there is none, or it belongs to another domain.
    ConfigError
        If a beginning fits several.
    """
    # Run ids are 32 hexadecimal digits; a version never gets as long as a usable beginning.
    if candidate.isdigit() and len(candidate) < 6:
        name = the_domain(registry, domain)
        for version in registry.versions(name):
            if version.version == int(candidate):
                return registry.run(version.run_id)
    if len(candidate) < 32:
        names = registry.domains() if domain is None else [find_domain(domain).name]
        known = [
            run.run_id
            for name in names
            for run in registry.runs(name, limit=1000)
            if run.run_id.startswith(candidate)
        ]
        if len(known) > 1:
            raise ConfigError(
                f"{len(known)} runs begin with {candidate!r}", where="RUN", hint="give more of it"
            )
        candidate = known[0] if known else candidate
    run = registry.run(candidate)
    if domain is not None and find_domain(domain).name != run.domain:
        raise RegistryError(f"run {run.run_id} belongs to domain {run.domain!r}", where=domain)
    return run


def the_bundle(registry: ModelRegistry, model: str, domain: str) -> tuple[Path, int | None]:
    """Bundle of an alias, of a run or version (see :func:`the_run`), or a bundle's own directory.

    Returns
    -------
    bundle : Path
        Its directory.
    version : int or None
        Version it is registered as, ``None`` for a directory or a run without one.

    Raises
    ------
    RegistryError
        If there is none.
    ConfigError
        If the beginning of a run id fits several.
    """
    name = find_domain(domain).name
    if model in list(Alias):
        bundle = registry.bundle(name, Alias(model))
        version = registry.version_of(name, Alias(model))
        return bundle, None if version is None else version.version
    if Path(model).is_dir():
        return Path(model), None
    run = the_run(registry, model, domain)
    return registry.bundle_of(run.run_id), run.version


def the_domain(registry: ModelRegistry, domain: str | None, alias: Alias = Alias.CHAMPION) -> str:
    """Name of the domain meant: the one given, the only one with that alias, or the only one.

    Raises
    ------
    ConfigError
        If none is given and there are several, or none.
    """
    if domain is not None:
        return find_domain(domain).name
    there = registry.domains()
    found = [name for name in there if registry.version_of(name, alias) is not None]
    if not found and len(there) == 1:
        # Nothing has the alias yet, but only one domain can be meant.
        found = there
    if len(found) == 1:
        return found[0]
    told = f"domains with a {alias.value}: {', '.join(found)}" if found else "there is none yet"
    raise ConfigError("which domain is meant?", where="--domain", hint=told)
