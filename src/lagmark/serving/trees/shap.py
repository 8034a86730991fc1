"""Exact SHAP values of trees, path-dependent (Lundberg and others 2020, algorithm 2).

At a split by feature *i* let ``p`` be the share of the training data that went left, ``g`` 1 where
the row goes left and else 0, and ``L`` and ``R`` what the subtrees are worth. Shapley values are an
integral over ``t`` in [0, 1], in which each feature is known with probability ``t`` and otherwise
follows the data (the multilinear extension of Owen 1972). For one ``t``, all leaves together:

- downwards, the weight of a node: ``P(left) = P f`` and ``P(right) = P (1 - f)`` with
  ``f = p + t (g - p)``;
- upwards, its worth: ``T = R + f (L - R)``;
- and at the node ``P (g - p) (L - R)``, which is added to feature *i*.

Where earlier splits of the path by the same feature left the share ``w`` of the data, ``t`` becomes
``t / A`` with ``A = t + (1 - t) w``, and what is added gets the factor ``w / A**2``; where the row
does not pass all of those splits, ``g - p`` becomes 0. The integrand is a polynomial of a degree
below the number of different features on a path, so that Gauss-Legendre quadrature with half as
many points as features is exact (linear TreeSHAP, Yu and others 2022, has the same polynomials).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lagmark.features.kernel._jit import jit
from lagmark.serving.trees.lanes import (
    LANES,
    chosen,
    disjoint,
    div,
    fma,
    get,
    mul,
    nonzero,
    put,
    same,
    sub,
    union,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.serving.trees.blocks import Blocks

__all__ = ["Work", "contribute", "work_for"]

_ZERO, _ONE, _NONE = np.float32(0.0), np.float32(1.0), np.int32(0)
_BIT = np.uint32(1)


class Work(NamedTuple):
    """Scratch memory of :func:`contribute`, for one thread."""

    goes: NDArray[np.uint8]
    cold: NDArray[np.int32]
    scale: NDArray[np.float32]
    factor: NDArray[np.float32]
    weight: NDArray[np.float32]
    worth: NDArray[np.float32]
    part: NDArray[np.float32]
    total: NDArray[np.float32]


def work_for(blocks: Blocks) -> Work:
    """Scratch memory for a forest."""
    spans = blocks.spans
    nodes = int(spans[:, 1].max(initial=1)) + 1
    points = int(spans[:, 3].max(initial=1))
    size = nodes * LANES
    return Work(
        np.empty(blocks.start.shape[0], dtype=np.uint8),
        np.empty(size, dtype=np.int32),
        np.empty(size, dtype=np.float32),
        np.empty(size * points, dtype=np.float32),
        np.empty(size * points, dtype=np.float32),
        np.empty(size * points, dtype=np.float32),
        np.empty(LANES, dtype=np.float32),
        np.empty(LANES * blocks.features, dtype=np.float32),
    )


@jit
def contribute(blocks: Blocks, work: Work, codes: Any, out: Any) -> None:
    """SHAP values of one row from its codes, into ``out``, shape (F + 1,), float64."""
    _decide(blocks, codes, work.goes)
    total = work.total
    for i in range(total.shape[0]):
        total[i] = _ZERO
    for block in range(blocks.spans.shape[0]):
        first, nodes, leaf, points = blocks.spans[block]
        _down(blocks, work, first, nodes, points)
        _up(blocks, work, first, nodes, leaf, points)
    features = blocks.features
    for j in range(features):
        value = 0.0
        for lane in range(LANES):
            value += total[lane * features + j]
        out[j] = value
    out[features] = blocks.base


@jit
def _decide(blocks: Blocks, codes: Any, goes: Any) -> None:
    # Splits that a row passes on their usual side cost nothing here: only the others are written.
    start, flips, columns, ends = blocks.start, blocks.flips, blocks.columns, blocks.ends
    for i in range(start.shape[0]):
        goes[i] = start[i]
    for c in range(columns.shape[0]):
        code = min(codes[c], columns[c, 2])
        for i in range(columns[c, 0], ends[columns[c, 1] + code]):
            flip = flips[i]
            goes[flip >> _BIT] = flip & _BIT


@jit
def _down(blocks: Blocks, work: Work, first: int, nodes: int, points: int) -> None:
    shape = blocks.shape
    zero, one = same(_ZERO), same(_ONE)
    step = points * LANES
    for q in range(points):
        put(work.weight, q * LANES, same(blocks.weights[points, q]))
    for lane in range(LANES):
        work.cold[lane] = 0
    for n in range(nodes):
        here = (first + n) * LANES
        left, right, repeats = shape[first + n]
        share, goes = get(blocks.share, here), nonzero(get(work.goes, here))
        shift = sub(chosen(goes, one, zero), share)
        own, at = n * LANES, n * step
        cold = get(work.cold, own)
        if repeats:
            bit = get(blocks.bit, here)
            shift = chosen(disjoint(cold, bit), shift, zero)
            above = get(blocks.above, here)
            put(work.scale, own, mul(shift, above))
            none = same(_NONE)
            if left < nodes:
                put(work.cold, left * LANES, union(cold, chosen(goes, none, bit)))
            if right < nodes:
                put(work.cold, right * LANES, union(cold, chosen(goes, bit, none)))
            for q in range(points):
                t = same(blocks.points[points, q])
                rest = same(_ONE - blocks.points[points, q])
                inverse = div(one, fma(rest, above, t))
                factor = fma(mul(t, inverse), shift, share)
                put(work.factor, at + q * LANES, factor)
                weight = get(work.weight, at + q * LANES)
                passed = mul(weight, factor)
                if left < nodes:
                    put(work.weight, left * step + q * LANES, passed)
                if right < nodes:
                    put(work.weight, right * step + q * LANES, sub(weight, passed))
                put(work.weight, at + q * LANES, mul(weight, mul(inverse, inverse)))
        else:
            put(work.scale, own, shift)
            if left < nodes:
                put(work.cold, left * LANES, cold)
            if right < nodes:
                put(work.cold, right * LANES, cold)
            for q in range(points):
                t = same(blocks.points[points, q])
                factor = fma(t, shift, share)
                put(work.factor, at + q * LANES, factor)
                weight = get(work.weight, at + q * LANES)
                passed = mul(weight, factor)
                if left < nodes:
                    put(work.weight, left * step + q * LANES, passed)
                if right < nodes:
                    put(work.weight, right * step + q * LANES, sub(weight, passed))


@jit
def _up(blocks: Blocks, work: Work, first: int, nodes: int, leaf: int, points: int) -> None:
    shape, worth, total = blocks.shape, work.worth, work.total
    step = points * LANES
    for back in range(nodes):
        n = nodes - 1 - back
        left, right = shape[first + n, 0], shape[first + n, 1]
        at = n * step
        part = same(_ZERO)
        for q in range(points):
            if left < nodes:
                a = get(worth, left * step + q * LANES)
            else:
                a = get(blocks.leaf, (leaf + left - nodes) * LANES)
            if right < nodes:
                b = get(worth, right * step + q * LANES)
            else:
                b = get(blocks.leaf, (leaf + right - nodes) * LANES)
            apart = sub(a, b)
            put(worth, at + q * LANES, fma(get(work.factor, at + q * LANES), apart, b))
            part = fma(get(work.weight, at + q * LANES), apart, part)
        put(work.scale, n * LANES, mul(part, get(work.scale, n * LANES)))
    place, scale, here = blocks.place, work.scale, first * LANES
    for i in range(nodes * LANES):
        total[place[here + i]] += scale[i]
