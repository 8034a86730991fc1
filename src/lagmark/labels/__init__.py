"""What was said of which event, when it was known, and how late it comes."""

from __future__ import annotations

from lagmark.labels.attach import attach, pending
from lagmark.labels.known import NEVER, UNKNOWN, labels_known
from lagmark.labels.latest import latest_word
from lagmark.labels.messages import COLUMNS, IDENTITY, check_messages, no_messages

__all__ = [
    "COLUMNS",
    "IDENTITY",
    "NEVER",
    "UNKNOWN",
    "attach",
    "check_messages",
    "labels_known",
    "latest_word",
    "no_messages",
    "pending",
]
