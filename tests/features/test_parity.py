"""Backfill and the online engine against the plain oracle, bit for bit."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lagmark.features import OnlineEngine, backfill
from lagmark.features.definition import Aggregation
from lagmark.schema.events import Event, EventBatch, Label

from .catalogue import catalogue, draw, feature_set
from .compare import assert_same, expected, online
from .past import Verdict
from .streams import Shape, Stream, make_stream

_SHAPES = {
    "mixed": Shape(),
    "ties": Shape(tie=0.8, boundary=0.1, late=0.05),
    "boundaries": Shape(tie=0.1, boundary=0.85, late=0.02, customers=3, terminals=3, devices=3),
    "late": Shape(late=0.6, ancient=0.1, tie=0.05, boundary=0.1),
    "sparse": Shape(customers=60, terminals=50, devices=40, hot=0.02, null_key=0.3, null_value=0.5),
    "extreme": Shape(extreme=0.9, hot=0.7),
    "text": Shape(text_ids=True),
    "unlabelled": Shape(labelled=0.0),
    # What the batch driver takes key by key instead of event by event.
    "orderly": Shape(boundary=0.0, late=0.0, ancient=0.0, labelled=0.0),
    "orderly, prompt labels": Shape(boundary=0.0, late=0.0, ancient=0.0, prompt=True),
}

RELAXED = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.mark.parametrize("name", _SHAPES)
def test_every_definition_equals_the_oracle(name: str) -> None:
    rng = np.random.default_rng(list(_SHAPES).index(name))
    stream = make_stream(rng, 90, _SHAPES[name])
    features = catalogue()
    vectors = backfill(feature_set(features), stream.batch())
    assert tuple(vectors.names) == tuple(f.name for f in features)
    assert_same(vectors.matrix, expected(features, stream.past()), features, stream)


def test_risks_behind_their_labels_equal_the_oracle() -> None:
    shape = replace(_SHAPES["orderly, prompt labels"], customers=3, terminals=3, devices=2)
    stream = make_stream(np.random.default_rng(5), 400, shape)
    features = [
        f for f in catalogue() if isinstance(f, Aggregation) and (not f.labelled or f.delay == "7d")
    ]
    assert sum(f.labelled for f in features) > 5
    got = backfill(feature_set(features), stream.batch()).matrix
    assert_same(got, expected(features, stream.past()), features, stream)


@RELAXED
@given(seed=st.integers(0, 2**32 - 1), shape=st.sampled_from(sorted(_SHAPES)))
def test_random_streams_equal_the_oracle(seed: int, shape: str) -> None:
    rng = np.random.default_rng(seed)
    stream = make_stream(rng, int(rng.integers(1, 160)), _SHAPES[shape])
    features = draw(rng, 30)
    wanted = expected(features, stream.past())
    definition = feature_set(features)
    assert_same(backfill(definition, stream.batch()).matrix, wanted, features, stream)
    assert_same(online(OnlineEngine(definition), stream.arrivals()), wanted, features, stream)


def test_each_event_gets_one_row() -> None:
    definition = feature_set(draw(np.random.default_rng(0), 5))
    for n in (0, 1, 57):
        batch = make_stream(np.random.default_rng(n), n).batch()
        assert backfill(definition, batch).matrix.shape == (n, 5)
        assert OnlineEngine(definition).process_batch(batch).shape == (n, 5)


@pytest.mark.parametrize("seed", range(4))
def test_all_drivers_agree(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    stream = make_stream(rng, 240, _SHAPES[("mixed", "late", "boundaries", "text")[seed]])
    features = draw(rng, 60)
    definition = feature_set(features)
    whole = backfill(definition, stream.batch()).matrix
    arrivals = stream.arrivals()

    assert_same(online(OnlineEngine(definition), arrivals), whole, features, stream)
    assert_same(OnlineEngine(definition).process_batch(stream.batch()), whole, features, stream)
    assert_same(in_chunks(OnlineEngine(definition), arrivals, rng), whole, features, stream)

    middle = int(rng.integers(1, len(arrivals) - 1))
    engine = OnlineEngine(definition)
    first = online(engine, arrivals[:middle])
    engine.snapshot(tmp_path / "state")
    restored = OnlineEngine.restore(definition, tmp_path / "state")
    rest = online(restored, arrivals[middle:])
    assert_same(np.vstack([first, rest]), whole, features, stream)
    # The engine that was saved goes on undisturbed.
    assert_same(np.vstack([first, online(engine, arrivals[middle:])]), whole, features, stream)


def test_a_batch_then_single_events_continue_the_same_state(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    stream = make_stream(rng, 200)
    features = draw(rng, 60)
    definition = feature_set(features)
    whole = backfill(definition, stream.batch()).matrix
    arrivals = stream.arrivals()
    cut = next(k for k, what in enumerate(arrivals) if what is stream.events[120]) + 1
    known = {(a.event_id, a.known_at) for a in arrivals[:cut] if isinstance(a, Label)}
    labels = [v for v in stream.labels if (stream.events[v.row].event_id, v.known_at) in known]
    engine = OnlineEngine(definition)
    first = engine.process_batch(Stream(stream.events[:121], labels).batch())
    engine.snapshot(tmp_path / "state")
    # Labels of the last event may stand on both sides of the cut: the tail holds the rest.
    rest = online(OnlineEngine.restore(definition, tmp_path / "state"), arrivals[cut:])
    assert_same(np.vstack([first, rest]), whole, features, stream)


def test_labels_of_a_batch_stay_unseen_until_their_instant() -> None:
    rng = np.random.default_rng(12)
    stream = make_stream(rng, 150)
    features = draw(rng, 80)
    definition = feature_set(features)
    whole = backfill(definition, stream.batch()).matrix
    engine = OnlineEngine(definition)
    early = Stream(stream.events[:100], [v for v in stream.labels if v.row < 100])
    first = engine.process_batch(early.batch())
    late = [a for a in stream.arrivals() if not _labels_one_of(a, early)]
    rest = online(engine, late[late.index(stream.events[100]) :])
    unseen = [v for v in stream.labels if v.row >= 100]
    assert unseen, "the stream must label events of the tail"
    assert_same(np.vstack([first, rest]), whole, features, stream)


def test_scrambling_the_future_changes_nothing_before() -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        stream = make_stream(rng, 200)
        features = draw(rng, 60)
        definition = feature_set(features)
        whole = backfill(definition, stream.batch()).matrix
        for cut in (1, 77, 150):
            end = stream.events[cut - 1].ingest_time
            foreign = make_stream(np.random.default_rng(seed + 99), 260).events
            tail = [
                Event(f.event_id + 10**9, f.event_time, max(f.ingest_time, end), f.values)
                for f in foreign[: int(rng.integers(0, 60))]
                if isinstance(f.event_id, int)
            ]
            events = stream.events[:cut] + tail
            labels = [v for v in stream.labels if v.known_at <= end and v.row < cut]
            turned = [
                type(v)(v.row, v.known_at + 1, not v.fraud)
                for v in stream.labels
                if v.known_at >= end and v.row < len(events)
            ]
            scrambled = Stream(events, sorted(labels + turned, key=lambda v: v.known_at))
            got = backfill(definition, scrambled.batch()).matrix
            assert got.shape[0] == len(events)
            assert_same(got[:cut], whole[:cut], features, stream)


def _labels_one_of(what: Any, stream: Stream) -> bool:
    return isinstance(what, Label) and any(e.event_id == what.event_id for e in stream.events)


def in_chunks(engine: OnlineEngine, arrivals: list[Any], rng: np.random.Generator) -> Any:
    """Matrix of an engine fed with batches of random size.

    A batch carries the labels of its own events; a label of an earlier event ends the batch and
    goes in by itself.
    """
    matrices = []
    chunk: list[Event] = []
    rows: dict[Any, int] = {}
    labels: list[Any] = []

    def flush() -> None:
        if chunk:
            matrices.append(engine.process_batch(_batch(chunk, labels)))
        chunk.clear()
        rows.clear()
        labels.clear()

    size = int(rng.integers(1, 40))
    for what in arrivals:
        if isinstance(what, Event):
            rows[what.event_id] = len(chunk)
            chunk.append(what)
        elif what.event_id in rows:
            labels.append((rows[what.event_id], what))
        else:
            flush()
            engine.label(what)
        if len(chunk) >= size:
            flush()
            size = int(rng.integers(1, 40))
    flush()
    return np.vstack(matrices)


def _batch(events: list[Event], labels: list[Any]) -> EventBatch:
    return Stream(list(events), [Verdict(r, x.known_at, x.fraud) for r, x in labels]).batch()


@pytest.mark.parametrize("name", ["mixed", "ties", "late"])
def test_long_logs_equal_the_oracle(name: str) -> None:
    rng = np.random.default_rng(31)
    stream = make_stream(rng, 3000, replace(_SHAPES[name], customers=1, terminals=2, hot=0.9))
    features = draw(rng, 40)
    definition = feature_set(features)
    rows = sorted({int(r) for r in rng.integers(0, len(stream), 30)} | {len(stream) - 1})
    got = backfill(definition, stream.batch()).matrix
    assert_same(got[rows], expected(features, stream.past(), rows), features, stream, rows)
    assert_same(OnlineEngine(definition).process_batch(stream.batch()), got, features, stream)


@pytest.mark.slow
def test_a_million_random_events_equal_the_oracle(
    record_property: Callable[[str, object], None],
) -> None:
    """Many streams of many entities, so that logs are short; every eighth one has long logs.

    ``LAGMARK_PARITY_EVENTS`` sets another number of events.
    """
    wanted_events = int(os.environ.get("LAGMARK_PARITY_EVENTS", "1000000"))
    done = 0
    cells = 0
    seed = 0
    while done < wanted_events:
        rng = np.random.default_rng([20260101, seed])
        name = sorted(_SHAPES)[seed % len(_SHAPES)]
        shape = replace(_SHAPES[name], customers=2000, terminals=1500, devices=1200, hot=0.002)
        n, rows = 20_000, None
        if seed % 8 == 7:
            shape = _SHAPES[sorted(_SHAPES)[seed // 8 % len(_SHAPES)]]
            rows = sorted(int(r) for r in rng.integers(0, n, 40))
        n = min(n, wanted_events - done) if rows is None else n
        stream = make_stream(rng, n, shape)
        features = draw(rng, 14)
        got = backfill(feature_set(features), stream.batch()).matrix
        assert got.shape == (n, len(features))
        wanted = expected(features, stream.past(), rows)
        assert_same(got if rows is None else got[rows], wanted, features, stream, rows)
        done += n if rows is None else len(rows)
        cells += wanted.size
        seed += 1
    record_property("events", done)
    record_property("values", cells)
