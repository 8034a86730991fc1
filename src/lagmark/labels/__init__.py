"""What was known of which event, and when."""

from __future__ import annotations

from lagmark.labels.known import NEVER, UNKNOWN, labels_known

__all__ = ["NEVER", "UNKNOWN", "labels_known"]
