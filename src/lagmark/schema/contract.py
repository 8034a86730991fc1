"""What a model and a service agree on: ordered names, types and the hash of their definitions."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Contract"]


@dataclass(frozen=True, slots=True)
class Contract:
    """Ordered feature names with the hash of everything that determines their values.

    Parameters
    ----------
    name
        Name of the feature set.
    names
        Feature names in the order of a vector.
    dtypes
        Type of each, ``"float64"``.
    hash
        Hexadecimal SHA-256 over definitions, names, order, field types and kernel semantics.
    """

    name: str
    names: tuple[str, ...]
    dtypes: tuple[str, ...]
    hash: str

    def as_dict(self) -> dict[str, object]:
        """JSON-ready form."""
        return {
            "name": self.name,
            "names": list(self.names),
            "dtypes": list(self.dtypes),
            "hash": self.hash,
        }
