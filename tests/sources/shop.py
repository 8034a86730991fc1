"""A small domain with every kind of field, and rows for it."""

from __future__ import annotations

from typing import Any

from lagmark.domains.domain import Check, Domain, LabelColumn, TimeColumn
from lagmark.schema.fields import Field, Kind
from lagmark.schema.time import DAY


def _no_gifts() -> Any:
    import polars as pl

    return pl.col("total") != 13.0


def _round_amounts() -> Any:
    import polars as pl

    return pl.col("total") % 1 == 0


SHOP = Domain(
    name="shop",
    title="Orders",
    fields=(
        Field("account", Kind.ENTITY, integer=True),
        Field("device", Kind.ENTITY, required=False),
        Field("channel", Kind.CATEGORY, vocabulary=("web", "app")),
        Field("amount", Kind.MONEY, "total", decimals=2, minimum=0.0, maximum=10_000.0),
        Field("weight", Kind.QUANTITY, decimals=3, required=False),
        Field("gift", Kind.FLAG, required=False),
    ),
    event_id="order",
    event_time=TimeColumn("placed", zone="Europe/Berlin"),
    ingest_time=TimeColumn("seen", zone="UTC"),
    label=LabelColumn("fraud", delay=7 * DAY, known_at=TimeColumn("fraud_at")),
    subject="account",
    amount="amount",
    checks=(
        Check("no_thirteen", _no_gifts, "no order costs 13", fatal=True),
        Check("round", _round_amounts, "amounts are whole"),
    ),
    feature_sets={"default": lambda: None},  # type: ignore[dict-item, return-value]
)

ROW: dict[str, Any] = {
    "order": "A-1",
    "placed": "2024-03-01 10:00:00",
    "seen": "2024-03-01T09:00:01Z",
    "account": "7",
    "device": "d-1",
    "channel": "web",
    "total": "12.00",
    "weight": "0.5",
    "gift": "0",
    "fraud": "1",
    "fraud_at": "2024-03-09",
}


def rows(*changes: dict[str, Any]) -> list[dict[str, Any]]:
    """Good rows with own ids and rising times, each with its changes."""
    return [
        ROW | {"order": f"A-{n}", "seen": f"2024-03-02T00:{n // 60:02}:{n % 60:02}Z"} | change
        for n, change in enumerate(changes)
    ]
