"""The policy in force: the directory's file or the domain's own, and what the ledger says."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from lagmark.decisions.policy import Policy
    from lagmark.ports.ledger import Ledger
    from lagmark.schema.records import PolicyRecord
    from lagmark.wiring.serving import Served

__all__ = ["follow_policy", "load_policy"]

_FILE = "policy.yaml"
_PART = 10_000
"""Entries that are searched at a time."""
_TAG = 24
"""Bytes at the beginning of a body that say what kind of record it is."""


def load_policy(served: Served, ledger: Ledger) -> Policy:
    """Policy to decide by: the directory's file or the domain's own, with the lists on record.

    Thresholds on record stay in force where they follow a budget and the file is the same.

    Raises
    ------
    ConfigError
        If the file cannot be used.
    """
    from lagmark.decisions.lists import Lists
    from lagmark.decisions.settings import Thresholds
    from lagmark.domains.policies import policy_of

    path = served.data / _FILE
    policy = policy_of(served.domain, served.feature_set.names, path if path.is_file() else None)
    recorded = _last_policy(ledger)
    if recorded is None:
        return policy
    kept = policy.file.choose == "budget" and recorded.content["file"] == policy.content["file"]
    return policy.revised(
        lists=Lists.from_json(recorded.content["lists"]),
        thresholds=Thresholds.model_validate(recorded.content["thresholds"]) if kept else None,
    )


def follow_policy(
    served: Served, ledger: Ledger, standing: Callable[[], Policy]
) -> Callable[[], Policy | None]:
    """Function that answers the policy that somebody else has put on record, else ``None``.

    Parameters
    ----------
    served
        What is served.
    ledger
        Where policies are put on record.
    standing
        The policy that this process decides by.
    """
    from lagmark.decisions.policy import Policy

    # What came between loading the policy and now is looked at again.
    seen = max(0, ledger.head().position - _PART)

    def look() -> Policy | None:
        nonlocal seen
        end = ledger.head().position
        found = _policy_between(ledger, seen, end)
        seen = end
        if found is None or found.version == standing().version:
            return None
        return Policy.from_content(
            found.content,
            fields=served.domain.fields,
            names=served.feature_set.names,
            amount=served.domain.amount,
            python=served.domain.rules,
        )

    return look


def _last_policy(ledger: Ledger) -> PolicyRecord | None:
    """Policy that was put on record last; every start puts one there."""
    end = ledger.head().position
    while end > 0:
        found = _policy_between(ledger, end - _PART, end)
        if found is not None:
            return found
        end -= _PART
    return None


def _policy_between(ledger: Ledger, after: int, until: int) -> PolicyRecord | None:
    """Last policy among some entries."""
    from lagmark.schema.records import PolicyRecord

    found = None
    for entry in ledger.entries(after=max(0, after), until=until):
        if b"policy" in entry.body[:_TAG]:
            record = entry.record
            found = record if isinstance(record, PolicyRecord) else found
    return found
