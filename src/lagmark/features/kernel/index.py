"""Open-addressing map from up to four integers to one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.features.kernel._jit import jit, prefetch
from lagmark.features.kernel.layout import I_A, I_B, I_C, I_SIZE, I_TAG, I_VALUE, INDEXED

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Ints

__all__ = ["find", "grow_index", "new_index", "prefetch_slot", "put"]


def new_index(entries: int) -> Any:
    """Empty index with room for a number of entries, shape (2**k, 5), int64."""
    size = 1 << max(4, int(2 * entries).bit_length())
    return np.zeros((size, I_SIZE), dtype=np.int64)


@jit
def _hash(index: Ints, tag: int, a: int, b: int, c: int) -> np.int64:
    """Slot where the search for a key begins."""
    h = np.uint64(a) * np.uint64(0x9E3779B97F4A7C15)
    h ^= h >> np.uint64(29)
    h = (h + np.uint64(b)) * np.uint64(0xBF58476D1CE4E5B9)
    h ^= h >> np.uint64(32)
    h = (h + np.uint64(c) + np.uint64(tag)) * np.uint64(0x94D049BB133111EB)
    h ^= h >> np.uint64(31)
    return np.int64(h & np.uint64(index.shape[0] - 1))


@jit
def _slot(index: Ints, tag: int, a: int, b: int, c: int) -> np.int64:
    mask = index.shape[0] - 1
    i = _hash(index, tag, a, b, c)
    while True:
        if index[i, I_TAG] == 0:
            return i
        if (
            index[i, I_A] == a
            and index[i, I_B] == b
            and index[i, I_C] == c
            and index[i, I_TAG] == tag
        ):
            return i
        i = (i + 1) & mask


@jit
def find(index: Ints, tag: int, a: int, b: int, c: int) -> int:
    """Value stored under a key, 0 if there is none."""
    i = _slot(index, tag, a, b, c)
    return index[i, I_VALUE] if index[i, I_TAG] != 0 else 0


@jit
def prefetch_slot(index: Ints, tag: int, a: int, b: int, c: int) -> None:
    """Prefetch the cells where the search for a key begins."""
    prefetch(index[_hash(index, tag, a, b, c)], I_TAG)


@jit
def put(mem: Ints, index: Ints, tag: int, a: int, b: int, c: int, value: int) -> None:
    """Store a value under a key; the caller keeps the index at most half full."""
    i = _slot(index, tag, a, b, c)
    if index[i, I_TAG] == 0:
        index[i, I_TAG] = tag
        index[i, I_A] = a
        index[i, I_B] = b
        index[i, I_C] = c
        mem[INDEXED] += 1
    index[i, I_VALUE] = value


@jit
def grow_index(mem: Ints, index: Ints, larger: Ints) -> None:
    """Move all entries into a larger, empty index."""
    mem[INDEXED] = 0
    for i in range(index.shape[0]):
        if index[i, I_TAG] != 0:
            put(
                mem,
                larger,
                index[i, I_TAG],
                index[i, I_A],
                index[i, I_B],
                index[i, I_C],
                index[i, I_VALUE],
            )
