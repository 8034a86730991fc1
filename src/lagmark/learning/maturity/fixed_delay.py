"""Events old enough for their labels to be in; the young ones wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from lagmark.errors import ConfigError
from lagmark.labels import UNKNOWN
from lagmark.learning.maturity.common import RowsPolicy
from lagmark.schema.time import DAY, parse_duration

if TYPE_CHECKING:
    from lagmark.learning.dataset import Dataset
    from lagmark.learning.maturity.history import KnownHistory

__all__ = ["FixedDelay", "as_duration"]


class FixedDelay(RowsPolicy):
    """Events of at least a given age are examples.

    Parameters
    ----------
    delay
        Age in microseconds, or text such as ``"30d"``.
    silence
        ``"honest"``: an old event of which nobody spoke is genuine. ``"unknown"``: it is no
        example, for sources that also confirm genuine events
        (:meth:`lagmark.learning.Dataset.build` does that).
    pool
        Whether younger events of which somebody has spoken join, as if nothing distinguished them.

    Raises
    ------
    ConfigError
        If the delay is negative or the word for silence is unknown.
    """

    name: ClassVar[str] = "fixed_delay"

    def __init__(
        self, delay: int | str = 30 * DAY, *, silence: str = "honest", pool: bool = False
    ) -> None:
        self.delay = as_duration(delay)
        if silence not in ("honest", "unknown"):
            raise ConfigError(
                f"silence cannot mean {silence!r}", where=self.name, hint="say honest or unknown"
            )
        self.silence, self.pool = silence, pool

    def examples(self, history: KnownHistory) -> Dataset:
        """See :meth:`MaturityPolicy.examples`."""
        spoken = history.verdict != UNKNOWN
        wanted = (history.age >= self.delay) & history.usable
        if self.silence == "unknown":
            wanted &= spoken
        if self.pool:
            wanted |= spoken
        index = np.flatnonzero(wanted)
        return history.dataset(
            index, (history.verdict[index] == 1).astype(np.int8), delay=self.delay
        )


def as_duration(value: int | str) -> int:
    """Duration in microseconds of a number of them or of text.

    Raises
    ------
    ConfigError
        If it is negative or no duration.
    """
    found = parse_duration(value) if isinstance(value, str) else int(value)
    if found < 0:
        raise ConfigError(f"a delay of {found} microseconds", hint="give 0 or more")
    return found
