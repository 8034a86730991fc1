"""Trees side by side, sixteen at a time, over a shape that all of them fit into."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lagmark.errors import StateError
from lagmark.serving.trees.lanes import LANES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.serving.trees.forest import Forest

__all__ = ["Blocks", "blocks_of"]

_MOST_BITS = 31


class Blocks(NamedTuple):
    """A forest as the contributions read it.

    Parameters
    ----------
    spans
        Of each block its first node, its nodes, its first leaf, the points of its quadrature:
        shape (blocks, 4), int64.
    shape
        Of each node its children, and whether a feature repeats there in any tree: shape
        (nodes, 3), int64. Children below the block's number of nodes are nodes of the block,
        the others are its leaves.
    share
        Part of the training data of a node that went left, shape (nodes * 16,), float32, as are
        those that follow: a number for each tree of the block, node after node.
    above
        Product of these parts over the earlier splits of the path by the same feature.
    bit
        Bit that stands for the feature on the path, int32; 0 where it does not repeat.
    place
        Where the node's contribution is added: ``tree of the block * features + feature``.
    leaf
        Values, shape (leaves * 16,).
    start
        Whether a row goes left when it goes left in no split's column, uint8.
    flips
        Places in ``start``, doubled, plus what stands there instead, column by column and within
        a column by rank.
    columns
        First flip of each column, where it begins in ``ends``, and the greatest code that makes a
        difference: shape (K, 3), int64.
    ends
        End of the flips of a column for each code.
    points, weights
        Gauss-Legendre quadrature on [0, 1] with n points in row n, float32.
    base
        Mean prediction over the training data.
    features
        Number of features.
    """

    spans: NDArray[np.int64]
    shape: NDArray[np.int64]
    share: NDArray[np.float32]
    above: NDArray[np.float32]
    bit: NDArray[np.int32]
    place: NDArray[np.uint32]
    leaf: NDArray[np.float32]
    start: NDArray[np.uint8]
    flips: NDArray[np.uint32]
    columns: NDArray[np.int64]
    ends: NDArray[np.int64]
    points: NDArray[np.float32]
    weights: NDArray[np.float32]
    base: float
    features: int


class _Paths:
    """What each node knows of the path that leads to it, and which child is the larger."""

    def __init__(self, forest: Forest) -> None:
        count = forest.feature.shape[0]
        self.parent = np.full(count, -1)
        self.levels: list[NDArray[np.int64]] = []
        level = forest.roots[:-1]
        while level.shape[0]:
            self.levels.append(level)
            inner = level[forest.split[level]]
            self.parent[forest.left[inner]] = self.parent[forest.right[inner]] = inner
            level = np.concatenate([forest.left[inner], forest.right[inner]])
        self._repeats(forest)
        self._turn(forest)

    def _repeats(self, forest: Forest) -> None:
        count = self.parent.shape[0]
        self.above, edge = np.ones(count), np.ones(count)
        self.first = np.arange(count)
        self.distinct = np.zeros(count, dtype=np.int64)
        for level in self.levels:
            parent = self.parent[level]
            below = level[parent >= 0]
            parent = parent[parent >= 0]
            # Share of the data that follows the path past all its splits by the parent's feature.
            edge[below] = self.above[parent] * forest.cover[below] / forest.cover[parent]
            self.distinct[below] = self.distinct[parent] + (self.first[parent] == parent)
            inner = level[forest.split[level]]
            child, up = inner.copy(), self.parent[inner]
            todo = up >= 0
            while bool(todo.any()):
                met = todo & (forest.feature[up] == forest.feature[inner])
                self.above[inner[met]] = edge[child[met]]
                self.first[inner[met]] = self.first[up[met]]
                todo &= ~met
                child = np.where(todo, up, child)
                up = np.where(todo, self.parent[up], up)
                todo &= up >= 0
        self._number_bits()

    def _number_bits(self) -> None:
        here = np.arange(self.parent.shape[0])
        repeated = np.zeros(here.shape[0], dtype=np.bool_)
        repeated[self.first[self.first != here]] = True
        taken = np.zeros(here.shape[0], dtype=np.int64)
        self.bit = np.zeros(here.shape[0], dtype=np.int64)
        for level in self.levels:
            below = level[self.parent[level] >= 0]
            parent = self.parent[below]
            taken[below] = taken[parent] + (repeated[parent] & (self.first[parent] == parent))
            self.bit[level] = np.where(
                repeated[self.first[level]], 1 << np.minimum(taken[self.first[level]], 62), 0
            )
        if int(self.bit.max(initial=0)) >= 1 << _MOST_BITS:
            raise StateError("a tree is too deep to be explained", where="model")

    def _turn(self, forest: Forest) -> None:
        # With the larger child on the left, trees of the same size have nearly the same shape.
        size = np.ones(self.parent.shape[0], dtype=np.int64)
        for level in reversed(self.levels):
            inner = level[forest.split[level]]
            size[inner] = size[forest.left[inner]] + size[forest.right[inner]]
        self.size = size
        self.turned = size[forest.right] > size[forest.left]
        self.big = np.where(self.turned, forest.right, forest.left)
        self.small = np.where(self.turned, forest.left, forest.right)


def blocks_of(
    forest: Forest, column: NDArray[np.int64], rank: NDArray[np.int64], columns: int
) -> Blocks:
    """Blocks of a forest, given the column and the rank of each split.

    Raises
    ------
    StateError
        If a path repeats more than 31 features.
    """
    paths = _Paths(forest)
    spans, shape = [], []
    nodes: list[NDArray[np.int64]] = []
    leaves: list[NDArray[np.int64]] = []
    for trees in _grouped(forest, paths):
        children, inner, outer = _fitted(forest, paths, forest.roots[trees])
        order = max(1, -(-int(paths.distinct[outer].max()) // 2))
        spans.append((len(nodes), len(inner), len(leaves), order))
        shape += [
            (left, right, bool(paths.bit[at].any()))
            for (left, right), at in zip(children, inner, strict=True)
        ]
        nodes += inner
        leaves += outer
    at = np.array(nodes, dtype=np.int64).reshape(-1, LANES)
    split = (at >= 0) & forest.split[at]
    end = np.array(leaves).reshape(-1, LANES)
    big = np.where(split, paths.big[at], at)
    left = np.where(split, forest.cover[big] / np.where(split, forest.cover[at], 1), 1.0)
    flips, ends, starts = _flips(split, paths.turned[at], column[at], rank[at], columns)
    most = max((span[3] for span in spans), default=1)
    points, weights = _quadrature(most)
    return Blocks(
        np.array(spans, dtype=np.int64).reshape(-1, 4),
        np.array(shape, dtype=np.int64).reshape(-1, 3),
        left.astype(np.float32).ravel(),
        np.where(split, paths.above[at], 1).astype(np.float32).ravel(),
        np.where(split, paths.bit[at], 0).astype(np.int32).ravel(),
        (np.arange(LANES) * forest.features + np.where(split, forest.feature[at], 0))
        .astype(np.uint32)
        .ravel(),
        np.where(end >= 0, forest.value[end], 0).astype(np.float32).ravel(),
        (~split | ~paths.turned[at]).astype(np.uint8).ravel(),
        flips,
        starts,
        ends,
        points,
        weights,
        _mean(forest, paths),
        forest.features,
    )


def _grouped(forest: Forest, paths: _Paths) -> list[NDArray[np.int64]]:
    roots = forest.roots[:-1]
    depth = np.zeros(roots.shape[0], dtype=np.int64)
    for number, level in enumerate(paths.levels):
        depth[np.searchsorted(roots, level, side="right") - 1] = number
    order = np.lexsort((paths.size[roots], depth))
    return [order[k : k + LANES] for k in range(0, order.shape[0], LANES)]


def _fitted(
    forest: Forest, paths: _Paths, roots: NDArray[np.int64]
) -> tuple[list[list[int]], list[NDArray[np.int64]], list[NDArray[np.int64]]]:
    """The shape that trees with these roots fit into: children, and the trees' own nodes there.

    A tree that ends above a leaf of the shape has its leaf at the leftmost one below.
    """
    first = np.full(LANES, -1)
    first[: roots.shape[0]] = roots
    children: list[list[int]] = []
    inner: list[NDArray[np.int64]] = []
    outer: list[NDArray[np.int64]] = []
    stack = [(first, -1, 0)]
    while stack:
        at, parent, side = stack.pop()
        split = (at >= 0) & forest.split[at]
        if split.any():
            number = len(inner)
            inner.append(at)
            children.append([0, 0])
            stack.append((np.where(split, paths.small[at], -1), number, 1))
            stack.append((np.where(split, paths.big[at], at), number, 0))
        else:
            number = -1 - len(outer)
            outer.append(at)
        if parent >= 0:
            children[parent][side] = number
    numbers = [[n if n >= 0 else len(inner) - 1 - n for n in pair] for pair in children]
    return numbers, inner, outer


def _flips(
    split: NDArray[np.bool_],
    turned: NDArray[np.bool_],
    column: NDArray[np.int64],
    rank: NDArray[np.int64],
    columns: int,
) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int64]]:
    place = np.flatnonzero(split)
    of, k = column.ravel()[place], rank.ravel()[place]
    order = np.lexsort((k, of))
    flips = (2 * place + turned.ravel()[place])[order].astype(np.uint32)
    starts, begin = [], 0
    ends: list[int] = []
    for c in range(columns):
        ranks = np.sort(k[of == c])
        codes = np.arange(ranks.max(initial=-1) + 2)
        starts.append((begin, len(ends), codes.shape[0] - 1))
        ends += (begin + np.searchsorted(ranks, codes)).tolist()
        begin += ranks.shape[0]
    return flips, np.array(ends, dtype=np.int64), np.array(starts, dtype=np.int64).reshape(-1, 3)


def _quadrature(most: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    points = np.zeros((most + 1, most), dtype=np.float32)
    weights = np.zeros((most + 1, most), dtype=np.float32)
    for n in range(1, most + 1):
        found, weight = np.polynomial.legendre.leggauss(n)
        points[n, :n], weights[n, :n] = (found + 1) / 2, weight / 2
    return points, weights


def _mean(forest: Forest, paths: _Paths) -> float:
    mean = forest.value.copy()
    for level in reversed(paths.levels):
        inner = level[forest.split[level]]
        left, right = forest.left[inner], forest.right[inner]
        total = forest.cover[left] * mean[left] + forest.cover[right] * mean[right]
        mean[inner] = total / (forest.cover[left] + forest.cover[right])
    return forest.base + float(mean[forest.roots[:-1]].sum())
