"""Where the events of each customer, card and merchant are remembered while decisions are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from lagmark.ports.ledger import Ledger
    from lagmark.schema.contract import Contract
    from lagmark.schema.events import Event, Label

__all__ = ["FeatureState", "Reading"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the state says of some events.

    Parameters
    ----------
    vectors
        Features, shape (events, features), float64, bit for bit those of a backfill over the
        events in the order of their ingest times.
    known
        Whether the subject had an event before, shape (events,), bool; true where the domain has
        no subject.
    ingest_times
        Ingest time of each event as it was taken, shape (events,), int64: what the ledger keeps.
    new
        Whether the event was taken by this call, shape (events,), bool. Another process decides on
        one that was not, or has; ``known`` says nothing of it.
    """

    vectors: Any
    known: Any
    ingest_times: Any
    new: Any

    def where(self, chosen: Any) -> Reading:
        """The same of some of the events.

        Parameters
        ----------
        chosen
            Which, shape (events,), bool.
        """
        return Reading(
            self.vectors[chosen], self.known[chosen], self.ingest_times[chosen], self.new[chosen]
        )


class FeatureState(Protocol):
    """Feature state that is updated and read in one step.

    Ordering: events are taken in the order of their calls, and within a call in the order given. An
    ingest time that lies before :attr:`latest` is raised to it, so that the order of ingest times,
    of equal ones that of the ledger, is the order in which events were taken; in the same way a
    label becomes known after the latest event. So the state is a function of what the ledger
    holds, and callers write to the ledger what :meth:`take` and :meth:`label` answer, in the order
    of their calls. Event times may be late by any amount. Repetition: an event that was taken is
    taken no second time; its vector is that of the first time as long as the state remembers it,
    else ``DuplicateEventError`` is raised and the ledger has the answer. Callers ask the ledger
    first: an event older than any window may be forgotten altogether. Absence: a key value never
    seen reads as the features' defaults. Expiry: what no event on time can read any more may be
    forgotten; a later one reads what is left. Failure: a store that cannot be reached, or a
    state that was made anew elsewhere, raises ``StateError``, and nothing is known of the events
    of that call until :meth:`recover` was called. Between ``take`` and the ledger's ``append`` an
    event or label is only promised: :meth:`confirm` says that it stands in the ledger,
    :meth:`recover` forgets those that do not. What was decided in view of another process's promise
    may be written once that is kept, see :meth:`writable`: else it had seen what never was. One
    thread uses it at a time, but for these two, which belong to the thread that writes.
    """

    @property
    def contract(self) -> Contract:
        """Features it computes."""

    @property
    def latest(self) -> int:
        """Latest ingest time taken, microseconds since 1970 UTC; a very small number at first."""

    def take(self, events: Sequence[Event]) -> Reading:
        """Take events in and read their features."""

    def peek(self, event: Event) -> Reading:
        """What an event would read now; nothing changes."""

    def label(self, labels: Sequence[Label]) -> list[Label]:
        """Tell verdicts, and answer them as they were taken.

        Events with an ``ingest_time`` at or after ``known_at`` see them. The label of an event
        still to come waits for it; those of forgotten events change nothing.
        """

    @property
    def place(self) -> int:
        """Place in the order of all that is taken and told, up to which this state has come.

        Read after :meth:`take` or :meth:`label` it names what these have taken and seen.
        """

    def writable(self) -> int:
        """Place up to which all that other processes took and told stands in the ledger.

        What was taken or told up to there may be written.

        Raises
        ------
        StateError
            If that is not known: what waits to be written must not be.
        """

    def confirm(self, place: int) -> None:
        """Say that all that this process took and told up to a place stands in the ledger."""

    def recover(self, ledger: Ledger) -> int:
        """Make the state that of exactly what the ledger holds; how many entries were replayed.

        Called at the start, and after a failure of the ledger or the state.
        """

    def checkpoint(self) -> bool:
        """Keep the state so that :meth:`recover` has little to replay; whether that was done.

        It is not while anything taken or told does not stand in the ledger yet.
        """

    def close(self) -> None:
        """Release memory and connections."""
