"""Events from JSON: what a file's row gives, and everything that a request must not hold."""

# Times without a zone are part of what is tested.
# ruff: noqa: DTZ001

from __future__ import annotations

import json
import math
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator, meta

from lagmark.domains.domain import Check, Domain, LabelColumn, TimeColumn
from lagmark.domains.registry import DOMAINS, get_domain
from lagmark.errors import DataError
from lagmark.schema.fields import Field, Kind
from lagmark.schema.time import DAY, parse_instant, to_micros
from lagmark.serving.card_numbers import is_card_number
from lagmark.serving.intake import Intake, Received, RefusedError
from lagmark.serving.json_schema import example_event, json_schema, label_schema
from lagmark.serving.label_intake import LabelIntake
from lagmark.sources.events import read_events

NOW = to_micros(parse_instant("2219-01-01"))
"""Later than any instant that is in range: what is far ahead has a test of its own."""


def _no_thirteen() -> Any:
    import polars as pl

    return pl.col("total") != 13.0


SHOP = Domain(
    name="shop",
    title="Orders",
    fields=(
        Field("account", Kind.ENTITY, integer=True),
        Field("device", Kind.ENTITY, required=False, aliases=("machine",)),
        Field("channel", Kind.CATEGORY, vocabulary=("web", "app")),
        Field("amount", Kind.MONEY, "total", decimals=2, minimum=0.0, maximum=10_000.0),
        Field("weight", Kind.QUANTITY, decimals=3, required=False),
        Field("gift", Kind.FLAG, required=False),
    ),
    event_id="order",
    event_time=TimeColumn("placed", zone="Europe/Berlin"),
    ingest_time=TimeColumn("seen"),
    label=LabelColumn("fraud", delay=7 * DAY),
    subject="account",
    amount="amount",
    checks=(Check("no_thirteen", _no_thirteen, "no order costs 13", fatal=True),),
    feature_sets={"default": lambda: None},  # type: ignore[dict-item, return-value]
)
STEPS = Domain(
    name="steps",
    title="Counted times",
    fields=(Field("amount", Kind.MONEY, decimals=2),),
    event_id="id",
    event_time=TimeColumn("step", unit="h", origin="2018-01-01", first=1),
    subject=None,
    amount="amount",
    feature_sets={"default": lambda: None},  # type: ignore[dict-item, return-value]
)
ROW: dict[str, Any] = {
    "order": "A-1",
    "placed": "2024-03-01 10:00:00",
    "seen": "2024-03-01T09:00:01Z",
    "account": 7,
    "device": "d-1",
    "channel": "web",
    "total": 12.0,
    "weight": 0.5,
    "gift": False,
}
OWN: dict[str, Any] = {
    "event_id": "A-1",
    "event_time": "2024-03-01T10:00:00+01:00",
    "account": 7,
    "channel": "web",
    "amount": 12,
}
INTAKE = Intake(SHOP, card_numbers=True)


def body(record: Any) -> bytes:
    return json.dumps(record).encode()


def refused(record: Any, intake: Intake = INTAKE, now: int = NOW) -> dict[str, str]:
    sent = record if isinstance(record, bytes) else body(record)
    with pytest.raises(RefusedError) as caught:
        intake.event(sent, now=now)
    assert all(each.hint for each in caught.value.refusals)
    return {each.field: each.what for each in caught.value.refusals}


