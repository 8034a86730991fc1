"""Questions to the index tables as SQL that both databases understand, with ``?`` for values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lagmark.backends.ledger.index import DECISIONS, key_of
from lagmark.ports.ledger import Statistics

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lagmark.ports.ledger import DecisionQuery

__all__ = ["page", "statistics", "statistics_of"]

_EVER = 2**63 - 1

# The latest word on an event, as `lagmark.labels.latest_word` has it.
_VERDICT = """
LEFT JOIN labels l ON l.position = (
    SELECT m.position FROM labels m WHERE m.event_id = d.event_id AND m.known_at <= ?
    ORDER BY m.known_at DESC, m.position DESC LIMIT 1
)"""
# Few events have a label: from these to their decisions is the short way.
_SPOKEN_OF = "d.event_id IN (SELECT k.event_id FROM labels k)"
_COLUMNS = ", ".join(f"d.{name}" for name in DECISIONS.split(", "))


def page(query: DecisionQuery, *, limit: int, cursor: int | None) -> tuple[str, list[Any]]:
    """Decisions of a query before a position, latest first, with their verdicts."""
    where, values = _conditions(query)
    if cursor is not None:
        where.append("d.position < ?")
        values.append(cursor)
    sql = (
        f"SELECT {_COLUMNS}, l.fraud, l.known_at, l.source FROM decisions d {_VERDICT}"  # noqa: S608  # nosec B608
        f" WHERE {' AND '.join(where)} ORDER BY d.position DESC LIMIT ?"
    )
    return sql, [_as_of(query), *values, limit]


def statistics(query: DecisionQuery) -> tuple[str, list[Any]]:
    """Number and amount of a query's decisions by action, then of the labelled by verdict too."""
    where, values = _conditions(query)
    all_of_them = " AND ".join(where)
    labelled = " AND ".join([*where, "l.position IS NOT NULL", _SPOKEN_OF])
    # Only a condition on verdicts needs them of every decision, which takes most of the time.
    needed = query.labelled is not None or query.fraud is not None
    sql = (
        "SELECT d.action, -1, COUNT(*), SUM(d.amount) "  # noqa: S608  # nosec B608
        f"FROM decisions d {_VERDICT if needed else ''} WHERE {all_of_them} GROUP BY d.action "
        "UNION ALL SELECT d.action, l.fraud, COUNT(*), SUM(d.amount) "
        f"FROM decisions d {_VERDICT} WHERE {labelled} GROUP BY d.action, l.fraud"
    )
    verdicts = [_as_of(query)]
    return sql, [*(verdicts if needed else []), *values, *verdicts, *values]


def statistics_of(groups: Iterable[tuple[str, int, int, int]]) -> Statistics:
    """Statistics from what :func:`statistics` found."""
    by_action: dict[str, int] = {}
    cases = {(flagged, fraud): 0 for flagged in (True, False) for fraud in (0, 1)}
    total = fraud_total = 0
    for action, fraud, count, amount in groups:
        if fraud < 0:
            by_action[action] = count
            total += int(amount)
        else:
            cases[action != "allow", fraud] += count
            fraud_total += int(amount) if fraud else 0
    return Statistics(
        decisions=sum(by_action.values()),
        amount=total,
        by_action=dict(sorted(by_action.items())),
        labelled=sum(cases.values()),
        frauds=cases[True, 1] + cases[False, 1],
        fraud_amount=fraud_total,
        true_positives=cases[True, 1],
        false_positives=cases[True, 0],
        false_negatives=cases[False, 1],
        true_negatives=cases[False, 0],
    )


def _conditions(query: DecisionQuery) -> tuple[list[str], list[Any]]:
    """Conditions on decisions ``d`` and verdicts ``l``."""
    where = ["d.ingest_time <= ?"]
    values: list[Any] = [_as_of(query)]
    simple = (
        ("d.event_time >= ?", query.since),
        ("d.event_time < ?", query.until),
        ("d.model_version = ?", query.model_version),
        ("d.score >= ?", query.minimum_score),
        ("d.subject = ?", None if query.subject is None else key_of(query.subject)),
        ("l.fraud = ?", None if query.fraud is None else int(query.fraud)),
    )
    for condition, value in simple:
        if value is not None:
            where.append(condition)
            values.append(value)
    if query.actions is not None:
        # No action is a condition that nothing meets, which an empty list could not say in SQL.
        marks = ", ".join("?" * len(query.actions)) or "NULL"
        where.append(f"d.action IN ({marks})")
        values.extend(query.actions)
    if query.flagged is not None:
        where.append("d.action <> 'allow'" if query.flagged else "d.action = 'allow'")
    if query.labelled is not None:
        where.append("l.position IS NOT NULL" if query.labelled else "l.position IS NULL")
    if query.labelled or query.fraud is not None:
        where.append(_SPOKEN_OF)
    return where, values


def _as_of(query: DecisionQuery) -> int:
    return _EVER if query.as_of is None else query.as_of
