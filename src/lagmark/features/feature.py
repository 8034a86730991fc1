"""The base of all features: a name, and a spelling that the contract's hash covers."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field, fields, is_dataclass
from typing import Any

from lagmark.schema.time import parse_duration

__all__ = ["Feature"]

_DURATIONS = ("window", "delay", "resolution", "half_life")


@dataclass(frozen=True)
class Feature:
    """Base of all features.

    Parameters
    ----------
    name
        Name in the contract; made from the definition when empty.
    """

    _: KW_ONLY
    name: str = field(default="", compare=False)

    @property
    def label(self) -> str:
        """Name in the contract."""
        return self.name or self.automatic_name

    @property
    def automatic_name(self) -> str:
        """Name made from the definition."""
        raise TypeError("use one of the features, not their base")

    def spell(self) -> str:
        """Definition as text, equal for equal definitions."""
        return _spell(self)


def _spell(value: Any, *, duration: bool = False) -> str:
    # "1d" and "24h" are the same window.
    if duration and value is not None:
        return f"{parse_duration(value)}us"
    if is_dataclass(value):
        parts = (
            f"{f.name}={_spell(getattr(value, f.name), duration=f.name in _DURATIONS)}"
            for f in fields(value)
            if f.name != "name"
        )
        return f"{type(value).__name__}({', '.join(parts)})"
    return repr(value)
