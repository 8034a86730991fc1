"""Events of a world before they take a domain's columns: one array per property."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

__all__ = ["CHANNELS", "NOBODY", "Act", "Channel", "Traffic"]

NOBODY = -1
"""Absent counterparty, device, address, campaign or typology."""


class Act(IntEnum):
    """What happens on an account."""

    PAYMENT = 0
    WITHDRAWAL = 1
    TRANSFER = 2
    DEPOSIT = 3
    SALARY = 4
    LINK = 5
    IDENTITY_CHANGE = 6
    RETURNED = 7


class Channel(IntEnum):
    """Way an event comes in."""

    CHIP = 0
    CONTACTLESS = 1
    SWIPE = 2
    WEB = 3
    APP = 4
    ATM = 5
    BRANCH = 6
    BATCH = 7


CHANNELS = tuple(each.name.lower() for each in Channel)

_DEFAULTS: dict[str, tuple[type, int]] = {
    "act": (np.int8, 0),
    "category": (np.int8, 0),
    "party": (np.int64, NOBODY),
    "amount": (np.int64, 0),
    "channel": (np.int8, 0),
    "device": (np.int64, NOBODY),
    "ip": (np.int64, NOBODY),
    "campaign": (np.int64, NOBODY),
    "typology": (np.int8, NOBODY),
}


@dataclass(slots=True)
class Traffic:
    """Events as parallel arrays of shape (n,).

    Parameters
    ----------
    time
        Microseconds UTC.
    user
        Index of the account.
    act, category, channel
        Codes of :class:`Act`, of the categories and of :class:`Channel`.
    party
        Index of the merchant, or ``-2 - account`` for another account; ``NOBODY`` if none.
    amount
        Minor units, not negative.
    device, ip
        Identifiers; ``NOBODY`` where a terminal stands in between.
    campaign, typology
        Campaign number and typology code of a fraud, ``NOBODY`` for honest events.
    """

    time: Ints
    user: Ints
    act: NDArray[np.int8]
    category: NDArray[np.int8]
    party: Ints
    amount: Ints
    channel: NDArray[np.int8]
    device: Ints
    ip: Ints
    campaign: Ints
    typology: NDArray[np.int8]

    @classmethod
    def of(cls, time: NDArray[Any], user: NDArray[Any], **others: Any) -> Traffic:
        """Events from what differs from the defaults; single values are repeated."""
        size = len(time)
        columns: dict[str, Any] = {
            "time": np.asarray(time, np.int64),
            "user": np.asarray(user, np.int64),
        }
        for name, (dtype, default) in _DEFAULTS.items():
            values = np.asarray(others.pop(name, default), dtype)
            columns[name] = np.broadcast_to(values, (size,)).copy() if values.ndim == 0 else values
        if others:
            raise TypeError(f"no such property of an event: {', '.join(others)}")
        return cls(**columns)

    @classmethod
    def empty(cls) -> Traffic:
        """No events."""
        return cls.of(np.empty(0), np.empty(0))

    @classmethod
    def join(cls, parts: Sequence[Traffic]) -> Traffic:
        """All events of several, one after the other."""
        if not parts:
            return cls.empty()
        return cls(
            **{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in _FIELDS}
        )

    def __len__(self) -> int:
        return len(self.time)

    def take(self, rows: NDArray[Any]) -> Traffic:
        """Events of some rows, by index or mask."""
        return Traffic(**{f.name: getattr(self, f.name)[rows] for f in _FIELDS})

    def ordered(self) -> Traffic:
        """Events by time; of equal times the order stays."""
        return self.take(np.argsort(self.time, kind="stable"))

    def changed(self, **columns: Any) -> Traffic:
        """The same events with other arrays in some places."""
        return replace(self, **columns)


_FIELDS = fields(Traffic)
