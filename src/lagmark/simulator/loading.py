"""Scenarios by name or file, with overrides and precise refusals."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from lagmark.errors import ConfigError
from lagmark.simulator.scenario import Change, Scenario
from lagmark.yaml_files import named_files, read_named

__all__ = ["load_scenario", "scenario_names", "scenarios"]


_PLACE = ("lagmark.simulator", "scenarios")


def scenario_names() -> tuple[str, ...]:
    """Names of the scenarios in the package, ascending."""
    return named_files(*_PLACE)


def scenarios() -> dict[str, Scenario]:
    """Scenarios in the package by name."""
    return {name: load_scenario(name) for name in scenario_names()}


def load_scenario(source: str | Path, **overrides: Any) -> Scenario:
    """Scenario of the package or of a file, with some values replaced.

    Parameters
    ----------
    source
        A name of :func:`scenarios`, or the path of a YAML file (``.yaml`` or ``.yml``).
    overrides
        Fields of :class:`Scenario` by name; a mapping replaces only the values it names.
        ``events`` alone lets the number of users follow and ``users`` alone the events;
        ``change_day`` moves every change of the scenario to that day.

    Raises
    ------
    ConfigError
        If there is no such scenario or file, or a value cannot be used; it names the value.

    Examples
    --------
    >>> scenario = load_scenario("card_stable", days=30, fraud={"rate": 0.01})
    >>> scenario.days, scenario.fraud.rate, scenario.domain
    (30, 0.01, 'card')
    """
    where, content = read_named(source, *_PLACE, what="scenario")
    content.setdefault("name", Path(source).stem)
    day = overrides.pop("change_day", None)
    if day is not None:
        content["changes"] = [{**each, "day": day} for each in content.get("changes") or ()]
    if overrides.get("users") is not None and overrides.get("events") is None:
        overrides["events"] = None
    elif overrides.get("events") is not None and overrides.get("users") is None:
        overrides["users"] = None
    return _build(_merged(content, overrides), where)


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Nested values of ``over`` over those of ``base``; a mix is replaced as a whole."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        if isinstance(value, BaseModel):
            result[key] = value.model_dump()
        elif isinstance(value, Mapping) and isinstance(below, Mapping) and key != "mix":
            result[key] = _merged(below, value)
        else:
            result[key] = value
    return result


def _build(content: dict[str, Any], where: str) -> Scenario:
    from lagmark.simulator.typologies import TYPOLOGIES

    try:
        scenario = Scenario.model_validate(content)
    except ValidationError as problem:
        first = problem.errors()[0]
        path = ".".join(str(part) for part in first["loc"])
        value = "" if first["type"] in ("missing", "extra_forbidden") else f"={first['input']!r}"
        raise ConfigError(
            f"{path}{value}: {_lower(first['msg'])}", where=where, hint=_hint(first)
        ) from None
    if scenario.events is None and scenario.users is None:
        raise ConfigError("neither events nor users is given", where=where, hint="give one of them")
    for mix in (scenario.fraud.mix, *(change.mix or {} for change in scenario.changes)):
        for name in mix:
            fits = [each for each, kind in TYPOLOGIES.items() if scenario.domain in kind.domains]
            if name not in fits:
                raise ConfigError(
                    f"typology {name!r} does not exist in domain {scenario.domain!r}",
                    where=f"scenario {where}, fraud.mix",
                    hint=f"choose from {', '.join(fits)}",
                )
    if scenario.fraud.rate > 0 and not sum(scenario.fraud.mix.values()):
        raise ConfigError(
            "fraud.mix is empty although fraud.rate is not 0",
            where=where,
            hint="give weights of typologies",
        )
    return scenario


def _lower(text: str) -> str:
    text = text.removeprefix("Value error, ")
    return text[:1].lower() + text[1:]


def _hint(error: Mapping[str, Any]) -> str:
    if error["type"] != "extra_forbidden":
        return "`lagmark scenarios card_stable` shows a whole scenario"
    names = list(_fields(error["loc"][:-1]))
    close = difflib.get_close_matches(str(error["loc"][-1]), names, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names)}"


def _fields(path: Sequence[str | int]) -> Mapping[str, Any]:
    """Fields of the part of a scenario at a path of names."""
    part: type[BaseModel] = Scenario
    for name in path:
        # Items of a list have a number in the path: all changes are of one type.
        below = (
            Change
            if name == "changes"
            else getattr(part.model_fields.get(str(name)), "annotation", part)
        )
        part = below if isinstance(below, type) and issubclass(below, BaseModel) else part
    return part.model_fields
