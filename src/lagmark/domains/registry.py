"""The domains there are, and a user's own from a Python file."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from lagmark.domains.check import check_domain
from lagmark.domains.domain import Domain
from lagmark.errors import ConfigError, LagmarkError

__all__ = ["DOMAINS", "get_domain", "load_domain"]

_MODULES = {
    name: f"lagmark.domains.{name}" for name in ("handbook", "card", "mobile_money", "bank_link")
}


class _Registry(Mapping[str, Domain]):
    """Domains by name, each loaded when it is asked for."""

    def __getitem__(self, name: str) -> Domain:
        domain: Domain = importlib.import_module(_MODULES[name]).DOMAIN
        return domain

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


DOMAINS: Mapping[str, Domain] = _Registry()
"""Built-in domains by name."""


def get_domain(name: str) -> Domain:
    """Built-in domain by name.

    Raises
    ------
    ConfigError
        If there is none of that name.

    Examples
    --------
    >>> get_domain("handbook").entities
    ('customer', 'terminal')
    """
    if name not in DOMAINS:
        raise ConfigError(
            f"there is no domain {name!r}",
            hint=f"choose one of {', '.join(DOMAINS)}, or give a Python file that defines DOMAIN",
        )
    return DOMAINS[name]


def load_domain(path_or_name: str | Path) -> Domain:
    """Domain of a Python file that defines ``DOMAIN``, or a built-in one.

    The file is run: give only files you trust.

    Parameters
    ----------
    path_or_name
        ``"./mydomain.py"``, or a name of :data:`DOMAINS`.

    Raises
    ------
    ConfigError
        If there is no such name or file, or the file fails or defines no ``DOMAIN``.
    DefinitionError
        If its domain contradicts itself.
    """
    text = str(path_or_name)
    if not text.endswith(".py"):
        return get_domain(text)
    path = Path(text)
    if not path.is_file():
        raise ConfigError("no such file", where=text, hint="give the path of a Python file")
    name = f"lagmark_domain_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError("not a Python file", where=text, hint="give a file ending in .py")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickling of workers look the module up by its name.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except LagmarkError:
        raise
    except Exception as problem:
        raise ConfigError(
            f"the file fails with {type(problem).__name__}: {problem}",
            where=text,
            hint="run it with Python to see where",
        ) from problem
    domain = getattr(module, "DOMAIN", None)
    if not isinstance(domain, Domain):
        raise ConfigError(
            "the file defines no DOMAIN", where=text, hint="write DOMAIN = Domain(...) at its end"
        )
    check_domain(domain)
    return domain
