"""Plain trees and Shapley values by their definition: what the kernels are compared with."""

from __future__ import annotations

from itertools import combinations
from math import factorial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lagmark.serving.trees import Forest


def goes_left(forest: Forest, node: int, x: np.ndarray) -> bool:
    value = float(x[forest.feature[node]])
    if forest.single:
        value = float(np.float32(value))
    absent = forest.absent[node]
    if np.isnan(value) and absent == 0:
        value = 0.0
    zero = abs(value) <= forest.tiny
    if np.isnan(value) or (absent == 1 and zero):
        return bool(forest.absent_left[node])
    return bool((0.0 if zero else value) <= forest.threshold[node])


def expected(forest: Forest, node: int, x: np.ndarray, known: frozenset[int]) -> float:
    """Value of a subtree where only some features are known; the others follow the data."""
    feature = int(forest.feature[node])
    if feature < 0:
        return float(forest.value[node])
    left, right = int(forest.left[node]), int(forest.right[node])
    if feature in known:
        return expected(forest, left if goes_left(forest, node, x) else right, x, known)
    cover = forest.cover
    share = cover[left] / (cover[left] + cover[right])
    return float(
        share * expected(forest, left, x, known) + (1 - share) * expected(forest, right, x, known)
    )


def shapley(forest: Forest, x: np.ndarray) -> np.ndarray:
    """Shapley values by the sum over all subsets, the base value last."""
    every = range(forest.features)

    def worth(known: frozenset[int]) -> float:
        return forest.base + sum(expected(forest, int(r), x, known) for r in forest.roots[:-1])

    out = np.empty(forest.features + 1)
    out[-1] = worth(frozenset())
    n = forest.features
    for i in every:
        rest = [j for j in every if j != i]
        out[i] = sum(
            factorial(size) * factorial(n - size - 1) / factorial(n)
            * (worth(frozenset(s) | {i}) - worth(frozenset(s)))
            for size in range(n)
            for s in combinations(rest, size)
        )  # fmt: skip
    return out


def random_forest(
    rng: np.random.Generator, *, features: int, trees: int, depth: int, single: bool
) -> Forest:
    """Trees of any shape, from one leaf to a chain, with repeated features and odd covers."""
    from lagmark.serving.trees import Forest

    rows: list[list[float]] = []
    roots = [0]

    def grow(level: int, cover: float, chance: float) -> int:
        here = len(rows)
        rows.append([-1, 0, 0, 0, here, here, rng.normal(), cover])
        if level < depth and rng.random() < chance:
            share = rng.beta(0.5, 0.5) * 0.98 + 0.01
            threshold = rng.normal() if rng.random() < 0.8 else 0.0
            if single:
                threshold = float(np.float32(threshold))
            absent = 2 if single else int(rng.integers(0, 3))
            row = [int(rng.integers(0, features)), threshold, absent, int(rng.integers(0, 2))]
            left = grow(level + 1, cover * share, chance)
            right = grow(level + 1, cover * (1 - share), chance)
            rows[here] = [*row, left, right, 0.0, cover]
        return here

    for _ in range(trees):
        grow(0, float(rng.integers(10, 1000)), rng.choice([0.0, 0.6, 0.9, 1.0]))
        roots.append(len(rows))
    table = np.array(rows)
    return Forest(
        features=features,
        roots=np.array(roots),
        feature=table[:, 0].astype(np.int64),
        threshold=table[:, 1].copy(),
        absent=table[:, 2].astype(np.int64),
        absent_left=table[:, 3] > 0,
        left=table[:, 4].astype(np.int64),
        right=table[:, 5].astype(np.int64),
        value=np.float32(table[:, 6]).astype(np.float64),
        cover=table[:, 7].copy(),
        base=float(np.float32(rng.normal())),
        single=single,
        tiny=0.0 if single else float(np.float32(1e-35)),
    )


def random_rows(rng: np.random.Generator, n: int, features: int) -> np.ndarray:
    """Values with gaps, zeros, numbers next to zero and numbers that float32 cannot tell apart."""
    X = rng.normal(size=(n, features))
    special = rng.choice([np.nan, 0.0, -0.0, 1e-40, -1e-36, 1.0 + 1e-12, 1e30], size=X.shape)
    return np.where(rng.random(X.shape) < 0.3, special, X)
