"""Which models stand where, in one small file, for those who do not load the registry."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from lagmark.atomic import replacing
from lagmark.errors import StateError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LINEUP", "Place", "Places", "read_lineup", "write_lineup"]

LINEUP = "lineup.json"


@dataclass(frozen=True, slots=True)
class Place:
    """A model that stands, or stood, somewhere.

    Parameters
    ----------
    version
        Its version in the registry.
    bundle
        Its directory, relative to the registry's.
    feature_set, contract_hash
        What it reads.
    """

    version: int
    bundle: str
    feature_set: str
    contract_hash: str


@dataclass(frozen=True, slots=True)
class Places:
    """Models of a domain.

    Parameters
    ----------
    aliases
        Those that stand somewhere now, by alias.
    versions
        Those that ever did, by version: decisions of theirs can be made again.
    """

    aliases: Mapping[str, Place] = field(default_factory=dict)
    versions: Mapping[int, Place] = field(default_factory=dict)


def read_lineup(registry: Path) -> dict[str, Places]:
    """Models by domain; empty where nothing was ever given an alias.

    Raises
    ------
    StateError
        If the file cannot be read.
    """
    path = registry / LINEUP
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {domain: _places(facts) for domain, facts in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as problem:
        raise StateError(
            f"the line-up cannot be read ({type(problem).__name__})",
            where=str(path),
            hint="remove it; the next promotion writes it again",
        ) from problem


def write_lineup(registry: Path, domain: str, aliases: Mapping[str, Place]) -> None:
    """Replace a domain's places; whoever reads meanwhile sees the old ones or the new."""
    everything = read_lineup(registry)
    versions = dict(everything.get(domain, Places()).versions)
    versions |= {place.version: place for place in aliases.values()}
    everything[domain] = Places(dict(aliases), versions)
    text = json.dumps(
        {
            name: {
                "aliases": {alias: place.version for alias, place in there.aliases.items()},
                "versions": [asdict(place) for _, place in sorted(there.versions.items())],
            }
            for name, there in sorted(everything.items())
        },
        indent=1,
        sort_keys=True,
    )
    with replacing(registry / LINEUP) as draft:
        draft.write_text(text + "\n", encoding="utf-8")


def _places(facts: Mapping[str, Any]) -> Places:
    versions = {each["version"]: Place(**each) for each in facts["versions"]}
    aliases = {alias: versions[version] for alias, version in facts["aliases"].items()}
    return Places(aliases, versions)
