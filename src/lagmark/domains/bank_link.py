"""Bank accounts with linked connections, balances and identity changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lagmark.domains.domain import Check, Domain, Evaluation, LabelColumn, ModelChoice, TimeColumn
from lagmark.schema.fields import Field, Kind, Known
from lagmark.schema.time import DAY

if TYPE_CHECKING:
    import polars as pl

    from lagmark.features import FeatureSet

__all__ = ["DOMAIN", "FIELDS", "KINDS", "default"]

KINDS = (
    "payment",
    "withdrawal",
    "transfer",
    "deposit",
    "salary",
    "link",
    "identity_change",
    "returned",
)

FIELDS = (
    Field("account", Kind.ENTITY, "account", integer=True),
    Field("kind", Kind.CATEGORY, "kind", vocabulary=KINDS),
    Field("amount", Kind.MONEY, "amount", decimals=2, minimum=0.0),
    Field("category", Kind.CATEGORY, "category", required=False),
    Field("counterparty", Kind.ENTITY, "counterparty", integer=True, required=False),
    Field("channel", Kind.CATEGORY, "channel", required=False),
    Field("device", Kind.ENTITY, "device", integer=True, required=False),
    Field("ip", Kind.ENTITY, "ip", integer=True, required=False),
    Field("account_age", Kind.QUANTITY, "account_age", minimum=0, required=False),
    Field("balance", Kind.MONEY, "balance", decimals=2),
    Field(
        "balance_after",
        Kind.MONEY,
        "balance_after",
        decimals=2,
        required=False,
        known=Known.AFTER_DECISION,
    ),
    Field("returned", Kind.FLAG, "returned", required=False, known=Known.AFTER_DECISION),
)


def _ledger() -> pl.Expr:
    import polars as pl

    kind, amount = pl.col("kind"), pl.col("amount")
    effect = (
        pl.when(pl.col("returned"))
        .then(0.0)
        .when(kind.is_in(["payment", "withdrawal", "transfer"]))
        .then(-amount)
        .when(kind.is_in(["deposit", "salary"]))
        .then(amount)
        .otherwise(0.0)
    )
    return (pl.col("balance") + effect - pl.col("balance_after")).abs() < 0.005


def default() -> FeatureSet:
    """What happens on an account, how fast, from where, and what it leaves of the balance.

    Windows of the account include the act itself; ratios and scores compare it with what came
    before. Risks count labels from 14 days on.
    """
    from lagmark.features import (
        AtLeast,
        Between,
        Count,
        Difference,
        Distinct,
        Equals,
        FeatureSet,
        FirstSeenAge,
        FraudCount,
        HourOfDay,
        Is,
        Max,
        Mean,
        Min,
        NewEntity,
        OneOf,
        Quotient,
        Rate,
        Ratio,
        Sum,
        TimeSinceLast,
        Value,
        ZScore,
    )

    out = OneOf("kind", ("payment", "withdrawal", "transfer"))
    link, change = Equals("kind", "link"), Equals("kind", "identity_change")
    amount, balance = Value("amount", name="amount"), Value("balance", name="balance")
    day_out = Sum("account", "amount", where=out, window="1d", name="account_out_1d")
    day_in = Sum(
        "account", "amount", where=OneOf("kind", ("deposit", "salary")), window="1d",
        name="account_in_1d",
    )  # fmt: skip
    kinds = [
        Is(Equals("kind", each), name=f"is_{each}")
        for each in KINDS
        if each not in ("salary", "returned")
    ]
    features = [
        amount,
        balance,
        Value("account_age", name="account_age"),
        *kinds,
        HourOfDay(name="hour"),
        Is(Between("hour", 0, 5), name="is_night"),
        Is(AtLeast("weekday", 5), name="is_weekend"),
        Is(OneOf("channel", ("web", "app")), name="is_online"),
        Difference(balance, amount, name="balance_left"),
        Quotient(amount, balance, name="amount_to_balance"),
        ZScore("account", "balance", window="90d", name="balance_zscore_90d"),
        Min("account", "balance", window="30d", name="balance_min_30d"),
        Ratio("account", "amount", where=out, window="30d", name="account_ratio_30d"),
        ZScore("account", "amount", where=out, window="90d", name="account_zscore_90d"),
        Mean("account", "amount", where=out, window="30d", name="account_mean_30d"),
        Max("account", "amount", where=out, window="7d", name="account_max_7d"),
        Count("account", window="1h", name="account_count_1h"),
        Count("account", window="1d", name="account_count_1d"),
        Count("account", window="30d", name="account_count_30d"),
        day_out,
        day_in,
        Quotient(day_out, day_in, name="account_out_to_in_1d"),
        Count("account", where=link, window="1d", name="account_links_1d"),
        Count("account", where=link, window="30d", name="account_links_30d"),
        Count("account", where=change, window="7d", name="account_changes_7d"),
        Count("account", where=Equals("kind", "returned"), window="7d", name="account_returned_7d"),
        TimeSinceLast("account", name="account_since_last"),
        FirstSeenAge("account", name="account_seen"),
        NewEntity(("account", "counterparty"), name="account_new_counterparty"),
        NewEntity(("account", "device"), name="account_new_device"),
        Distinct("account", "device", window="7d", name="account_devices_7d"),
        Distinct("account", "ip", window="1d", name="account_ips_1d"),
        Distinct("device", "account", window="7d", name="device_accounts_7d"),
        FirstSeenAge("device", name="device_age"),
        Distinct("counterparty", "account", window="7d", name="counterparty_accounts_7d"),
        Rate("account", where=Equals("kind", "transfer"), window="30d", name="transfer_rate_30d"),
        FraudCount("account", window="90d", delay="14d", name="account_frauds_90d"),
        FraudCount("counterparty", window="90d", delay="14d", name="counterparty_frauds_90d"),
        FraudCount("device", window="90d", delay="14d", name="device_frauds_90d"),
    ]
    return FeatureSet("default", FIELDS, features)


_XGBOOST = {
    "n_estimators": 150,
    "learning_rate": 0.08,
    "max_depth": 5,
    "max_bin": 256,
    "min_child_weight": 3,
    "subsample": 0.8,
    "colsample_bytree": 0.5,
}

DOMAIN = Domain(
    name="bank_link",
    noun="event",
    title="Bank accounts with linked connections, balances and identity changes",
    fields=FIELDS,
    event_time=TimeColumn("time"),
    feature_sets={"default": default},
    subject="account",
    amount="amount",
    event_id="event_id",
    integer_id=True,
    # A victim sees the account within days, a disputed transfer is settled within weeks.
    label=LabelColumn("is_fraud", delay=14 * DAY),
    category="kind",
    checks=(Check("ledger", _ledger, "the balance after is the balance and what was moved"),),
    evaluation=Evaluation(
        train_days=60,
        test_days=14,
        folds=1,
        models=(ModelChoice("xgboost", _XGBOOST),),
    ),
)
