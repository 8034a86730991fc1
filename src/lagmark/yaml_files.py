"""YAML files with named values: one of the user's, or one of several that come with a package."""

from __future__ import annotations

import difflib
from importlib import resources
from pathlib import Path
from typing import Any

from lagmark.errors import ConfigError

__all__ = ["named_files", "read_mapping", "read_named"]

_SUFFIXES = (".yaml", ".yml")


def named_files(package: str, folder: str) -> tuple[str, ...]:
    """Names of the YAML files in a folder of a package, ascending."""
    files = (resources.files(package) / folder).iterdir()
    return tuple(sorted(each.name[:-5] for each in files if each.name.endswith(".yaml")))


def read_named(
    source: str | Path, package: str, folder: str, *, what: str
) -> tuple[str, dict[str, Any]]:
    """Values of a file that comes with a package, by its name, or of a user's own.

    Parameters
    ----------
    source
        A name of :func:`named_files`, or the path of a file (``.yaml`` or ``.yml``).
    package, folder
        Where the named files lie.
    what
        What such a file holds, for messages.

    Returns
    -------
    where, values
        What to call the file in messages, and its values.

    Raises
    ------
    ConfigError
        If there is no such file, or it cannot be used.
    """
    path = Path(source)
    if path.suffix in _SUFFIXES or path.is_file():
        return str(source), read_mapping(path, what=what)
    known = named_files(package, folder)
    if source not in known:
        close = difflib.get_close_matches(str(source), known, n=1, cutoff=0.5)
        ask = f"did you mean {close[0]!r}? " if close else ""
        raise ConfigError(
            f"there is no {what} {str(source)!r}",
            where=what,
            hint=f"{ask}choose one of {', '.join(known)}, or give a YAML file",
        )
    with resources.as_file(resources.files(package) / folder / f"{source}.yaml") as file:
        return f"{what} {source}", read_mapping(file, what=what)


def read_mapping(path: Path, *, what: str) -> dict[str, Any]:
    """Values of a YAML file by name; none where it is empty.

    Raises
    ------
    ConfigError
        If it cannot be read, is no YAML or is no mapping.
    """
    import yaml

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise ConfigError(
            f"the {what} cannot be read: {problem.strerror}",
            where=str(path),
            hint="give the path of a YAML file",
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        mark = getattr(problem, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise ConfigError(
            f"the {what} is no YAML{line}", where=str(path), hint="check the indentation"
        ) from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(
            f"the {what} is no mapping", where=str(path), hint="write lines such as `name: value`"
        )
    return values
