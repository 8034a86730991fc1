"""Trees from LightGBM's own model file, without LightGBM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lagmark.serving.trees.forest import Forest, unreadable

__all__ = ["read_lightgbm"]

_TINY = float(np.float32(1e-35))
"""LightGBM takes what is no further from 0 for 0."""


def read_lightgbm(path: Path) -> Forest:
    """Forest of a binary classifier stored as text.

    Parameters
    ----------
    path
        File written by ``Booster.save_model``.

    Raises
    ------
    StateError
        If the file cannot be read, or holds what this forest cannot say: another objective,
        categorical splits, linear leaves.
    """
    try:
        text = path.read_text()
        text, end, _ = text.partition("\nend of trees")
        head, *trees = text.split("\nTree=")
        facts = _pairs(head)
        if not end:
            raise ValueError("breaks off")  # noqa: TRY301 - one way out
        if facts["objective"].split() != ["binary", "sigmoid:1"] or "average_output" in head:
            raise ValueError("not plain trees with logistic loss")  # noqa: TRY301 - one way out
        return _forest(path, int(facts["max_feature_idx"]) + 1, [_pairs(tree) for tree in trees])
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        why = f"cannot be read ({type(error).__name__}: {str(error)[:80]})"
        raise unreadable(path, why) from error


def _pairs(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def _forest(path: Path, features: int, trees: list[dict[str, str]]) -> Forest:
    roots = [0]
    parts: list[dict[str, Any]] = []
    for tree in trees:
        parts.append(_tree(tree, roots[-1]))
        roots.append(roots[-1] + parts[-1]["feature"].shape[0])
    arrays: dict[str, Any] = {
        name: np.concatenate([part[name] for part in parts]) for name in parts[0]
    }
    forest = Forest(features=features, roots=np.array(roots), tiny=_TINY, **arrays)
    forest.check(path)
    return forest


def _tree(tree: dict[str, str], start: int) -> dict[str, Any]:
    leaves = int(tree["num_leaves"])
    if int(tree["num_cat"]) or int(tree.get("is_linear", "0")):
        raise ValueError("has categorical splits or linear leaves")
    splits = leaves - 1

    def numbers(name: str, kind: Any, size: int) -> Any:
        # A tree that is one leaf has no splits and may leave out its count.
        found = np.array(tree[name].split() if size else [], dtype=kind)
        if found.shape != (size,):
            raise ValueError(f"has a {name} of another length")
        return found

    decision = numbers("decision_type", np.int64, splits)
    child = np.concatenate(
        [[numbers(name, np.int64, splits)] for name in ("left_child", "right_child")]
    )
    # A child below 0 is a leaf, counted from -1 down; leaves come after all splits here.
    child = np.where(child < 0, splits - 1 - child, child)
    here = np.arange(splits, splits + leaves)
    return {
        "feature": np.concatenate(
            [numbers("split_feature", np.int64, splits), np.full(leaves, -1)]
        ),
        "threshold": np.concatenate([numbers("threshold", np.float64, splits), np.zeros(leaves)]),
        "absent": np.concatenate([decision >> 2 & 3, np.zeros(leaves, dtype=np.int64)]),
        "absent_left": np.concatenate([(decision & 2) > 0, np.zeros(leaves, dtype=np.bool_)]),
        "left": start + np.concatenate([child[0], here]),
        "right": start + np.concatenate([child[1], here]),
        "value": np.concatenate([np.zeros(splits), numbers("leaf_value", np.float64, leaves)]),
        "cover": np.concatenate(
            [
                numbers("internal_count", np.float64, splits),
                numbers("leaf_count", np.float64, leaves) if splits else np.ones(1),
            ]
        ),
    }
