"""The built-in domains on a few rows in their public formats."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from lagmark.domains.registry import get_domain
from lagmark.schema.fields import Known
from lagmark.schema.time import DAY, HOUR, parse_instant, to_micros
from lagmark.sources.events import read_events

HANDBOOK = """TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_FRAUD
0,2018-04-01 00:00:31,596,3156,57.16,0
1,2018-04-01 00:02:10,4961,3412,81.51,1
2,2018-04-01 00:07:56,2,1365,-1.0,0
"""
PAYSIM = (
    "step,type,amount,nameOrig,oldbalanceOrg,{new},nameDest,oldbalanceDest,newbalanceDest,"
    "isFraud,isFlaggedFraud\n"
    "1,PAYMENT,9839.64,C1,170136.0,160296.36,M1,0.0,0.0,0,0\n"
    "2,TRANSFER,181.0,C2,181.0,0.0,C3,0.0,0.0,1,0\n"
    "745,DEBIT,5.0,C2,181.0,0.0,C3,0.0,0.0,1,1\n"
    "3,LOAN,5.0,C2,181.0,0.0,C3,0.0,0.0,0,0\n"
    "0,DEBIT,5.0,C2,181.0,0.0,C3,0.0,0.0,0,0\n"
)
CARD = (
    "trans_date_trans_time,cc_num,merchant,category,amt,gender,job,city_pop,lat,long,merch_lat,"
    "merch_long,is_fraud{id}\n"
    '2019-01-01 00:00:18,2703186189652095,"fraud_Rippin, Kub",misc_net,4.97,F,"Engineer, x",3495,'
    "36.0788,-81.1781,36.011293,-82.048315,0{value}\n"
)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_handbook(tmp_path: Path) -> None:
    result = read_events(write(tmp_path / "h.csv", HANDBOOK), get_domain("handbook"))
    start = to_micros(parse_instant("2018-04-01"))
    assert result.batch.events.rows() == [
        (0, start + 31_000_000, start + 31_000_000, 596, 3156, 5716),
        (1, start + 130_000_000, start + 130_000_000, 4961, 3412, 8151),
    ]
    assert (result.batch.labels["known_at"] - result.batch.events["event_time"]).to_list() == (
        [7 * DAY] * 2
    )
    assert result.report.reasons == {"amount: out of range (at least 0)": 1}


def test_mobile_money(tmp_path: Path) -> None:
    domain = get_domain("mobile_money")
    origin = to_micros(parse_instant("2018-01-01"))
    for new in ("newbalanceOrig", "newbalanceOrg"):
        result = read_events(write(tmp_path / "p.csv", PAYSIM.format(new=new)), domain)
        assert result.batch.events["event_time"].to_list() == [
            origin,
            origin + HOUR,
            origin + 744 * HOUR,
        ]
        assert result.batch.events["origin_balance_after"].to_list() == [16029636, 0, 0]
        assert set(result.report.reasons) == {
            "type: not in the vocabulary (CASH_IN, CASH_OUT, DEBIT, PAYMENT, TRANSFER)",
            "event_time: out of range",
        }
        assert result.report.checks == {"fraud_type": 1, "step_range": 1, "flag_rule": 1}
    late = {field.name for field in domain.fields if field.known is Known.AFTER_DECISION}
    assert late == {"origin_balance_after", "destination_balance_after", "flagged"}


def test_card_with_and_without_an_id(tmp_path: Path) -> None:
    domain = get_domain("card")
    plain = read_events(write(tmp_path / "c.csv", CARD.format(id="", value="")), domain)
    assert plain.batch.events["event_id"].to_list() == [0]
    assert plain.batch.events.schema["card"] == pl.Int64
    assert plain.batch.events["merch_long"].to_list() == [-82048315]
    assert plain.report.missing == ("trans_num", "device", "ip", "channel")
    named = CARD.format(id=",trans_num", value=",0b242abb")
    result = read_events(write(tmp_path / "c.csv", named), domain)
    assert result.batch.events["event_id"].to_list() == ["0b242abb"]
