"""Sum of the leaves that a row reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lagmark.errors import StateError
from lagmark.features.kernel._jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.serving.trees.forest import Forest

__all__ = ["Walk", "margins", "walk_of"]

TOGETHER = 4
"""Trees that are followed in lockstep: a step waits for memory, and four wait at once."""

# A node is one word, so that a forest fits the cache: left child, rank and column of its split.
_RANK, _LEFT = 16, 40
_COLUMNS, _STAY, _NODES = 2**_RANK - 1, 2 ** (_LEFT - _RANK) - 1, 2 ** (63 - _LEFT)


class Walk(NamedTuple):
    """Trees as steps.

    Parameters
    ----------
    nodes
        From its lowest bit: column (16 bits), rank (24) and left child of each node, the right
        one next to it; leaves lead to themselves. Shape (nodes,), int64.
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

    nodes: NDArray[np.int64]
    values: NDArray[np.float64]
    roots: NDArray[np.int64]
    depths: NDArray[np.int64]
    base: float
    single: bool


def walk_of(forest: Forest, column: NDArray[np.int64], rank: NDArray[np.int64]) -> Walk:
    """Steps of a forest, given the column and the rank of each split.

    Raises
    ------
    StateError
        If it has more nodes or splits than a word can tell apart.
    """
    if forest.feature.shape[0] >= _NODES or column.max(initial=0) > _COLUMNS:
        raise StateError(
            f"{forest.feature.shape[0]} nodes are too many",
            where="model",
            hint=f"train one of less than {_NODES} nodes",
        )
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
    ranks = np.where(forest.split[nodes], rank[nodes], _STAY)
    words = (np.concatenate(left) << _LEFT) | (ranks << _RANK) | column[nodes]
    groups = -(-depth.shape[0] // TOGETHER)
    depths = np.zeros(groups * TOGETHER, dtype=np.int64)
    depths[: depth.shape[0]] = depth
    return Walk(
        words,
        forest.value[nodes],
        np.arange(depth.shape[0]),
        depths.reshape(groups, TOGETHER).max(axis=1),
        forest.base,
        forest.single,
    )


@jit
def _step(node: int, codes: Any) -> int:
    rank = (node >> _RANK) & _STAY
    return (node >> _LEFT) + (codes[node & _COLUMNS] > rank)


@jit
def margins(walk: Walk, codes: Any, out: Any) -> None:
    """Log-odds of rows, from their codes: trees are added in their order, as their library does.

    All rows go through a few trees before the next ones, which then stay in the nearest cache.

    Parameters
    ----------
    walk
        The forest.
    codes
        Shape (n, columns).
    out
        Shape (n,).
    """
    nodes, values, roots = walk.nodes, walk.values, walk.roots
    last = roots.shape[0] - 1
    out[:] = walk.base
    for group in range(walk.depths.shape[0]):
        first = group * TOGETHER
        for i in range(out.shape[0]):
            row = codes[i]
            a, b = roots[first], roots[min(first + 1, last)]
            c, d = roots[min(first + 2, last)], roots[min(first + 3, last)]
            for _ in range(walk.depths[group]):
                a, b = _step(nodes[a], row), _step(nodes[b], row)
                c, d = _step(nodes[c], row), _step(nodes[d], row)
            total = out[i]
            for k in range(min(TOGETHER, roots.shape[0] - first)):
                total += values[(a, b, c, d)[k]]
                if walk.single:
                    # Two float32 numbers have an exact float64 sum or one that rounds alike.
                    total = np.float64(np.float32(total))
            out[i] = total
