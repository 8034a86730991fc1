"""Trees from XGBoost's own model file, without XGBoost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lagmark.serving.trees.forest import NAN, Forest, unreadable
from lagmark.serving.trees.ubjson import loads

__all__ = ["read_xgboost"]


def read_xgboost(path: Path) -> Forest:
    """Forest of a binary classifier stored as UBJSON (``.ubj``).

    Parameters
    ----------
    path
        File written by ``Booster.save_model``.

    Raises
    ------
    StateError
        If the file cannot be read, or holds what this forest cannot say: another objective or
        booster, categorical splits, several outputs.
    """
    try:
        learner = loads(path.read_bytes())["learner"]
        return _forest(path, learner)
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        why = f"cannot be read ({type(error).__name__}: {str(error)[:80]})"
        raise unreadable(path, why) from error


def _forest(path: Path, learner: dict[str, Any]) -> Forest:
    params = learner["learner_model_param"]
    booster = learner["gradient_booster"]
    if learner["objective"]["name"] != "binary:logistic" or booster["name"] != "gbtree":
        raise ValueError("not plain trees with logistic loss")
    trees = booster["model"]["trees"]
    if any(weight != 1 for weight in booster["model"].get("weight_drop", ())):
        raise ValueError("has trees of different weights")
    if any(len(tree["categories"]) for tree in trees):
        raise ValueError("has categorical splits")
    if any(int(tree["tree_param"]["size_leaf_vector"]) > 1 for tree in trees):
        raise ValueError("has several outputs")
    sizes = [len(tree["left_children"]) for tree in trees]
    roots = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
    start = np.repeat(roots[:-1], sizes)

    def joined(name: str, kind: Any) -> Any:
        parts = [np.asarray(tree[name], dtype=kind) for tree in trees]
        if [part.shape[0] for part in parts] != sizes:
            raise ValueError(f"has a {name} of another length")
        return np.concatenate(parts) if parts else np.empty(0, dtype=kind)

    left, right = joined("left_children", np.int64), joined("right_children", np.int64)
    condition = joined("split_conditions", np.float32)
    leaf, here = left == -1, np.arange(left.shape[0])
    forest = Forest(
        features=int(params["num_feature"]),
        roots=roots,
        feature=np.where(leaf, -1, joined("split_indices", np.int64)),
        # XGBoost goes left below a threshold: up to the float32 before it.
        threshold=np.nextafter(condition, np.float32(-np.inf)).astype(np.float64),
        absent=np.full(left.shape[0], NAN),
        absent_left=joined("default_left", np.bool_),
        left=np.where(leaf, here, start + left),
        right=np.where(leaf, here, start + right),
        value=np.where(leaf, condition, 0).astype(np.float64),
        cover=joined("sum_hessian", np.float64),
        base=_base(params["base_score"]),
        single=True,
    )
    forest.check(path)
    return forest


def _base(text: str) -> float:
    # A list of one since version 3.1, a plain number before.
    share = np.float32(text.strip("[]"))
    if not 0 < share < 1:
        raise ValueError(f"has a base score of {share}")
    return float(-np.log(np.float32(1) / share - np.float32(1)))