TEXT_NUMBERS = ["", " 1", "+2", "3.", ".5", "1e3", "1E-2", "x", "1_0", "inf", "-NaN", "1,5", "٣"]
NUMBERS = st.one_of(
    st.sampled_from([*TEXT_NUMBERS, "12.345", "0.125", "12.340000000000002", "1e400", "1e307"]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(10**12), 10**12).map(lambda n: n / 1000),
    st.integers(-(10**30), 10**30),
    st.integers(0, 10**7).map(lambda n: n / 1000),
    st.sampled_from([0.125, 1.005, 0.015, 2.675, -0.0, 5e-324, 1e308, 10995116277.76, 13]),
    st.booleans(),
    st.none(),
)
WHOLE = st.one_of(
    st.sampled_from(["7", "007", "+7", "-0", "7.0", "7.", "7.5", "x", "9223372036854775807", "٣"]),
    st.sampled_from([7.0, 7.5, 2.0**53, 2.0**54, 1e300, 2**63, 2**63 - 1, -(2**63), -(2**63) - 1]),
    st.sampled_from(["9223372036854775808", " 5 ", "", "1e3"]),
    st.integers(-(10**20), 10**20),
    st.booleans(),
    st.none(),
)
# Local times end in 2099: from 2100 on polars and Python know different rules of summer time.
INSTANTS = st.one_of(
    st.datetimes(datetime(1890, 1, 1), datetime(2099, 1, 1)).map(str),
    st.datetimes(datetime(2024, 3, 31), datetime(2024, 4, 1)).map(str),
    st.datetimes(datetime(2024, 10, 27), datetime(2024, 10, 28)).map(str),
    st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()),
    st.sampled_from(["2024-02-30", "2024-01-01", "2024-01-01T24:00", "2024-01-01 10:60:00"]),
    st.sampled_from(["0000-01-01", "0000-01-01T00:00:00Z", "2024-01-01 1:00", "2024-01-01T10Z"]),
    st.sampled_from(["2024-01-01T10:00 +0130", "2024-01-01T10:00:00.1234567Z", "12:00", "1"]),
    st.sampled_from(["2024-01-01T10:00:00,5-03", "2024-01-01T10:00:00.5Z", "20240301T100000Z"]),
    st.sampled_from(["2024-01-01T10:00:00+24:00", "2024-01-01T10:00:00+23:59", " 2024-01-01\t"]),
    st.sampled_from(["2024-01-01T10:00:60Z", "2024-13-01T10:00:00Z", "", 5, True]),
    st.none(),
)
WORDS = st.sampled_from(["web", " app\t", "fax", "", "WEB", None, "1", "TRUE", "0.0", 1, 0, 2, 1.0])
FREE = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=6)
RECORDS = st.fixed_dictionaries(
    {
        "order": st.sampled_from(["A", " B ", "", None, 5, 7.0, 7.5]),
        "placed": INSTANTS,
        "seen": INSTANTS,
        "account": WHOLE,
        "device": st.one_of(WORDS, FREE),
        "channel": WORDS,
        "total": NUMBERS,
        "weight": NUMBERS,
        "gift": st.one_of(WORDS, st.booleans()),
    }
)


