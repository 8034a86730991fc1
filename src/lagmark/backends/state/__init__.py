"""Feature state in one process, and shared by several through Redis."""

from __future__ import annotations

__all__: list[str] = []
