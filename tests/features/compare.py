"""Bitwise comparison of feature matrices, with a message that says where they part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.schema.events import Event

from .oracle import evaluate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.features import OnlineEngine

    from .past import Past
    from .streams import Stream

__all__ = ["assert_same", "differences", "expected", "online"]


def expected(features: Sequence[Any], past: Past, rows: Sequence[int] | None = None) -> Any:
    """Oracle's matrix, for some rows or all."""
    chosen = range(len(past.events)) if rows is None else rows
    values = [[evaluate(f, past, i) for f in features] for i in chosen]
    return np.array(values, dtype=np.float64).reshape(len(chosen), len(features))


def online(engine: OnlineEngine, arrivals: Sequence[Any]) -> NDArray[np.float64]:
    """Matrix of an engine driven one arrival at a time."""
    rows = []
    for what in arrivals:
        if isinstance(what, Event):
            rows.append(np.array(engine.process(what), copy=True))
        else:
            engine.label(what)
    return np.array(rows, dtype=np.float64)


def differences(left: Any, right: Any) -> list[tuple[int, int]]:
    """Cells whose bits differ; a NaN equals any NaN."""
    left = np.ascontiguousarray(left, dtype=np.float64)
    right = np.ascontiguousarray(right, dtype=np.float64)
    assert left.shape == right.shape, f"shapes differ: {left.shape} and {right.shape}"
    apart = left.view(np.int64) != right.view(np.int64)
    apart &= ~(np.isnan(left) & np.isnan(right))
    return [(int(i), int(j)) for i, j in np.argwhere(apart)]


def assert_same(
    got: Any,
    wanted: Any,
    features: Sequence[Any],
    stream: Stream,
    rows: Sequence[int] | None = None,
) -> None:
    """Fail with feature, event, expected and got of the first cells that differ."""
    found = differences(got, wanted)
    if not found:
        return
    lines = [f"{len(found)} cells differ in {len({j for _, j in found})} features"]
    seen: set[int] = set()
    for i, j in found:
        if j in seen or len(seen) == 12:
            continue
        seen.add(j)
        row = i if rows is None else rows[i]
        event = stream.events[row]
        lines.append(
            f"{features[j]!r}\n  event {row} at {event.event_time} (ingest {event.ingest_time}) "
            f"{dict(event.values)}\n  expected {float(wanted[i, j])!r}, got {float(got[i, j])!r}"
        )
    raise AssertionError("\n".join(lines))