def by_file(path: Path, records: list[dict[str, Any]], domain: Domain = SHOP) -> Any:
    """Events of JSON lines, or nothing where no line is one."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    try:
        result = read_events(path, domain, require_labels=False)
    except DataError:
        return None
    (event,) = result.batch.events.rows(named=True)
    return event | {"rounded": sorted(name for name, n in result.report.rounded.items() if n)}


def by_intake(record: dict[str, Any], intake: Intake = INTAKE) -> Any:
    try:
        received = intake.event(body(record), now=NOW)
    except RefusedError:
        return None
    event = received.event
    times = {"event_time": event.event_time, "ingest_time": event.ingest_time}
    return {
        "event_id": event.event_id,
        **times,
        **event.values,
        "rounded": sorted(received.rounded),
    }


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lines") / "events.jsonl"


@given(record=RECORDS)
def test_an_event_is_what_a_line_of_a_file_is(lines: Path, record: dict[str, Any]) -> None:
    expected = by_file(lines, [record])
    found = by_intake(record)
    if found is not None and record["seen"] in (None, ""):
        # A file's row without the time of its arrival came when it happened.
        assert found["ingest_time"] == NOW
        found["ingest_time"] = found["event_time"]
    assert found == expected


GOOD = st.fixed_dictionaries(
    {
        "placed": st.datetimes(datetime(1901, 1, 1), datetime(2099, 1, 1)).map(str),
        "account": st.integers(-(2**63), 2**63 - 1),
        "device": FREE,
        "total": st.one_of(st.floats(0.0, 10_000.0), st.integers(0, 10**7).map(lambda n: n / 1e3)),
        "weight": st.floats(-1e8, 1e8),
        "gift": st.booleans(),
    }
)


@given(change=GOOD)
def test_good_values_are_those_of_a_line(lines: Path, change: dict[str, Any]) -> None:
    record = {**ROW, **change}
    assert by_intake(record) == by_file(lines, [record])


@given(step=NUMBERS, amount=NUMBERS)
def test_counted_times_are_those_of_a_line(lines: Path, step: Any, amount: Any) -> None:
    record = {"id": "a", "step": step, "amount": amount}
    found = by_intake(record, Intake(STEPS))
    if found is not None:
        found["ingest_time"] = found["event_time"]
    assert found == by_file(lines, [record], STEPS)


def test_names_of_lagmark_and_of_the_source() -> None:
    own = INTAKE.event(body(OWN), now=NOW).event
    row = INTAKE.event(body({**ROW, "device": None, "weight": None, "gift": None}), now=NOW).event
    assert own.values == row.values
    assert (own.event_id, own.event_time) == (row.event_id, row.event_time)
    assert own.ingest_time == NOW
    assert INTAKE.event(body({**OWN, "machine": "m"}), now=NOW).event.values["device"] == "m"
    assert list(own.values) == [field.name for field in SHOP.fields]


def test_a_field_under_two_names() -> None:
    assert refused({**OWN, "total": 12}) == {"amount": "sent under 2 names: amount, total"}
    assert refused({**OWN, "placed": "2024-03-01"}) == {
        "event_time": "sent under 2 names: event_time, placed"
    }


def test_everything_that_is_wrong_at_once() -> None:
    record = {"event_id": None, "event_time": "soon", "acount": 7, "channel": "fax", "amount": -1}
    assert refused(record) == {
        "acount": "unknown field",
        "event_id": "required but absent",
        "event_time": "not an instant",
        "account": "required but absent",
        "channel": "not in the vocabulary (web, app)",
        "amount": "out of range (at least 0 and at most 10000)",
    }


@pytest.mark.parametrize(
    ("change", "field", "what"),
    [
        ({"event_time": "2024-03-01T10:00:00"}, "event_time", "an instant without an offset"),
        ({"event_time": "2024-03-01"}, "event_time", "an instant without an offset"),
        ({"event_time": 1709287200}, "event_time", "not an instant"),
        ({"event_time": "2024-03-01T10:00:00+25:00"}, "event_time", "not an instant"),
        ({"ingest_time": "2024-03-01 10:00"}, "ingest_time", "an instant without an offset"),
        ({"amount": math.nan}, "amount", "not a finite number"),
        ({"amount": math.inf}, "amount", "not a finite number"),
        ({"amount": "NaN"}, "amount", "not a finite number"),
        ({"amount": 10**400}, "amount", "not a finite number"),
        ({"amount": [1]}, "amount", "not a number"),
        ({"amount": "1" * 10**6 + "x"}, "amount", "longer than 128 characters"),
        ({"account": "1" * 10**6 + "x"}, "account", "not a whole number of 64 bits"),
        ({"gift": "1" * 10**6}, "gift", "neither true nor false"),
        ({"channel": "w" * 10**6}, "channel", "not in the vocabulary (web, app)"),
        ({"weight": 1e300}, "weight", "larger than exact arithmetic allows"),
        ({"device": {"a": 1}}, "device", "neither text nor a whole number"),
        ({"device": "a\u0000b"}, "device", "text with control characters"),
        ({"device": "a\ud800b"}, "device", "text with control characters"),
        ({"device": "d" * 129}, "device", "longer than 128 characters"),
        ({"event_id": "x" * 129}, "event_id", "longer than 128 characters"),
        ({"event_id": 10**200}, "event_id", "longer than 128 characters"),
        ({"device": 10**5000}, "device", "neither text nor a whole number"),
        ({"account": True}, "account", "not a whole number of 64 bits"),
        ({"fraud": True}, "fraud", "a label on an event"),
        ({"x\ud800": 1}, "x\\ud800", "unknown field"),
    ],
)
def test_refusals(change: dict[str, Any], field: str, what: str) -> None:
    if "device" in change and change["device"] == 10**5000:
        sent = body({**OWN, "device": 0}).replace(b'"device": 0', b'"device": 1' + b"0" * 5000)
        assert refused(sent) == {field: what}
        return
    assert refused({**OWN, **change}) == {field: what}


@pytest.mark.parametrize(
    ("sent", "what"),
    [
        (b"", "not JSON: expecting value (line 1, column 1)"),
        (b"{", "not JSON: expecting property name enclosed in double quotes (line 1, column 2)"),
        (b"[1]", "not a JSON object"),
        (b"7", "not a JSON object"),
        (b'{"a": "\xff"}', "not UTF-8 (byte 7)"),
        (b"[" * 200_000, "nested too deep"),
        (b'{"a":' * 200_000, "nested too deep"),
        (b'{"a": 1} {}', "not JSON: extra data (line 1, column 10)"),
    ],
)
def test_what_is_no_json(sent: bytes, what: str) -> None:
    assert refused(sent) == {"": what}


def test_numbers_beyond_a_float() -> None:
    sent = body(OWN).replace(b'"amount": 12', b'"amount": 1e400')
    assert refused(sent) == {"amount": "not a finite number"}


@given(
    names=st.lists(st.sampled_from(["account", "device", "gift"]), min_size=1, max_size=4),
    gap=st.sampled_from(["", " ", "\n"]),
    text=st.sampled_from(["d", ":", '":', "\\", '"']),
)
def test_a_name_that_comes_twice(names: list[str], gap: str, text: str) -> None:
    values = {"account": 7, "device": text, "gift": True}
    pairs = [("order", "A"), ("placed", "2024-03-01"), ("channel", "web"), ("total", 12)]
    pairs += [(name, values[name]) for name in names]
    sent = ",".join(f"{json.dumps(k)}{gap}:{gap}{json.dumps(v)}" for k, v in pairs)
    twice = {name for name in names if names.count(name) > 1}
    both = [f"{{{sent}}}".encode(), f"[{{{sent}}}]".encode()]
    for many, each in zip((False, True), both, strict=True):
        try:
            found = INTAKE.events(each, now=NOW)[0] if many else INTAKE.event(each, now=NOW)
        except RefusedError as problem:
            found = problem
        told = found.refusals if isinstance(found, RefusedError) else ()
        assert {r.field for r in told if "twice" in r.what} == twice
        assert isinstance(found, Received) == (not twice and "account" in names)


def test_times_ahead() -> None:
    now = to_micros(parse_instant("2024-02-29T08:59:59Z"))
    assert refused(OWN, now=now) == {"event_time": "more than a day ahead"}
    assert INTAKE.event(body(OWN), now=now + 1_000_000).event.ingest_time == now + 1_000_000
    ahead = {**OWN, "ingest_time": "2024-03-05T00:00:00Z"}
    assert refused(ahead, now=now + DAY) == {"ingest_time": "more than a day ahead"}


def test_a_fatal_check_of_the_domain() -> None:
    assert refused({**OWN, "amount": "13.00"}) == {"": "check no_thirteen"}


@pytest.mark.parametrize("card", ["4111111111111111", "4111 1111 1111 1111", "378282246310005"])
def test_card_numbers(card: str) -> None:
    strict = Intake(SHOP)
    told = "raw card numbers are not accepted"
    assert refused({**OWN, "device": card}, strict) == {"device": told}
    assert refused({**OWN, "event_id": card}, strict) == {"event_id": told}
    digits = card.replace(" ", "")
    assert refused({**OWN, "account": int(digits)}, strict) == {"account": told}
    assert refused({**OWN, "account": digits}, strict) == {"account": told}
    with pytest.raises(RefusedError) as caught:
        strict.event(body({**OWN, "device": card}), now=NOW)
    assert digits[:6] not in str(caught.value).replace(" ", "")
    strict.event(body({**OWN, "device": "tok-" + card}), now=NOW)


@given(st.integers(1, 10**19 - 1))
def test_card_numbers_have_a_right_check_digit(number: int) -> None:
    text = str(number)
    total = 0
    for position, digit in enumerate(reversed(text)):
        value = int(digit) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value
    scheme = text[0] in "3456" or text[:2] in {"22", "23", "24", "25", "26", "27"}
    assert is_card_number(text) == (13 <= len(text) <= 19 and scheme and total % 10 == 0)


def test_a_batch_reads_each_event_by_itself() -> None:
    records = [OWN, {**OWN, "amount": -1}, 7, {**OWN, "event_id": "A-2", "amount": 1.005}]
    for sent in (body(records), body({"events": records})):
        one, two, three, four = INTAKE.events(sent, now=NOW)
        assert isinstance(one, Received)
        assert isinstance(two, RefusedError)
        assert isinstance(three, RefusedError)
        assert isinstance(four, Received)
        assert (four.event.values["amount"], four.rounded) == (100, ("amount",))
    clean = [OWN] * 3
    assert INTAKE.events(body(clean), now=NOW) == INTAKE.events(body({"events": clean}), now=NOW)


@pytest.mark.parametrize(
    "sent", [b"[]", b"{}", b'{"events": []}', b'"x"', b"[", b'{"event": [{}]}']
)
def test_what_is_no_batch(sent: bytes) -> None:
    with pytest.raises(RefusedError):
        INTAKE.events(sent, now=NOW)


def test_a_batch_that_is_too_long() -> None:
    with pytest.raises(RefusedError, match="3 events at once"):
        INTAKE.events(body([OWN] * 3), now=NOW, most=2)


def test_many_shapes_take_no_memory() -> None:
    intake = Intake(SHOP)
    for number in range(1000):
        with pytest.raises(RefusedError):
            intake.event(body({**OWN, f"x{number}": 1}), now=NOW)
    assert not intake._shapes
    assert len(intake._refused) <= 256
    fields = ["device", "weight", "gift", "seen"]
    for number in range(1000):
        order = [*OWN.items(), *((name, None) for name in fields)]
        order = order[number % 9 :] + order[: number % 9]
        cut = number // 9 % 5
        intake.event(body(dict(order) | dict.fromkeys(fields[:cut])), now=NOW)
    assert 1 < len(intake._shapes) <= 256


def test_many_unknown_fields_are_not_all_named() -> None:
    told = refused({**OWN, **{f"x{number}": 1 for number in range(50)}})
    assert len(told) == 21
    assert told[""] == "30 further unknown fields"


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(sent: bytes) -> None:
    for read in (INTAKE.event, INTAKE.events):
        with suppress(RefusedError):
            read(sent, now=NOW)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
)


@given(st.dictionaries(st.sampled_from([*OWN, *ROW, "x"]), JSON))
def test_any_json_is_read_or_refused(record: dict[str, Any]) -> None:
    with suppress(RefusedError):
        INTAKE.event(body(record), now=NOW)


@pytest.mark.parametrize("name", [*DOMAINS])
def test_the_schema_of_a_domain_and_its_example(name: str) -> None:
    domain = get_domain(name)
    schema = json_schema(domain)
    meta.validate(schema)
    event = example_event(domain)
    Draft202012Validator(schema).validate(event)
    assert Intake(domain).event(body(event), now=NOW).rounded == ()
    assert schema["examples"] == [event]


def test_the_example_of_an_own_domain() -> None:
    Draft202012Validator(json_schema(SHOP)).validate(example_event(SHOP))
    assert INTAKE.event(body(example_event(SHOP)), now=NOW)


def test_label_messages() -> None:
    labels = LabelIntake(SHOP)
    now = to_micros(parse_instant("2024-03-15T10:00:00Z"))
    record = {"event_id": "A-1", "fraud": 1, "source": "chargeback"}
    label = labels.label(body(record), now=now, by="bank")
    assert (label.known_at, label.fraud, label.confidence, label.by) == (now, True, 1.0, "bank")
    full = {**record, "known_at": "2024-03-14T00:00:00Z", "reversal": True, "confidence": 0.5}
    label = labels.label(body(full), now=now, by="bank")
    assert (label.known_at, label.reversal) == (to_micros(parse_instant("2024-03-14")), True)
    (example,) = label_schema(SHOP)["examples"]
    Draft202012Validator(label_schema(SHOP)).validate(example)
    assert labels.label(body(example), now=now, by="bank").fraud
    results = labels.labels(body({"labels": [record, {}, 5]}), now=now, by="bank")
    assert [isinstance(each, RefusedError) for each in results] == [False, True, True]
    for sent in (b"[]", b"5", b"{"):
        with pytest.raises(RefusedError):
            labels.labels(sent, now=now, by="bank")
    with pytest.raises(RefusedError, match="at once"):
        labels.labels(body([record] * 3), now=now, by="bank", most=2)


@pytest.mark.parametrize(
    ("change", "field", "what"),
    [
        ({"fraud": "maybe"}, "fraud", "neither true nor false"),
        ({"event_id": None}, "event_id", "required but absent"),
        ({"source": "4111111111111111"}, "source", "raw card numbers are not accepted"),
        ({"known_at": "2024-03-14"}, "known_at", "an instant without an offset"),
        ({"known_at": "2024-03-16T00:00:00Z"}, "known_at", "known in the future"),
        ({"confidence": 2}, "confidence", "out of range"),
        ({"verdict": 1}, "verdict", "unknown field"),
    ],
)
def test_label_refusals(change: dict[str, Any], field: str, what: str) -> None:
    now = to_micros(parse_instant("2024-03-15T10:00:00Z"))
    record = {"event_id": "A-1", "fraud": True, "source": "chargeback", **change}
    with pytest.raises(RefusedError) as caught:
        LabelIntake(SHOP).label(body(record), now=now, by="bank")
    assert {each.field: each.what for each in caught.value.refusals} == {field: what}


def test_label_names_that_come_twice() -> None:
    sent = b'{"event_id": "a", "fraud": true, "fraud": false, "source": "x"}'
    with pytest.raises(RefusedError, match="twice"):
        LabelIntake(SHOP).label(sent, now=NOW, by="bank")
