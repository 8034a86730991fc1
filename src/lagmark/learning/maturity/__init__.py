"""Ways to learn while most labels are still out: one policy per file behind one interface."""

from __future__ import annotations

from lagmark.learning.maturity.history import KnownHistory
from lagmark.learning.maturity.interface import MaturityPolicy
from lagmark.learning.maturity.registry import POLICIES, create_policy
from lagmark.learning.maturity.shares import ShareKnown, expected_known, share_at

__all__ = [
    "POLICIES",
    "KnownHistory",
    "MaturityPolicy",
    "ShareKnown",
    "create_policy",
    "expected_known",
    "share_at",
]
