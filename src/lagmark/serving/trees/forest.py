"""Boosted trees as flat arrays, whichever library grew them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lagmark.errors import StateError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NAN", "NONE", "ZERO", "Forest", "unreadable"]

NONE, ZERO, NAN = 0, 1, 2
"""What is absent at a split: nothing (NaN is 0 there), NaN and 0, or NaN."""


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """Trees whose leaves add up to log-odds, their nodes one after the other.

    The root of a tree is its first node. Nodes that no split leads to may lie between the others.

    Parameters
    ----------
    features
        Number of features.
    roots
        First node of each tree, then the number of nodes: shape (trees + 1,).
    feature
        Feature of each node's split, -1 at leaves.
    threshold
        Greatest value that goes left, float64.
    absent
        What is absent at the split: :data:`NONE`, :data:`ZERO` or :data:`NAN`.
    absent_left
        Whether what is absent goes left.
    left, right
        Children, the node itself at leaves.
    value
        Value of each leaf.
    cover
        How much of the training data reached the node, in the library's own measure.
    base
        What the leaves are added to.
    single
        Whether the library computes in float32: values are rounded to it before they are
        compared, and sums after each tree.
    tiny
        Values no further from 0 than this count as 0.
    """

    features: int
    roots: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    absent: NDArray[np.int64]
    absent_left: NDArray[np.bool_]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    value: NDArray[np.float64]
    cover: NDArray[np.float64]
    base: float = 0.0
    single: bool = False
    tiny: float = 0.0

    def check(self, path: Path) -> None:
        """Refuse trees that could not be followed: kernels know no bounds.

        Raises
        ------
        StateError
            If a child lies outside its tree or has two parents, a feature does not exist, or a
            number is not finite.
        """
        count = self.feature.shape[0]
        here, split = np.arange(count), self.split
        tree = np.repeat(np.arange(self.roots.shape[0] - 1), np.diff(self.roots))
        children = np.concatenate([self.left[split], self.right[split]])
        sound = (
            count > 0
            and self.roots[0] == 0
            and self.roots[-1] == count
            and bool((np.diff(self.roots) > 0).all())
            and bool((self.feature < self.features).all())
            and bool(((children >= 0) & (children < count)).all())
            and bool((tree[children] == np.tile(tree[split], 2)).all())
            # No node has two parents and a root has none, so what a root leads to is a tree.
            and np.unique(children).shape == children.shape
            and not bool(np.isin(self.roots[:-1], children).any())
            and bool((self.left[~split] == here[~split]).all())
            and bool((self.right[~split] == here[~split]).all())
            and bool(np.isfinite(self.value).all())
            and bool((np.isfinite(self.cover) & (self.cover >= 0)).all())
            and bool((self.cover[split] > 0).all())
            and not bool(np.isnan(self.threshold).any())
            and bool(np.isfinite(self.base))
        )
        if not sound:
            raise unreadable(path, "has a tree that cannot be followed")

    @property
    def split(self) -> NDArray[np.bool_]:
        """Which nodes are no leaves."""
        return self.feature >= 0


def unreadable(path: Path, why: str) -> StateError:
    """Error for a model file that cannot be served from."""
    return StateError(f"model file {why}", where=str(path), hint="restore it or train again")
