"""How often each rule fires, and what became of the events it fired on."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lagmark.decisions.policy import Verdict

__all__ = ["RuleHits"]


class RuleHits:
    """Counts over the decisions it was told of; several threads may tell and ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen = 0
        self._fired: dict[str, Counter[str]] = {}
        self._failed: Counter[str] = Counter()

    def count(self, verdicts: Sequence[Verdict]) -> None:
        """Count decisions."""
        with self._lock:
            self._seen += len(verdicts)
            for verdict in verdicts:
                for name in verdict.fired + verdict.monitored:
                    self._fired.setdefault(name, Counter())[verdict.action.value] += 1
                for name in verdict.failed:
                    self._failed[name] += 1

    def as_dict(self) -> dict[str, dict[str, Any]]:
        """Counts by rule or list: decisions seen, fired, by action taken, and raised."""
        with self._lock:
            names = sorted(self._fired.keys() | self._failed.keys())
            return {
                name: {
                    "seen": self._seen,
                    "fired": self._fired.get(name, Counter()).total(),
                    "by_action": dict(self._fired.get(name, Counter())),
                    "failed": self._failed[name],
                }
                for name in names
            }
