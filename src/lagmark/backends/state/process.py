"""Feature state in the memory of one process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lagmark.backends.state.fold import LATENESS, Fold
from lagmark.errors import StateError

if TYPE_CHECKING:
    from lagmark.features.feature_set import FeatureSet
    from lagmark.ports.feature_state import Reading
    from lagmark.ports.ledger import Ledger
    from lagmark.schema.contract import Contract
    from lagmark.schema.events import Event, Label

__all__ = ["ProcessState"]


class ProcessState:
    """Feature state of the one process that writes to its ledger.

    Parameters
    ----------
    feature_set
        What to compute.
    subject
        Field of the customer or card, ``None`` if the domain has none.
    folder
        Where the snapshot is kept; ``None`` keeps none, and :meth:`recover` replays everything.
    lateness
        Microseconds that an event may be late and still find all that its windows reach.
    recall
        Vectors kept to answer repeated events with.
    """

    def __init__(
        self,
        feature_set: FeatureSet,
        *,
        subject: str | None,
        folder: Path | None = None,
        lateness: int = LATENESS,
        recall: int = 100_000,
    ) -> None:
        path = None if folder is None else folder / "features.snapshot"
        self._fold = Fold(feature_set, subject=subject, path=path, lateness=lateness, recall=recall)
        self._ledger: Ledger | None = None
        self._place = 0
        self._confirmed = 0

    @property
    def contract(self) -> Contract:
        """Features it computes."""
        return self._fold.feature_set.contract

    @property
    def latest(self) -> int:
        """Latest ingest time taken."""
        return self._fold.latest

    @property
    def place(self) -> int:
        """Number of calls that took or told something."""
        return self._place

    def take(self, events: Sequence[Event]) -> Reading:
        """Take events in and read their features."""
        reading = self._fold.take(events)
        self._place += bool(reading.new.any())
        return reading

    def peek(self, event: Event) -> Reading:
        """What an event would read now."""
        return self._fold.peek(event)

    def label(self, labels: Sequence[Label]) -> list[Label]:
        """Tell verdicts, and answer them as they were taken."""
        # What is told now was not seen by the latest event.
        after = self.latest + 1
        told = [
            each if each.known_at >= after else msgspec.structs.replace(each, known_at=after)
            for each in labels
        ]
        self._fold.tell(told)
        self._place += bool(told)
        return told

    def writable(self) -> int:
        """Any place: nobody else takes anything."""
        return 2**63 - 1

    def confirm(self, place: int) -> None:
        """Say that all that was taken and told up to a place stands in the ledger."""
        self._confirmed = max(self._confirmed, place)

    def recover(self, ledger: Ledger) -> int:
        """Make the state that of what the ledger holds."""
        self._ledger = ledger
        self._confirmed = self._place
        position = self._fold.load(ledger)
        return self._fold.replay(ledger.entries(after=position))

    def checkpoint(self) -> bool:
        """Write a snapshot, unless something taken or told does not stand in the ledger."""
        if self._ledger is None:
            raise StateError("the state has no ledger yet", hint="recover it from one first")
        if self._confirmed < self._place:
            return False
        self._fold.save(self._ledger, self._ledger.head().position)
        return True

    def close(self) -> None:
        """Release memory."""
        self._fold.clear()
