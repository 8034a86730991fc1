"""Sum of the leaves that a row reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lagmark.features.kernel._jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.serving.trees.forest import Forest

__all__ = ["Walk", "margin", "walk_of"]

TOGETHER = 4
"""Trees that are followed in lockstep: a step waits for memory, and four wait at once."""

_STAY = np.iinfo(np.int32).max


class Walk(NamedTuple):
    """Trees as steps.

    Parameters
    ----------
    nodes
        Column, rank and left child of each node, the right one next to it; leaves lead to
        themselves. Shape (nodes, 4), int32, the last unused.
    values
        Value of each leaf, float64.
    roots
        Root of each tree, int64.
    depths
        Steps to the deepest leaf of each :data:`TOGETHER` trees.
    base
        What the sum begins with.
    single
        Whether it is rounded to float32 after each tree.
    """

    nodes: NDArray[np.int32]
    values: NDArray[np.float64]
    roots: NDArray[np.int64]
    depths: NDArray[np.int64]
    base: float
    single: bool


def walk_of(forest: Forest, column: NDArray[np.int64], rank: NDArray[np.int64]) -> Walk:
    """Steps of a forest, given the column and the rank of each split."""
    level = forest.roots[:-1]
    order, tree = [level], np.arange(level.shape[0])
    depth = np.zeros(level.shape[0], dtype=np.int64)
    left = [np.empty(0, dtype=np.int64)]
    end = level.shape[0]
    while level.shape[0]:
        split = forest.split[level]
        inner = level[split]
        # Children of one node lie next to each other.
        pairs = np.stack([forest.left[inner], forest.right[inner]], axis=1).ravel()
        step = np.arange(end - level.shape[0], end)
        step[split] = end + 2 * np.arange(inner.shape[0])
        left.append(step)
        tree = np.repeat(tree[split], 2)
        depth[tree] += pairs.shape[0] > 0
        order.append(pairs)
        level, end = pairs, end + pairs.shape[0]
    nodes = np.concatenate(order)
    rows = np.zeros((nodes.shape[0], 4), dtype=np.int32)
    rows[:, 0], rows[:, 2] = column[nodes], np.concatenate(left)
    rows[:, 1] = np.where(forest.split[nodes], rank[nodes], _STAY)
    groups = -(-depth.shape[0] // TOGETHER)
    depths = np.zeros(groups * TOGETHER, dtype=np.int64)
    depths[: depth.shape[0]] = depth
    return Walk(
        rows,
        forest.value[nodes],
        np.arange(depth.shape[0]),
        depths.reshape(groups, TOGETHER).max(axis=1),
        forest.base,
        forest.single,
    )


@jit
def margin(walk: Walk, codes: Any) -> float:
    """Log-odds of a row, from its codes: trees are added in their order, as their library does."""
    nodes, values, roots = walk.nodes, walk.values, walk.roots
    last = roots.shape[0] - 1
    total = walk.base
    for group in range(walk.depths.shape[0]):
        first = group * TOGETHER
        a, b = roots[first], roots[min(first + 1, last)]
        c, d = roots[min(first + 2, last)], roots[min(first + 3, last)]
        for _ in range(walk.depths[group]):
            a = nodes[a, 2] + (codes[nodes[a, 0]] > nodes[a, 1])
            b = nodes[b, 2] + (codes[nodes[b, 0]] > nodes[b, 1])
            c = nodes[c, 2] + (codes[nodes[c, 0]] > nodes[c, 1])
            d = nodes[d, 2] + (codes[nodes[d, 0]] > nodes[d, 1])
        for k in range(min(TOGETHER, roots.shape[0] - first)):
            total += values[(a, b, c, d)[k]]
            if walk.single:
                # Two float32 numbers have an exact float64 sum or one that rounds alike.
                total = np.float64(np.float32(total))
    return total
