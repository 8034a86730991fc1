"""The simulated payments of the Fraud Detection Handbook: customer, terminal, amount.

Le Borgne, Siblini, Lebichot, Bontempi: Reproducible Machine Learning for Credit Card Fraud
Detection, chapter 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lagmark.domains.domain import Domain, Evaluation, LabelColumn, ModelChoice, TimeColumn
from lagmark.domains.handbook_features import (
    DEFAULT_ROUNDS,
    DEFAULT_TRAIN_DAYS,
    DEFAULT_XGBOOST,
)
from lagmark.schema.fields import Field, Kind
from lagmark.schema.time import DAY

if TYPE_CHECKING:
    from lagmark.features import FeatureSet

__all__ = ["DOMAIN", "FIELDS", "default", "published"]

FIELDS = (
    Field("customer", Kind.ENTITY, "CUSTOMER_ID", integer=True),
    Field("terminal", Kind.ENTITY, "TERMINAL_ID", integer=True),
    Field("amount", Kind.MONEY, "TX_AMOUNT", decimals=2, minimum=0.0),
)

WINDOWS = (1, 7, 30)
"""Days."""


def published() -> FeatureSet:
    """The fifteen features of the handbook, under its own column names and in its order.

    A payment of hour 6 counts as night, as in the handbook's code (its prose says 0 to 6). The
    terminal's windows end seven days before the payment, when labels are known.
    """
    from lagmark.features import (
        AtLeast,
        AtMost,
        Count,
        FeatureSet,
        FraudRate,
        Is,
        Mean,
        Value,
    )

    customer = [
        feature
        for days in WINDOWS
        for feature in (
            Count("customer", window=f"{days}d", name=f"CUSTOMER_ID_NB_TX_{days}DAY_WINDOW"),
            Mean(
                "customer",
                "amount",
                window=f"{days}d",
                name=f"CUSTOMER_ID_AVG_AMOUNT_{days}DAY_WINDOW",
            ),
        )
    ]
    terminal = [
        feature
        for days in WINDOWS
        for feature in (
            Count(
                "terminal",
                window=f"{days}d",
                delay="7d",
                name=f"TERMINAL_ID_NB_TX_{days}DAY_WINDOW",
            ),
            FraudRate(
                "terminal", window=f"{days}d", delay="7d", name=f"TERMINAL_ID_RISK_{days}DAY_WINDOW"
            ),
        )
    ]
    features = [
        Value("amount", name="TX_AMOUNT"),
        Is(AtLeast("weekday", 5), name="TX_DURING_WEEKEND"),
        Is(AtMost("hour", 6), name="TX_DURING_NIGHT"),
        *customer,
        *terminal,
    ]
    return FeatureSet("published", FIELDS, features)


def default() -> FeatureSet:
    """Lagmark's own features for these payments."""
    from lagmark.domains.handbook_features import default_features
    from lagmark.features import FeatureSet

    return FeatureSet("default", FIELDS, default_features())


def wide() -> FeatureSet:
    """Sixty features of every kind, for benchmarks."""
    from lagmark.domains.handbook_features import wide_features
    from lagmark.features import FeatureSet

    return FeatureSet("wide", FIELDS, wide_features())


# The objective and the seed are the run's to say.
_XGBOOST = {
    "n_estimators": DEFAULT_ROUNDS,
    **{k: v for k, v in DEFAULT_XGBOOST.items() if k not in ("objective", "seed")},
}

DOMAIN = Domain(
    name="handbook",
    title="Fraud Detection Handbook: simulated payments of customers at terminals",
    fields=FIELDS,
    event_time=TimeColumn("TX_DATETIME"),
    feature_sets={"default": default, "published": published, "wide": wide},
    subject="customer",
    amount="amount",
    event_id="TRANSACTION_ID",
    integer_id=True,
    # The handbook assumes that investigations end a week after the payment.
    label=LabelColumn("TX_FRAUD", delay=7 * DAY),
    evaluation=Evaluation(
        train_days=DEFAULT_TRAIN_DAYS,
        test_days=7,
        folds=4,
        test_start="2018-08-08",
        models=(ModelChoice("xgboost", _XGBOOST),),
        compromised_days=7,
    ),
    # The baseline system: one week of training, one of delay, one of test.
    published=Evaluation(
        train_days=7,
        test_days=7,
        test_start="2018-08-08",
        feature_sets=("published",),
        models=tuple(
            ModelChoice(kind, preset=True)
            for kind in ("logistic_regression", "random_forest", "xgboost")
        ),
        compromised_days=7,
    ),
)
