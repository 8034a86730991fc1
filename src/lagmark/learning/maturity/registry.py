"""The maturity policies there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lagmark.errors import ConfigError
from lagmark.learning.maturity.feedback_delayed import FeedbackDelayed
from lagmark.learning.maturity.fixed_delay import FixedDelay
from lagmark.learning.maturity.maturity_weighted import MaturityWeighted
from lagmark.learning.maturity.naive import Naive
from lagmark.learning.maturity.positive_unlabelled import PositiveUnlabelled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lagmark.learning.maturity.interface import MaturityPolicy

__all__ = ["POLICIES", "create_policy"]

_TYPES: tuple[type[MaturityPolicy], ...] = (
    Naive,
    FixedDelay,
    MaturityWeighted,
    FeedbackDelayed,
    PositiveUnlabelled,
)

POLICIES: dict[str, type[MaturityPolicy]] = {t.name: t for t in _TYPES}
"""Policy classes by name; a new policy is one file and one entry above."""


def create_policy(name: str, params: Mapping[str, Any] | None = None) -> MaturityPolicy:
    """Policy by name, with parameters over its defaults.

    Raises
    ------
    ConfigError
        If there is no such policy or parameter.

    Examples
    --------
    >>> create_policy("fixed_delay", {"delay": "7d"}).name
    'fixed_delay'
    """
    if name not in POLICIES:
        raise ConfigError(
            f"there is no maturity policy {name!r}", hint=f"choose one of: {', '.join(POLICIES)}"
        )
    try:
        return POLICIES[name](**(params or {}))
    except TypeError as error:
        raise ConfigError(
            f"the maturity policy {name} refuses its parameters: {error}", where="maturity"
        ) from error
