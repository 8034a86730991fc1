"""Policy files of domains: the user's own, or the one that comes with the domain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lagmark.decisions.policy import Policy
from lagmark.decisions.settings import PolicyFile, load_policy_file, parse_policy_file
from lagmark.yaml_files import named_files, read_named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lagmark.domains.domain import Domain

__all__ = ["policy_of"]

_PACKAGE, _FOLDER = "lagmark.domains", "rules"


def policy_of(domain: Domain, names: Sequence[str], path: Path | None = None) -> Policy:
    """Policy of a domain with its rules compiled for the features served.

    Parameters
    ----------
    domain
        The domain.
    names
        Names of the features, in the order of a vector.
    path
        The user's policy file. Where ``None``, the file that comes with the domain, without those
        of its rules that name what is not served; a domain without one has no rules but its own.

    Raises
    ------
    ConfigError
        If the file cannot be used.

    Examples
    --------
    >>> from lagmark.domains.registry import get_domain
    >>> policy = policy_of(get_domain("handbook"), ["customer_count_1d"])
    >>> [rule.name for rule in policy.rules.ready]
    ['amount_beyond_all_payments', 'customer_burst']
    """
    file, where = PolicyFile(), f"domain {domain.name}"
    if path is not None:
        file, where = load_policy_file(path), str(path)
    elif domain.name in named_files(_PACKAGE, _FOLDER):
        where, values = read_named(domain.name, _PACKAGE, _FOLDER, what="policy file")
        file = parse_policy_file(values, where=where)
    return Policy(
        file,
        fields=domain.fields,
        names=names,
        amount=domain.amount,
        python=domain.rules,
        lenient=path is None,
        where=where,
    )
