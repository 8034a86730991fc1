"""What is sent, what is made of the answers, and what they are held against."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest
from tests.apps.bench.conftest import Silent

from lagmark.apps.bench.bodies import bodies_of
from lagmark.apps.bench.gates import at_least, at_most, gate_table, shown
from lagmark.apps.bench.load import Load, Outcome
from lagmark.apps.bench.outcome import BenchOutcome, answers_of, gates_of, phase_of
from lagmark.apps.bench.quality import Quality, quality_of, verdicts
from lagmark.apps.bench.report import bench_page
from lagmark.apps.bench.supply import GENERATED, find_history, supply
from lagmark.domains.registry import get_domain
from lagmark.errors import DataError
from lagmark.schema.events import EventBatch
from lagmark.schema.time import DAY, parse_instant, to_micros
from lagmark.serving.intake import Intake
from lagmark.simulator import simulate_handbook
from lagmark.sources.events import read_events
from lagmark.wiring import Home

HANDBOOK = get_domain("handbook")
NOW = to_micros(parse_instant("2026-01-01"))


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> EventBatch:
    path = tmp_path_factory.mktemp("payments") / "payments.parquet"
    simulate_handbook(customers=60, terminals=60, days=15, radius=25.0, seed=1).write_parquet(path)
    return read_events(path, HANDBOOK).batch


def test_a_body_is_read_as_the_event_it_came_from(batch: EventBatch) -> None:
    intake = Intake(HANDBOOK)
    rows = batch.events.head(200).iter_rows(named=True)
    for body, row in zip(bodies_of(batch, HANDBOOK), rows, strict=False):
        event = intake.event(body, now=NOW).event
        found = {
            "event_id": event.event_id,
            "event_time": event.event_time,
            "ingest_time": event.ingest_time,
            **event.values,
        }
        assert found == row
    sent = msgspec.json.decode(bodies_of(batch, HANDBOOK, arrival=False)[0])
    assert "ingest_time" not in sent


def test_a_long_history_gives_its_latest_events(batch: EventBatch) -> None:
    given = supply(batch, warm=300, measured=500, now=NOW)
    assert (given.warm, given.genuine, given.moved) == (300, 800, 0)
    assert given.batch.events.equals(batch.events.tail(800))
    row, fraud = given.batch.labels.row(0)[0], given.batch.labels["fraud"][0]
    original = batch.labels.filter(pl.col("row") == row + len(batch) - 800)
    assert original["fraud"].to_list() == [fraud]


def test_a_short_history_is_sent_again_by_other_names_and_later(batch: EventBatch) -> None:
    size = len(batch)
    given = supply(batch, warm=10_000_000, measured=2 * size, now=NOW)
    events = given.batch.events
    assert (given.warm, given.genuine) == (size // 2, size)
    assert events.height >= size // 2 + 2 * size
    assert events["event_id"].n_unique() == events.height
    assert events["ingest_time"].is_sorted()
    assert given.batch.labels["known_at"].is_sorted()
    again = events.slice(size, size)
    shift = again["event_time"] - batch.events["event_time"]
    assert shift.n_unique() == 1
    assert int(shift[0]) % (7 * DAY) == 0
    assert again["amount"].equals(batch.events["amount"])
    # Its labels come as long after it as the original's.
    later = given.batch.labels.filter(pl.col("row").is_between(size, 2 * size - 1))
    assert (later["known_at"] - int(shift[0])).equals(batch.labels["known_at"])
    assert (later["row"] - size).equals(batch.labels["row"])


def test_nothing_is_dated_into_the_future(batch: EventBatch) -> None:
    last = int(batch.events["ingest_time"].item(-1))
    given = supply(batch, warm=0, measured=3 * len(batch), now=last)
    assert int(given.batch.events["ingest_time"].item(-1)) <= last
    assert given.moved > 0
    assert given.moved % (7 * DAY) == 0
    back = given.batch.events["event_time"].head(given.genuine) + given.moved
    assert back.equals(batch.events["event_time"])


def test_names_that_are_texts_are_told_apart(batch: EventBatch) -> None:
    texts = EventBatch(
        batch.events.with_columns(pl.format("e{}", "event_id").alias("event_id")), batch.labels
    )
    given = supply(texts, warm=0, measured=2 * len(batch), now=NOW)
    assert given.batch.events["event_id"].n_unique() == given.batch.events.height


def test_events_come_from_the_file_the_partitions_or_the_generator(
    batch: EventBatch, tmp_path: Path
) -> None:
    home = Home(tmp_path)
    made, origin = find_history(None, home, HANDBOOK, reporter=Silent())
    assert origin == GENERATED
    assert len(made) > 50_000
    with pytest.raises(DataError, match="no events of 'card'"):
        find_history(None, home, get_domain("card"), reporter=Silent())
    home.store("handbook").write(batch)
    stored, origin = find_history(None, home, HANDBOOK, reporter=Silent())
    assert (len(stored), origin) == (len(batch), str(home.store_path("handbook")))
    few = tmp_path / "few.parquet"
    simulate_handbook(customers=5, terminals=9, days=9, radius=50.0).write_parquet(few)
    with pytest.raises(DataError, match="too few"):
        find_history(few, home, HANDBOOK, reporter=Silent())


def answer(probability: float, **more: object) -> bytes:
    return msgspec.json.encode(
        {"probability": probability, "model_version": "3", "fallback": "", **more}
    )


def test_answers_are_told_from_refusals() -> None:
    load = Load(1.0, [Outcome(1, 200, 0.1, answer(0.5)), Outcome(0, 503, 0.1, b"{}")])
    found = dict(answers_of(load))
    assert (found[1].probability, found[1].error) == (0.5, None)
    assert found[0].error is not None


def test_a_batch_has_an_answer_for_each_event() -> None:
    mixed = b'{"results":[' + answer(0.1) + b',{"error":{"status":422}},' + answer(0.3) + b"]}"
    load = Load(2.0, [Outcome(1, 200, 0.1, mixed), Outcome(0, 0, 0.2, b"")])
    answers = answers_of(load, together=3)
    assert [i for i, _ in answers] == [3, 4, 5, 0, 1, 2]
    phase = phase_of(load, answers, 0.5)
    assert (phase.requests, phase.decisions, phase.refused) == (2, 2, 4)
    assert (phase.per_second, phase.per_core_second) == (1.0, 4.0)
    assert (phase.p50_ms, phase.max_ms) == (100.0, 200.0)
    assert phase_of(load, answers, None).per_core_second is None


def test_verdicts_are_the_last_word(batch: EventBatch) -> None:
    labels = pl.DataFrame(
        {"row": [0, 2, 0], "known_at": [1, 2, 3], "fraud": [True, True, False], "source": ["x"] * 3}
    )
    found = verdicts(EventBatch(batch.events.head(4), labels))
    np.testing.assert_array_equal(found, [0.0, np.nan, 1.0, np.nan])


def test_quality_is_that_of_whole_young_days() -> None:
    rng = np.random.default_rng(0)
    count, days = 4_000, 8
    times = np.sort(rng.integers(0, days * DAY, count))
    fraud = (rng.random(count) < 0.1).astype(float)
    fraud[rng.random(count) < 0.2] = np.nan
    probability = rng.random(count)
    found = quality_of(probability, times, fraud, train_end=2 * DAY + 5, alerts_per_day=7)
    hits = alerts = frauds = 0
    for day in range(3, days - 1):
        mine = [i for i in range(count) if times[i] // DAY == day and not np.isnan(fraud[i])]
        worked = sorted(mine, key=lambda i: -probability[i])[:7]
        hits += sum(fraud[i] == 1 for i in worked)
        alerts += len(worked)
        frauds += sum(fraud[i] == 1 for i in mine)
    assert (found.days, found.frauds, found.reason) == (4, frauds, "")
    assert found.precision == pytest.approx(hits / alerts)
    assert found.recall == pytest.approx(hits / frauds)


@pytest.mark.parametrize(
    ("times", "fraud", "train_end", "said"),
    [
        ([], [], 0, "no event of history"),
        ([0, 1], [1, 0], 0, "younger than"),
        ([0, DAY, 2 * DAY], [1, 0, 1], 5 * DAY, "younger than"),
        ([0, DAY, 2 * DAY], [1, np.nan, 1], 0, "labelled"),
        ([0, DAY, 2 * DAY], [1, 0, 1], 0, "no fraud"),
    ],
)
def test_there_is_a_reason_where_there_is_no_figure(
    times: list[int], fraud: list[float], train_end: int, said: str
) -> None:
    found = quality_of(
        np.full(len(times), 0.5),
        np.array(times, dtype=np.int64),
        np.array(fraud, dtype=np.float64),
        train_end=train_end,
        alerts_per_day=3,
    )
    assert said in found.reason
    assert found.recall is None


def test_gates_hold_and_fail_at_their_limits() -> None:
    assert [at_most("x", value, 2).passed for value in (1.9, 2, 2.1, None)] == [
        True, True, False, False,
    ]  # fmt: skip
    assert [at_least("x", value, 2).passed for value in (1.9, 2, 2.1, None)] == [
        False, True, True, False,
    ]  # fmt: skip
    assert [shown(value) for value in (None, "no", 12_345, 0.25, 1_234.5)] == [
        "–", "no", "12,345", "0.250", "1,234",
    ]  # fmt: skip
    assert gate_table([at_most("x", 1, 2), at_most("y", 3, 2)]).marked == {1}


def outcome() -> BenchOutcome:
    loads = {
        name: Load(1.0, [Outcome(n, 200, 0.001, answer(0.1)) for n in range(100)])
        for name in ("alone", "saturated", "open_loop", "batch")
    }
    found = BenchOutcome(
        service={
            "domain": "handbook", "model_version": "3", "model": "xgboost", "features": 15,
            "feature_set": "published", "contract": "ab" * 32,
        },
        machine={"cores": 2, "load": 0.1, "one_core_each": True},
        events={"origin": "here", "history": 400, "warm_up": 10},
        rate=500,
        quality=Quality(20, 400, 8, 4, 0.5, 0.25),
        loads=loads,
        phases={name: phase_of(load, answers_of(load), 0.02) for name, load in loads.items()},
    )  # fmt: skip
    found.phases["batch"] = replace(found.phases["batch"], per_second=25_000.0)
    found.answered.update({"model 3": 390, "unknown_subject": 10})
    found.gates = gates_of(found)
    return found


def test_a_good_service_passes_every_gate() -> None:
    found = outcome()
    assert [gate.name for gate in found.gates if not gate.passed] == []
    assert found.passed
    assert found.gates[-1].hint == "rules answered: 10 unknown_subject"


@pytest.mark.parametrize(
    ("phase", "values", "fails"),
    [
        ("open_loop", {"p50_ms": 2.1}, "open_loop_p50_ms"),
        ("open_loop", {"p99_ms": 10.1}, "open_loop_p99_ms"),
        ("saturated", {"per_core_second": 1_999.0}, "saturated_per_core_second"),
        ("saturated", {"per_core_second": None}, "saturated_per_core_second"),
        ("batch", {"per_second": 19_999.0}, "batch_per_second"),
        ("alone", {"refused": 1}, "refused"),
    ],
)
def test_each_gate_fails_by_its_own_figure(
    phase: str, values: dict[str, float], fails: str
) -> None:
    found = outcome()
    found.phases[phase] = replace(found.phases[phase], **values)  # type: ignore[arg-type]
    assert [gate.name for gate in gates_of(found) if not gate.passed] == [fails]


def test_rules_that_answer_fail_the_gate_of_the_model() -> None:
    found = outcome()
    found.answered.clear()
    found.answered["no_model"] = 400
    assert [gate.name for gate in gates_of(found) if not gate.passed] == ["answered_by_model"]


def test_the_page_says_what_failed_and_what_is_not_known() -> None:
    found = outcome()
    text = bench_page(found).html()
    for part in ("all passed", "saturated per core second", "one at a time", "25.0 %"):
        assert part in text
    assert 'role="note"' not in text
    found.quality = Quality(20, reason="there is no champion")
    found.service["model_version"] = None
    found.machine = {"cores": 1, "load": None, "one_core_each": False}
    found.phases["alone"] = replace(found.phases["alone"], refused=3)
    found.gates = gates_of(found)
    text = bench_page(found).html()
    for part in ("1 failed", "No precision and recall: there is no champion", "shared their cores",
                 "rules answered, and nothing was explained"):  # fmt: skip
        assert part in text
