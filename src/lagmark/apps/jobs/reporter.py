"""What a job tells people while it works."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

__all__ = ["Reporter"]


class Reporter(Protocol):
    """Receiver of progress and of single lines; the command line's output is one."""

    def progress(
        self, description: str, unit: str = "events"
    ) -> AbstractContextManager[Callable[[int, int], None]]:
        """Bar of one step; the block gets a callback for (done, total)."""

    def line(self, text: str) -> None:
        """One line of text."""
