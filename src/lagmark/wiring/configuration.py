"""Settings from a run file, the environment and flags, with an account of who said what."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lagmark.errors import ConfigError
from lagmark.yaml_files import read_mapping

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_settings import BaseSettings

    from lagmark.settings import RunSettings, ServeSettings

    _Kind = TypeVar("_Kind", bound=BaseSettings)

__all__ = ["home_directory", "load_serve_settings", "load_settings"]


def load_settings(
    config: Path | None = None, flags: Mapping[str, Any] | None = None
) -> RunSettings:
    """Settings of a run, in rising precedence: run file, environment, flags.

    Parameters
    ----------
    config
        YAML file with the names of :class:`lagmark.settings.RunSettings`. Relative paths in it are
        relative to the working directory, like those of flags.
    flags
        Values by name; ``None`` means that the flag was not given.

    Raises
    ------
    ConfigError
        If the file cannot be read, a name is unknown, or a value does not fit; it names the file,
        variable or flag that said so.
    """
    from lagmark.settings import RunSettings

    return _load(RunSettings, config, flags or {})


def load_serve_settings(
    flags: Mapping[str, Any] | None = None, *, config: Path | None = None
) -> ServeSettings:
    """Settings of a decision service, in rising precedence: file, environment, flags.

    Parameters
    ----------
    flags, config
        As for :func:`load_settings`, with the names of :class:`lagmark.settings.ServeSettings`.

    Raises
    ------
    ConfigError
        As for :func:`load_settings`.
    """
    from lagmark.settings import ServeSettings

    return _load(ServeSettings, config, flags or {})


def _load(kind: type[_Kind], config: Path | None, flags: Mapping[str, Any]) -> _Kind:
    from pydantic import ValidationError
    from pydantic_settings import EnvSettingsSource

    from lagmark.settings import ENV_PREFIX

    merged: dict[str, Any] = {}
    origin: dict[str, str] = {}
    layers: list[tuple[str, Mapping[str, Any]]] = []
    if config is not None:
        layers.append((str(config), _read_settings(config, list(kind.model_fields))))
    layers.append(("environment", EnvSettingsSource(kind)()))
    layers.append(("flag", {k: v for k, v in flags.items() if v is not None}))
    for source, values in layers:
        for name, value in values.items():
            merged[name] = value
            origin[name] = {
                "environment": f"environment variable {ENV_PREFIX}{name.upper()}",
                "flag": f"--{name.replace('_', '-')}",
            }.get(source, f"{source}: {name}")
    try:
        return kind(**merged)
    except ValidationError as error:
        raise _refusal(error, origin) from None


def home_directory(flag: Path | None = None) -> Path:
    """Home of a command that has no other settings: the flag, ``LAGMARK_HOME``, or the default."""
    from lagmark.settings import ENV_PREFIX, RunSettings

    default = RunSettings.model_fields["home"].default
    return flag or Path(os.environ.get(f"{ENV_PREFIX}HOME") or default)


def _read_settings(path: Path, known: list[str]) -> dict[str, Any]:
    values = read_mapping(path, what="run file")
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are: {', '.join(known)}"
            raise ConfigError(f"there is no setting {name!r}", where=str(path), hint=hint)
    return values


def _refusal(error: ValidationError, origin: Mapping[str, str]) -> ConfigError:
    first = error.errors(include_url=False)[0]
    path = [str(part) for part in first["loc"]]
    name = path[0] if path else ""
    if first["type"] == "missing" and len(path) == 1:
        return ConfigError(
            f"no {name} given",
            where="settings",
            hint=f"pass --{name.replace('_', '-')}, set LAGMARK_{name.upper()}, "
            f'or write "{name}:" in the run file',
        )
    where = ".".join([origin.get(name, name), *path[1:]])
    if first["type"] == "extra_forbidden":
        return ConfigError("there is no such setting", where=where, hint="take it out")
    said = first["msg"][:1].lower() + first["msg"][1:]
    return ConfigError(f"{said}, got {first['input']!r}", where=where, hint="correct the value")
