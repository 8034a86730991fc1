"""Mobile money transfers: the columns of PaySim.

Lopez-Rojas, Elmir, Axelsson: PaySim, a financial mobile money simulator for fraud detection
(2016). One step is one hour; the set covers thirty days.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lagmark.domains.domain import Check, Domain, Evaluation, LabelColumn, ModelChoice, TimeColumn
from lagmark.schema.fields import Field, Kind, Known
from lagmark.schema.time import DAY

if TYPE_CHECKING:
    import polars as pl

    from lagmark.features import Feature, FeatureSet

__all__ = ["DOMAIN", "FIELDS", "default", "with_balances"]

TYPES = ("CASH_IN", "CASH_OUT", "DEBIT", "PAYMENT", "TRANSFER")
STEPS = 744
FLAGGED_ABOVE = 200_000.0


def _balance(name: str, source: str, known: Known, *aliases: str) -> Field:
    return Field(name, Kind.MONEY, source, decimals=2, required=False, known=known, aliases=aliases)


FIELDS = (
    Field("type", Kind.CATEGORY, "type", vocabulary=TYPES),
    Field("amount", Kind.MONEY, "amount", decimals=2, minimum=0.0),
    Field("origin", Kind.ENTITY, "nameOrig"),
    Field("destination", Kind.ENTITY, "nameDest"),
    _balance("origin_balance", "oldbalanceOrg", Known.AT_DECISION, "oldbalanceOrig"),
    _balance("origin_balance_after", "newbalanceOrig", Known.AFTER_DECISION, "newbalanceOrg"),
    _balance("destination_balance", "oldbalanceDest", Known.AT_DECISION),
    _balance("destination_balance_after", "newbalanceDest", Known.AFTER_DECISION),
    Field("flagged", Kind.FLAG, "isFlaggedFraud", required=False, known=Known.AFTER_DECISION),
)


def _fraud_by_type() -> pl.Expr:
    import polars as pl

    return ~pl.col("isFraud") | pl.col("type").is_in(["TRANSFER", "CASH_OUT"])


def _step_range() -> pl.Expr:
    import polars as pl

    return pl.col("step") <= STEPS


def _flag_rule() -> pl.Expr:
    import polars as pl

    due = (pl.col("type") == "TRANSFER") & (pl.col("amount") > FLAGGED_ABOVE)
    return ~pl.col("isFlaggedFraud") | due


def _features() -> list[Feature]:
    from lagmark.features import (
        AtLeast,
        Count,
        Distinct,
        Equals,
        FirstSeenAge,
        FraudCount,
        FraudRate,
        HourOfDay,
        Is,
        Max,
        Mean,
        NewEntity,
        Rate,
        Ratio,
        Sum,
        TimeSinceFraud,
        TimeSinceLast,
        Value,
        ZScore,
    )

    to = "destination"
    types = [Is(Equals("type", each), name=f"is_{each.lower()}") for each in TYPES]
    velocities = [
        feature
        for window in ("1h", "1d", "7d")
        for feature in (
            Count(to, window=window, name=f"{to}_count_{window}"),
            Sum(to, "amount", window=window, name=f"{to}_sum_{window}"),
            Distinct(to, "origin", window=window, name=f"{to}_origins_{window}"),
        )
    ]
    return [
        Value("amount", name="amount"),
        HourOfDay(name="hour"),
        Is(AtLeast("amount", FLAGGED_ABOVE), name="is_large"),
        *types,
        *velocities,
        Mean(to, "amount", window="7d", name=f"{to}_mean_7d"),
        Max(to, "amount", window="7d", name=f"{to}_max_7d"),
        Ratio(to, "amount", window="7d", name=f"{to}_ratio_7d"),
        ZScore(to, "amount", window="7d", name=f"{to}_zscore_7d"),
        Ratio("type", "amount", window="1d", name="type_ratio_1d"),
        Rate(to, where=Equals("type", "TRANSFER"), window="7d", name=f"{to}_transfer_rate_7d"),
        Count(to, where=Equals("type", "CASH_OUT"), window="1d", name=f"{to}_cash_outs_1d"),
        NewEntity(to, name=f"{to}_new"),
        FirstSeenAge(to, name=f"{to}_age"),
        TimeSinceLast(to, name=f"{to}_since_last"),
        Count("origin", window="1d", name="origin_count_1d"),
        FraudCount(to, window=None, delay="1d", name=f"{to}_frauds"),
        FraudRate(to, window="7d", delay="1d", name=f"{to}_risk_7d"),
        TimeSinceFraud(to, delay="1d", name=f"{to}_since_fraud"),
        FraudRate("type", window="7d", delay="1d", name="type_risk_7d"),
    ]


def default() -> FeatureSet:
    """Features of type, amount and destination, without any balance.

    History lives in the destination: an origin hardly ever returns. Labels count from one day
    after the transfer, the delay of this domain.
    """
    from lagmark.features import FeatureSet

    return FeatureSet("default", FIELDS, _features())


def with_balances() -> FeatureSet:
    """The default features and the balances before the transfer.

    These balances leak in PaySim: its fraudster empties the account, so that ``amount`` equals
    ``oldbalanceOrg`` in about 97 % of frauds and almost never otherwise. A near-perfect score
    with them says nothing about fraud detection; report it beside the default set only.
    """
    from lagmark.features import Difference, FeatureSet, Quotient, Value

    amount = Value("amount")
    origin = Value("origin_balance", name="origin_balance")
    destination = Value("destination_balance", name="destination_balance")
    balances = [
        origin,
        destination,
        Quotient(amount, origin, name="amount_to_origin_balance"),
        Difference(origin, amount, name="origin_balance_left"),
        Quotient(amount, destination, name="amount_to_destination_balance"),
    ]
    return FeatureSet("with_balances", FIELDS, [*_features(), *balances])


# Few bins are enough for amounts this wide, and keep a million transfers quick.
_XGBOOST = {
    "n_estimators": 150,
    "learning_rate": 0.08,
    "max_depth": 6,
    "max_bin": 512,
}

DOMAIN = Domain(
    name="mobile_money",
    title="Mobile money transfers with the columns of PaySim",
    fields=FIELDS,
    event_time=TimeColumn("step", unit="h", origin="2018-01-01", first=1),
    feature_sets={"default": default, "with_balances": with_balances},
    subject=None,
    amount="amount",
    # PaySim is thirty days long: with a card's weeks of delay nothing would be left to learn
    # from. A wallet's victim sees the empty account within a day.
    label=LabelColumn("isFraud", delay=DAY),
    category="type",
    checks=(
        Check("fraud_type", _fraud_by_type, "frauds are only transfers and cash-outs"),
        Check("step_range", _step_range, f"steps are hours 1 to {STEPS}"),
        Check("flag_rule", _flag_rule, "isFlaggedFraud marks only transfers above 200,000"),
    ),
    # Most of PaySim's transfers fall into its first two weeks, its frauds spread over all thirty
    # days; tests later than these would meet a few hundred transfers a day.
    evaluation=Evaluation(
        train_days=8,
        test_days=3,
        folds=2,
        test_start="2018-01-11",
        models=(ModelChoice("xgboost", _XGBOOST),),
        feature_sets=("default", "with_balances"),
        caveats={
            "with_balances": "the balances leak: PaySim's fraudster empties the account, so amount "
            "equals the old balance in almost every fraud and almost never otherwise"
        },
    ),
)
