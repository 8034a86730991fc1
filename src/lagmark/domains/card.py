"""Card payments with merchant, category and places: the columns of the well-known Kaggle set.

``cc_num`` of that set is synthetic and stands for a token; real card numbers have no place in any
of these files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lagmark.domains.domain import Domain, Evaluation, LabelColumn, ModelChoice, TimeColumn
from lagmark.schema.fields import Field, Kind
from lagmark.schema.time import DAY

if TYPE_CHECKING:
    from lagmark.features import Feature, FeatureSet

__all__ = ["DOMAIN", "FIELDS", "LINKS", "default", "linked"]

FIELDS = (
    Field("card", Kind.ENTITY, "cc_num", integer=True),
    Field("merchant", Kind.ENTITY, "merchant"),
    Field("category", Kind.CATEGORY, "category"),
    Field("amount", Kind.MONEY, "amt", decimals=2, minimum=0.0),
    Field("gender", Kind.CATEGORY, "gender", required=False),
    Field("job", Kind.CATEGORY, "job", required=False),
    Field("city_pop", Kind.QUANTITY, "city_pop", minimum=0, required=False),
    Field("lat", Kind.QUANTITY, "lat", decimals=6, minimum=-90, maximum=90),
    Field("long", Kind.QUANTITY, "long", decimals=6, minimum=-180, maximum=180),
    Field("merch_lat", Kind.QUANTITY, "merch_lat", decimals=6, minimum=-90, maximum=90),
    Field("merch_long", Kind.QUANTITY, "merch_long", decimals=6, minimum=-180, maximum=180),
)

LINKS = (
    Field("device", Kind.ENTITY, "device", integer=True, required=False),
    Field("ip", Kind.ENTITY, "ip", integer=True, required=False),
    Field("channel", Kind.CATEGORY, "channel", required=False),
)
"""What simulated payments carry besides: absent in the Kaggle set, and at a counter."""


def default() -> FeatureSet:
    """Velocity, amount, novelty, place, habit and merchant risk of a card payment.

    Card windows include the payment itself; ratios and scores compare it with what came before.
    Merchant risk ends 14 days before the payment, when labels are known.
    """
    from lagmark.features import FeatureSet

    return FeatureSet("default", FIELDS, _features())


def linked() -> FeatureSet:
    """The default features and those of device, address and channel.

    For payments that carry them: how many cards a device or an address was used with, and
    whether the card meets it for the first time.
    """
    from lagmark.features import (
        Count,
        Distinct,
        Equals,
        FeatureSet,
        FirstSeenAge,
        FraudCount,
        Is,
        NewEntity,
        Rate,
        Sum,
    )

    links: list[Feature] = [
        Is(Equals("channel", "web"), name="is_web"),
        Is(Equals("channel", "app"), name="is_app"),
        NewEntity(("card", "device"), name="card_new_device"),
        NewEntity(("card", "ip"), window="30d", name="card_new_ip_30d"),
        FirstSeenAge("device", name="device_age"),
        FirstSeenAge("ip", name="ip_age"),
        Distinct("device", "card", window="3d", name="device_cards_3d"),
        Distinct("ip", "card", window="3d", name="ip_cards_3d"),
        Distinct("card", "device", window="7d", name="card_devices_7d"),
        Distinct("card", "ip", window="1d", name="card_ips_1d"),
        Count("device", window="1d", name="device_count_1d"),
        Sum("device", "amount", window="1d", name="device_sum_1d"),
        Distinct("merchant", "card", window="7d", name="merchant_cards_7d"),
        FirstSeenAge("merchant", name="merchant_age"),
        Rate("card", where=Equals("channel", "web"), window="30d", name="card_web_rate_30d"),
        FraudCount("device", window="90d", name="device_frauds_90d"),
        FraudCount("card", window="90d", name="card_frauds_90d"),
    ]
    return FeatureSet("linked", (*FIELDS, *LINKS), [*_features(), *links])


def _features() -> list[Feature]:
    from lagmark.features import (
        AtLeast,
        Between,
        Count,
        DayOfWeek,
        Distance,
        Distinct,
        FraudRate,
        HourOfDay,
        Is,
        Max,
        Mean,
        NewEntity,
        OneOf,
        Quantile,
        Quotient,
        Ratio,
        Speed,
        Sum,
        TimeSinceLast,
        Value,
        ZScore,
    )

    online = OneOf("category", ("misc_net", "shopping_net", "grocery_net"))
    by_hour = Count(("card", "hour"), window="30d", include_current=False)
    month = Count("card", window="30d", name="card_count_30d")
    return [
        Value("amount", name="amount"),
        Value("city_pop", name="city_pop"),
        HourOfDay(name="hour"),
        DayOfWeek(name="weekday"),
        Is(Between("hour", 0, 3), name="is_night"),
        Is(AtLeast("weekday", 5), name="is_weekend"),
        Is(online, name="is_online"),
        Count("card", window="1h", name="card_count_1h"),
        Count("card", window="1d", name="card_count_1d"),
        Count("card", window="7d", name="card_count_7d"),
        month,
        Sum("card", "amount", window="1h", name="card_sum_1h"),
        Sum("card", "amount", window="1d", name="card_sum_1d"),
        Sum("card", "amount", window="7d", name="card_sum_7d"),
        Mean("card", "amount", window="30d", name="card_mean_30d"),
        Max("card", "amount", window="1d", name="card_max_1d"),
        Quantile("card", "amount", q=0.95, window="30d", name="card_q95_30d"),
        Ratio("card", "amount", window="30d", name="card_ratio_30d"),
        ZScore("card", "amount", window="30d", name="card_zscore_30d"),
        Ratio(("card", "category"), "amount", window="90d", name="card_category_ratio_90d"),
        Ratio("merchant", "amount", window="30d", name="merchant_ratio_30d"),
        TimeSinceLast("card", name="card_since_last"),
        NewEntity(("card", "merchant"), name="card_new_merchant"),
        NewEntity(("card", "category"), window="90d", name="card_new_category_90d"),
        Count(("card", "category"), window="1d", name="card_category_count_1d"),
        Distinct("card", "merchant", window="1d", name="card_merchants_1d"),
        Count("card", where=online, window="1d", name="card_online_count_1d"),
        Distance("card", "merch_lat", "merch_long", name="card_distance_km"),
        Speed("card", "merch_lat", "merch_long", name="card_speed_kmh"),
        Quotient(by_hour, month, name="card_hour_share_30d"),
        Count("merchant", window="1d", name="merchant_count_1d"),
        FraudRate("merchant", window="30d", delay="14d", name="merchant_risk_30d"),
        FraudRate("category", window="30d", delay="14d", name="category_risk_30d"),
    ]


# Small trees and few bins: with some hundred frauds to learn from, more only learns them by heart.
_XGBOOST = {
    "n_estimators": 120,
    "learning_rate": 0.08,
    "max_depth": 4,
    "max_bin": 256,
    "min_child_weight": 5,
    "subsample": 0.8,
    "colsample_bytree": 0.5,
}

DOMAIN = Domain(
    name="card",
    title="Card payments with merchant, category and places",
    fields=(*FIELDS, *LINKS),
    # The set's times carry no zone; its own unix_time counts them as UTC.
    event_time=TimeColumn("trans_date_trans_time"),
    feature_sets={"default": default, "linked": linked},
    subject="card",
    amount="amount",
    event_id="trans_num",
    id_optional=True,
    # The set says nothing of when a fraud became known. Card frauds surface with a dispute, which
    # follows the statement: most take one to four weeks, so two is a middle that hides no lag.
    label=LabelColumn("is_fraud", delay=14 * DAY),
    category="category",
    # A month of this set has some sixty frauds: shorter tests would measure luck.
    evaluation=Evaluation(
        train_days=365,
        test_days=28,
        folds=4,
        test_start="2020-11-01",
        models=(ModelChoice("xgboost", _XGBOOST),),
    ),
)
