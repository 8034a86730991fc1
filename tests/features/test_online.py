"""What the online engine does with repeats, previews, compaction and damaged state."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import msgspec
import numpy as np
import pytest

import lagmark.features as lf
from lagmark.errors import DuplicateEventError, StateError
from lagmark.features import OnlineEngine, backfill
from lagmark.features.waiting import WaitingLabels
from lagmark.schema.events import Event, EventBatch, Label
from lagmark.schema.time import DAY, HOUR

from .catalogue import draw, feature_set
from .compare import assert_same, differences, online
from .streams import Shape, make_stream


def test_a_repeated_event_answers_as_the_first_time_and_changes_nothing() -> None:
    rng = np.random.default_rng(21)
    stream = make_stream(rng, 150)
    features = draw(rng, 60)
    definition = feature_set(features)
    plain = online(OnlineEngine(definition), stream.arrivals())
    engine = OnlineEngine(definition)
    seen: list[tuple[Event, np.ndarray]] = []
    for what in stream.arrivals():
        if isinstance(what, Label):
            engine.label(what)
            continue
        seen.append((what, np.array(engine.process(what), copy=True)))
        if rng.random() < 0.5:
            event, first = seen[int(rng.integers(len(seen)))]
            # The repeat comes later and even says something else: the first one stands.
            again = msgspec.structs.replace(
                event,
                ingest_time=what.ingest_time,
                values={**event.values, "amount": int(rng.integers(10_000))},
            )
            assert not differences([engine.process(again)], [first])
    assert_same(np.array([v for _, v in seen]), plain, features, stream)


def test_a_repeated_label_changes_nothing() -> None:
    rng = np.random.default_rng(22)
    stream = make_stream(rng, 150)
    features = draw(rng, 60)
    definition = feature_set(features)
    arrivals = stream.arrivals()
    plain = online(OnlineEngine(definition), arrivals)
    doubled = [copy for a in arrivals for copy in ([a, a] if isinstance(a, Label) else [a])]
    assert_same(online(OnlineEngine(definition), doubled), plain, features, stream)


def test_peek_reads_what_process_would_and_changes_nothing() -> None:
    rng = np.random.default_rng(23)
    stream = make_stream(rng, 120)
    features = draw(rng, 60)
    definition = feature_set(features)
    plain = online(OnlineEngine(definition), stream.arrivals())
    engine = OnlineEngine(definition)
    row = 0
    for what in stream.arrivals():
        if isinstance(what, Label):
            engine.label(what)
            continue
        far = msgspec.structs.replace(
            what,
            event_id=-1 - row,
            event_time=what.event_time + 400 * DAY,
            ingest_time=what.ingest_time + 400 * DAY,
            values={**what.values, "customer": 424_242 + row},
        )
        engine.peek(far)
        before = np.array(engine.peek(what), copy=True)
        assert_same(before[None], plain[row : row + 1], features, stream, [row])
        got = np.array(engine.process(what), copy=True)
        assert_same(got[None], plain[row : row + 1], features, stream, [row])
        row += 1


# All that reaches back for ever and yet needs no single events: these rows may go.
_BOUNDED = [
    lf.DecayedSum("customer", "amount", half_life="2h", name="decayed"),
    lf.DecayedSum("terminal", "amount", half_life="9d", name="slow"),
    lf.FirstSeenAge("customer", name="age"),
    lf.Sum("customer", "amount", name="all"),
    lf.TimeSinceLast("terminal", name="since"),
]


@pytest.mark.parametrize("slack", [0, HOUR, 10 * DAY])
@pytest.mark.parametrize("bounded", [False, True])
def test_compaction_changes_nothing_for_events_on_time(
    slack: int, bounded: bool, tmp_path: Path
) -> None:
    rng = np.random.default_rng(slack % 1000 + 24)
    stream = make_stream(rng, 300, Shape(idle=0.05))
    features = _BOUNDED if bounded else draw(rng, 120)
    definition = feature_set(features)
    arrivals = stream.arrivals()
    cut = next(k for k, what in enumerate(arrivals) if what is stream.events[200])
    floor = stream.events[199].ingest_time - slack
    rest = [a for a in arrivals[cut:] if isinstance(a, Label) or a.event_time >= floor]
    kept = {a.event_id for a in rest if isinstance(a, Event)}
    kept |= {e.event_id for e in stream.events[:200]}
    rest = [a for a in rest if a.event_id in kept]

    plain, small = OnlineEngine(definition), OnlineEngine(definition)
    for engine in (plain, small):
        online(engine, arrivals[:cut])
    dropped = small.compact(before=floor)
    assert not bounded or slack > DAY or dropped > 0
    small.snapshot(tmp_path / "small")
    wanted = online(plain, rest)
    tail = [k for k, e in enumerate(stream.events) if k >= 200 and e.event_id in kept]
    assert len(tail) > 20
    assert_same(online(small, rest), wanted, features, stream, tail)
    restored = OnlineEngine.restore(definition, tmp_path / "small")
    assert_same(online(restored, rest), wanted, features, stream, tail)


def test_events_below_the_floor_are_refused() -> None:
    features = [lf.Count("customer", window="1d", name="n")]
    engine = OnlineEngine(feature_set(features))
    t = 1_600_000_000_000_000
    values = {"customer": 1, "amount": 5}
    engine.process(Event(1, t, t, values))
    engine.process(Event(2, t + DAY, t + DAY, values))
    engine.compact(before=t + DAY)
    with pytest.raises(StateError):
        engine.process(Event(3, t + DAY - 1, t + 2 * DAY, values))
    assert engine.process(Event(4, t + 2 * DAY - 1, t + 2 * DAY, values)).tolist() == [2.0]


def test_state_of_another_definition_is_refused(tmp_path: Path) -> None:
    one = feature_set([lf.Count("customer", window="1d", name="n")])
    two = feature_set([lf.Count("customer", window="7d", name="n")])
    OnlineEngine(one).snapshot(tmp_path / "state")
    with pytest.raises(StateError):
        OnlineEngine.restore(two, tmp_path / "state")
    with pytest.raises(StateError):
        OnlineEngine.restore(one, tmp_path / "nothing here")


def test_damaged_state_is_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(25)
    definition = feature_set(draw(rng, 10))
    engine = OnlineEngine(definition)
    online(engine, make_stream(rng, 50).arrivals())
    engine.snapshot(tmp_path / "state")
    files = [p for p in [tmp_path / "state", *(tmp_path / "state").rglob("*")] if p.is_file()]
    biggest = max(files, key=lambda p: p.stat().st_size)
    content = biggest.read_bytes()
    biggest.write_bytes(content[: len(content) // 2])
    with pytest.raises(StateError):
        OnlineEngine.restore(definition, tmp_path / "state")


def test_state_of_another_format_is_refused(tmp_path: Path) -> None:
    definition = feature_set(draw(np.random.default_rng(25), 10))
    OnlineEngine(definition).snapshot(tmp_path / "state")
    with zipfile.ZipFile(tmp_path / "state") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    about = json.loads(files["state.json"])
    files["state.json"] = json.dumps({**about, "format": about["format"] - 1}).encode()
    with zipfile.ZipFile(tmp_path / "state", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    with pytest.raises(StateError, match="format"):
        OnlineEngine.restore(definition, tmp_path / "state")


def test_restoring_keeps_the_memory_of_event_ids(tmp_path: Path) -> None:
    rng = np.random.default_rng(26)
    stream = make_stream(rng, 80, Shape(text_ids=True))
    features = draw(rng, 40)
    definition = feature_set(features)
    engine = OnlineEngine(definition)
    first = online(engine, stream.arrivals())
    engine.snapshot(tmp_path / "state")
    restored = OnlineEngine.restore(definition, tmp_path / "state")
    for row in (0, 40, 79):
        again = restored.process(stream.events[row])
        assert_same(again[None], first[row : row + 1], features, stream, [row])


def test_batch_equals_backfill_when_ids_are_text() -> None:
    rng = np.random.default_rng(27)
    stream = make_stream(rng, 200, Shape(text_ids=True))
    features = draw(rng, 60)
    definition = feature_set(features)
    whole = backfill(definition, stream.batch()).matrix
    got = OnlineEngine(definition).process_batch(stream.batch())
    assert_same(got, whole, features, stream)


def test_answers_of_batches_outlive_the_end_of_their_ring() -> None:
    stream = make_stream(np.random.default_rng(8), 50, Shape())
    engine = OnlineEngine(feature_set(draw(np.random.default_rng(1), 5)), recall=20)
    batch = stream.batch()
    got = np.vstack(
        [
            engine.process_batch(EventBatch(batch.events[a:b], batch.labels.clear()))
            for a, b in ((0, 13), (13, 26), (26, 50))
        ]
    )
    for row in range(30, 50):
        np.testing.assert_array_equal(engine.process(stream.events[row]), got[row])
    with pytest.raises(DuplicateEventError):
        engine.process(stream.events[29])


def test_many_arrivals_of_labels_come_out_in_the_order_of_their_instants() -> None:
    rng = np.random.default_rng(3)
    waiting = WaitingLabels()
    known = rng.integers(0, 50, 900)
    for i in range(600):
        waiting.add_all(known[i : i + 1], np.array([i]), np.array([i % 2]))
    for i in range(600, 900):
        waiting.add(int(known[i]), i, bool(i % 2))
    expected = sorted(range(900), key=lambda i: (known[i], i))
    assert waiting.rows()[:, 1].tolist() == expected
    taken = [int(t) for instant in (10, 20, 49) for t in waiting.take(instant)[1]]
    assert taken == expected
    assert waiting.rows().shape == (0, 3)
