"""The one place that reads the time; everything else is handed an instant."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

__all__ = ["Clock", "stopwatch", "utc_now"]

Clock = Callable[[], datetime]
"""Anything that answers the present instant with a zone."""


def utc_now() -> datetime:
    """Present instant in UTC, microsecond resolution."""
    return datetime.now(UTC)


def stopwatch() -> float:
    """Monotonic seconds, for durations only."""
    return time.perf_counter()
