"""Policies by name or file, with precise refusals."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from lagmark.backtest.policy import Budget, Costs, MaturityChoice, ModelSpec, Policy, PolicyFile
from lagmark.errors import ConfigError
from lagmark.yaml_files import named_files, read_named

__all__ = ["load_policies", "policy_files"]

_PLACE = ("lagmark.backtest", "policies")
_PARTS: Mapping[str, type[BaseModel]] = {
    "budget": Budget,
    "costs": Costs,
    "maturity": MaturityChoice,
    "model": ModelSpec,
    "policies": Policy,
}


def policy_files() -> tuple[str, ...]:
    """Names of the policy files in the package, ascending."""
    return named_files(*_PLACE)


def load_policies(source: str | Path = "default") -> PolicyFile:
    """Policies of the package or of a YAML file.

    The file has a list ``policies``; ``defaults`` may hold values that each policy takes over
    where it gives none, ``costs`` and ``k`` are for all.

    Parameters
    ----------
    source
        A name of :func:`policy_files`, or the path of a file (``.yaml`` or ``.yml``).

    Raises
    ------
    ConfigError
        If there is no such file, or a value cannot be used; it names the value.

    Examples
    --------
    >>> [policy.name for policy in load_policies().policies][:2]
    ['naive', 'fixed_delay']
    """
    where, content = read_named(source, *_PLACE, what="policy file")
    defaults = content.pop("defaults", None) or {}
    listed = content.get("policies")
    if not isinstance(listed, list) or not listed:
        raise ConfigError(
            "there is no list of policies",
            where=where,
            hint="write `policies:` and below it one `- name: ...` per policy",
        )
    if not isinstance(defaults, Mapping):
        raise ConfigError("defaults is no mapping", where=where, hint="write `cadence: 7`, say")
    content["policies"] = [
        {**defaults, **one} if isinstance(one, Mapping) else one for one in listed
    ]
    try:
        return PolicyFile.model_validate(content)
    except ValidationError as problem:
        raise _refusal(problem, content, where) from None


def _refusal(problem: ValidationError, content: Mapping[str, Any], where: str) -> ConfigError:
    first = problem.errors()[0]
    path = list(first["loc"])
    spot = where
    if len(path) > 1 and path[0] == "policies" and isinstance(path[1], int):
        one = content["policies"][path[1]]
        name = one.get("name") if isinstance(one, Mapping) else None
        spot = f"{where}, policy {name!r}" if name else f"{where}, policy number {path[1] + 1}"
        path = path[2:]
    field = ".".join(str(part) for part in path)
    told = first["msg"].removeprefix("Value error, ")
    told = told[:1].lower() + told[1:]
    shown = first["type"] not in ("missing", "extra_forbidden", "value_error")
    value = f"={first['input']!r}" if shown else ""
    what, _, hint = told.partition("; ")
    head = f"{field}{value}: " if field else ""
    if first["type"] == "extra_forbidden":
        what, hint = "there is no such value", _similar(first["loc"])
    return ConfigError(
        f"{head}{what}", where=spot, hint=hint or "docs/backtest.md lists what a policy may say"
    )


def _similar(path: tuple[str | int, ...]) -> str:
    named = [part for part in path[:-1] if isinstance(part, str)]
    part = _PARTS.get(named[-1], PolicyFile) if named else PolicyFile
    names = list(part.model_fields) + (["defaults"] if part is PolicyFile else [])
    close = difflib.get_close_matches(str(path[-1]), names, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names)}"
