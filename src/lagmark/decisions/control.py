"""The control group's draw: a number that depends on nothing but a salt and the event's id."""

from __future__ import annotations

import hashlib

__all__ = ["uniform"]


def uniform(salt: str, event_id: int | str) -> float:
    """Number in [0, 1), the same whenever and wherever it is drawn.

    Parameters
    ----------
    salt
        Text that sets this draw apart from others.
    event_id
        The event.

    Examples
    --------
    >>> uniform("control", 7) == uniform("control", 7) != uniform("another", 7)
    True
    """
    digest = hashlib.blake2b(f"{salt}\0{event_id}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) * 2.0**-53
