"""What one field of an event is: its kind, its exact integer form, and when it is known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["LIMIT", "Field", "Kind", "Known"]

LIMIT = 2**40
"""Largest magnitude of an aggregated integer (about 11 thousand million units at two decimals).

With at most 2**22 events of one entity in a log, sums fit 63 bits and sums of squares times
counts fit 127, so that every accumulator stays exact.
"""


class Kind(StrEnum):
    """How a field is stored and what may be asked of it."""

    ENTITY = "entity"
    """An identifier (customer, terminal, device): integer or text, may be absent."""
    CATEGORY = "category"
    """A label from a small vocabulary: text, may be absent."""
    MONEY = "money"
    """An amount: int64 minor units of the domain's currency."""
    QUANTITY = "quantity"
    """A number: int64 fixed point with ``decimals`` decimals (coordinates, populations)."""
    FLAG = "flag"
    """True or false."""


class Known(StrEnum):
    """When the value of a field exists."""

    AT_DECISION = "at_decision"
    """On the request itself: usable in any feature."""
    AFTER_DECISION = "after_decision"
    """Only once the payment went through (a new balance, say): usable in none."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a domain's events.

    Parameters
    ----------
    name
        Lagmark's name.
    kind
        Storage and meaning.
    source
        Column it is read from; the name itself when empty.
    decimals
        Decimals kept of a money amount or quantity; further ones are rounded half to even and
        counted.
    minimum, maximum
        Inclusive bounds in the source's units; a row outside goes to the dead letters.
    required
        Whether an absent value sends the row to the dead letters.
    known
        When the value exists; features may use only what is known at the decision.
    vocabulary
        The values a category may take; any when empty.
    integer
        Whether an entity's identifiers are whole numbers (stored as Int64) or text. It is declared
        and not guessed, so that one record alone reads like the same row of a file.
    aliases
        Other names of the source column, tried in order when ``source`` is not there.
    """

    name: str
    kind: Kind
    source: str = ""
    decimals: int = 0
    minimum: float | None = None
    maximum: float | None = None
    required: bool = True
    known: Known = Known.AT_DECISION
    vocabulary: tuple[str, ...] = ()
    integer: bool = False
    aliases: tuple[str, ...] = ()

    @property
    def column(self) -> str:
        """Source column of this field."""
        return self.source or self.name

    @property
    def scale(self) -> int:
        """How many stored units make one unit of the source."""
        return 10**self.decimals if self.kind in (Kind.MONEY, Kind.QUANTITY) else 1
