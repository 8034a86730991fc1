"""What every feature state promises, over both of them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.features.catalogue import draw, feature_set
from tests.features.streams import Shape, make_stream

import lagmark.features as lf
from lagmark.backends.ledger.sqlite import SqliteLedger
from lagmark.backends.state import fold
from lagmark.errors import StateError
from lagmark.schema.events import Event, Label
from lagmark.schema.time import DAY, HOUR

from .desk import Desk, expected, same

if TYPE_CHECKING:
    from lagmark.ports.feature_state import FeatureState

MakeState = Callable[..., "FeatureState"]
T = 1_600_000_000_000_000
SET = feature_set(
    [
        lf.Count("customer", window="1d", name="n"),
        lf.Sum("customer", "amount", name="sum"),
        lf.FraudCount("terminal", window="30d", name="frauds"),
    ]
)


def event(number: int, time: int = 0, ingest: int | None = None, **values: Any) -> Event:
    """An event some microseconds after the start."""
    ingest = time if ingest is None else ingest
    return Event(
        number, T + time, T + ingest, {"customer": 1, "terminal": 2, "amount": 100} | values
    )


def _story(state: FeatureState, ledger: SqliteLedger, seed: int, features: Any) -> None:
    """A day at the service: late events, repeats, labels, lost writes, restarts."""
    rng = np.random.default_rng(seed)
    stream = make_stream(rng, 120, Shape(text_ids=bool(rng.random() < 0.5)))
    arrivals = stream.arrivals()
    desk = Desk(state, ledger)
    at = 0
    while at < len(arrivals):
        what = arrivals[at]
        if isinstance(what, Label):
            # To the ledger a message that says the same at the same instant is a repeat: who
            # changes their mind twice within an instant is somebody else here.
            what = msgspec.structs.replace(what, source=f"source {at}")
            desk.tell([what, what] if rng.random() < 0.2 else [what])
            at += 1
            continue
        size = int(rng.integers(1, 9))
        group = []
        while at < len(arrivals) and len(group) < size and isinstance(arrivals[at], Event):
            group.append(arrivals[at])
            at += 1
        fate = rng.random()
        if fate < 0.1:
            # Its clients sent it, the ledger refused it: only some of it comes again.
            state.take(group)
            state.recover(ledger)
            group = group[: int(rng.integers(len(group) + 1))]
        elif fate < 0.2:
            state.checkpoint()
        elif fate < 0.25:
            state.recover(ledger)
        elif fate < 0.35:
            state.peek(group[0])
        if group:
            desk.decide(group)
        if desk.vectors and fate > 0.85:
            some = list(desk.vectors)[int(rng.integers(len(desk.vectors)))]
            first = next(e for e in stream.events if e.event_id == some)
            if some in list(desk.vectors)[-20:] and fate > 0.9:
                again = state.take([msgspec.structs.replace(first, ingest_time=state.latest)])
                same({some: again.vectors[0]}, {some: desk.vectors[some]}, features.names)
                state.confirm(state.place)
    same(desk.vectors, expected(features, ledger), features.names)


@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32 - 1))
def test_any_day_equals_a_backfill_over_the_ledger(make_state: MakeState, seed: int) -> None:
    features = feature_set(draw(np.random.default_rng(seed), 40))
    with tempfile.TemporaryDirectory() as folder:
        ledger = SqliteLedger(Path(folder) / "ledger", subject="customer", amount="amount")
        state = make_state(features, Path(folder) / "state")
        with closing(ledger), closing(state):
            state.recover(ledger)
            _story(state, ledger, seed, features)


def test_a_repeated_event_has_its_first_vector_also_within_a_call(
    make_state: MakeState, ledger: SqliteLedger
) -> None:
    state = make_state(SET)
    state.recover(ledger)
    first = state.take([event(1), event(2, 5), event(1), event(3, 6)])
    assert first.vectors[:, 0].tolist() == [1.0, 2.0, 1.0, 3.0]
    again = state.take([event(2, 9, amount=7), event(4, 9)])
    assert again.vectors[:, :2].tolist() == [[2.0, 2.0], [4.0, 4.0]]


def test_a_subject_is_known_from_its_second_event_on(
    make_state: MakeState, ledger: SqliteLedger, tmp_path: Path
) -> None:
    state = make_state(SET, tmp_path / "state")
    state.recover(ledger)
    desk = Desk(state, ledger)
    events = [event(1), event(2), event(3, customer=None), event(4, customer=None)]
    assert desk.decide(events).known.tolist() == [False, True, False, False]
    assert state.checkpoint()
    for _ in range(2):
        state.recover(ledger)
        assert state.peek(event(5)).known.tolist() == [True]
        assert state.peek(event(5, customer=9)).known.tolist() == [False]
        (tmp_path / "state" / "features.snapshot").unlink(missing_ok=True)
    nobody = make_state(SET, subject=None)
    nobody.recover(ledger)
    assert nobody.peek(event(5)).known.tolist() == [True]


def test_ingest_times_never_fall_and_labels_come_after_what_did_not_see_them(
    make_state: MakeState, ledger: SqliteLedger
) -> None:
    state = make_state(SET)
    state.recover(ledger)
    desk = Desk(state, ledger)
    reading = desk.decide([event(1, 10), event(2, 5), event(3, 5, ingest=20)])
    assert (reading.ingest_times - T).tolist() == [10, 10, 20]
    assert desk.decide([event(4, 6)]).ingest_times.tolist() == [T + 20] == [state.latest]
    assert [t.known_at - T for t in state.label([Label(1, T + 3, fraud=True)])] == [21]
    assert state.take([event(5, 20)]).vectors[0, 2] == 0.0
    assert state.take([event(6, 21)]).vectors[0, 2] == 1.0


def test_the_label_of_an_event_to_come_waits_for_it(
    make_state: MakeState, ledger: SqliteLedger
) -> None:
    state = make_state(SET)
    state.recover(ledger)
    desk = Desk(state, ledger)
    desk.decide([event(1)])
    desk.tell([Label(3, T + 1, fraud=True), Label("never", T + 1, fraud=True)])
    assert [desk.decide([event(k, 9)]).vectors[0, 2] for k in (2, 3, 4)] == [0.0, 0.0, 1.0]
    state.recover(ledger)
    assert state.peek(event(5, 9)).vectors[0, 2] == 1.0
    same(desk.vectors, expected(SET, ledger), SET.names)


def test_what_was_taken_and_never_written_vanishes(
    make_state: MakeState, ledger: SqliteLedger
) -> None:
    state = make_state(SET)
    state.recover(ledger)
    desk = Desk(state, ledger)
    desk.decide([event(1)])
    state.take([event(2, 1)])
    assert state.recover(ledger) == 1
    assert desk.decide([event(3, 2)]).vectors[0, 0] == 2.0
    assert desk.decide([event(2, 1)]).vectors[0, 0] == 2.0


def test_a_checkpoint_holds_only_what_the_ledger_holds(
    make_state: MakeState, ledger: SqliteLedger, tmp_path: Path
) -> None:
    state = make_state(SET, tmp_path / "state")
    state.recover(ledger)
    desk = Desk(state, ledger)
    desk.decide([event(k, k) for k in range(50)])
    reading = state.take([event(50, 50)])
    assert not state.checkpoint()
    desk.write([event(50, 50)], reading)
    state.confirm(state.place)
    assert state.checkpoint()
    desk.decide([event(51, 51)])
    assert state.recover(ledger) == 1
    assert state.peek(event(99, 60)).vectors[0, 0] == 53.0


def test_a_snapshot_that_does_not_fit_is_left_aside(
    make_state: MakeState, ledger: SqliteLedger, tmp_path: Path
) -> None:
    state = make_state(SET, tmp_path / "state")
    state.recover(ledger)
    Desk(state, ledger).decide([event(k, k) for k in range(50)])
    assert state.checkpoint()
    path = tmp_path / "state" / "features.snapshot"
    whole = path.read_bytes()
    # Cut off, and of a ledger that was cleared since.
    path.write_bytes(whole[: len(whole) // 2])
    assert state.recover(ledger) == 50
    path.write_bytes(whole)
    assert state.recover(ledger) == 0
    other = SqliteLedger(tmp_path / "other", subject="customer", amount="amount")
    fresh = make_state(SET, tmp_path / "state")
    if type(fresh).__name__ == "ProcessState":
        assert fresh.recover(other) == 0
        assert fresh.peek(event(99, 60)).vectors[0, 0] == 1.0
    other.close()


def test_a_state_answers_only_once_it_was_recovered(make_state: MakeState) -> None:
    with pytest.raises(StateError):
        make_state(SET).checkpoint()


def test_forgetting_changes_nothing_for_events_on_time_and_keeps_memory_flat(
    make_state: MakeState, ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fold, "STRIDE", 8)
    monkeypatch.setattr(fold, "PASS", 64)
    rng = np.random.default_rng(5)
    bounded = [
        f
        for f in draw(rng, 400)
        if getattr(f, "window", "1h") not in (None, "365d")
        and not isinstance(f, lf.DecayedSum | lf.FirstSeenAge)
    ]
    features = feature_set(bounded[:60])
    state: Any = make_state(features, lateness=2 * DAY, recall=64)
    state.recover(ledger)
    desk = Desk(state, ledger)
    sizes = []
    now = T
    for number in range(2500):
        now += int(rng.integers(0, 4 * HOUR))
        late = int(rng.integers(0, 2 * DAY)) if rng.random() < 0.2 else 0
        values = {
            "customer": int(rng.integers(3)),
            "terminal": int(rng.integers(3)),
            "device": int(rng.integers(3)),
            "type": ("CASH_OUT", "TRANSFER")[int(rng.integers(2))],
            "amount": int(rng.integers(1000)),
        }
        desk.decide([Event(number, now - late, now, values)])
        if rng.random() < 0.3:
            # Also of events long forgotten.
            target = int(rng.integers(max(0, number - 600), number + 1))
            desk.tell([Label(target, now, fraud=bool(rng.random() < 0.5))])
        if number % 100 == 0:
            engine = state._fold.engine
            sizes.append((len(engine._logs.arrays()[0]), len(engine._journal.numbers)))
    same(desk.vectors, expected(features, ledger), features.names)
    middle, last = sizes[12], sizes[-1]
    assert last[0] < 1.15 * middle[0], "the logs grow"
    assert max(kept for _, kept in sizes) < 1500, "the journal grows"
