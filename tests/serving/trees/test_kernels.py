"""Kernels against plain trees, and against Shapley values by their definition."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lagmark.errors import DataError, StateError
from lagmark.serving.scoring import TreeScorer
from lagmark.serving.trees import Forest
from lagmark.serving.trees.calibrate import IDENTITY, Curve
from lagmark.serving.trees.lanes import LANES

from .plain import expected, random_forest, random_rows, shapley

PLAIN = Curve(IDENTITY, 1.0, 0.0, np.empty(0), np.empty(0), 1e-9, 0.0)


def scorer(forest: Forest) -> TreeScorer:
    names = [f"f{i}" for i in range(forest.features)]
    return TreeScorer(forest, PLAIN, version="1", kind="x", contract_hash="c", names=names)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    trees=st.sampled_from([1, 2, 5, LANES, LANES + 1]),
    depth=st.integers(0, 6),
    single=st.booleans(),
)
def test_contributions_are_shapley_values(seed: int, trees: int, depth: int, single: bool) -> None:
    rng = np.random.default_rng(seed)
    forest = random_forest(rng, features=4, trees=trees, depth=depth, single=single)
    forest.check(Path("model"))
    X = random_rows(rng, 3, 4)
    found = scorer(forest).contributions(X)
    for x, values in zip(X, found, strict=True):
        assert np.abs(values - shapley(forest, x)).max() < 1e-5


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    trees=st.sampled_from([1, 3, 4, 7, 40]),
    depth=st.integers(0, 12),
    single=st.booleans(),
)
def test_probabilities_are_those_of_plain_trees(
    seed: int, trees: int, depth: int, single: bool
) -> None:
    rng = np.random.default_rng(seed)
    forest = random_forest(rng, features=5, trees=trees, depth=depth, single=single)
    X = random_rows(rng, 20, 5)
    everything = frozenset(range(5))
    kind = np.float32 if single else np.float64
    for x, probability in zip(X, scorer(forest).probabilities(X), strict=True):
        total = kind(forest.base)
        for root in forest.roots[:-1]:
            total = kind(total + kind(expected(forest, int(root), x, everything)))
        assert probability == pytest.approx(1 / (1 + np.exp(-np.float64(total))), rel=2e-6)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32))
def test_a_row_has_the_same_bits_in_any_company(seed: int) -> None:
    rng = np.random.default_rng(seed)
    forest = random_forest(rng, features=6, trees=40, depth=7, single=True)
    one, X = scorer(forest), random_rows(rng, 33, 6)
    among = (one.probabilities(X), one.contributions(X), *one.top_contributions(X, 3))
    for i in rng.permutation(33):
        row = X[i : i + 1]
        alone = (one.probabilities(row), one.contributions(row), *one.top_contributions(row, 3))
        for a, b in zip(alone, among, strict=True):
            assert a[0].tobytes() == b[i].tobytes()


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32), k=st.integers(0, 8))
def test_top_contributions_are_the_greatest_positive_ones(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    forest = random_forest(rng, features=6, trees=3, depth=3, single=False)
    one, X = scorer(forest), random_rows(rng, 5, 6)
    columns, parts = one.top_contributions(X, k)
    for values, where, found in zip(one.contributions(X), columns, parts, strict=True):
        wanted = [j for j in np.argsort(-values[:-1], kind="stable") if values[j] > 0][:k]
        assert where.tolist() == wanted + [-1] * (k - len(wanted))
        assert found.tolist() == [values[j] for j in wanted] + [0.0] * (k - len(wanted))


def test_deep_chains_are_exact() -> None:
    # One split after the other by new features: the quadrature needs a point for every two.
    rng = np.random.default_rng(5)
    depth = 9
    here = np.arange(2 * depth + 1)
    split = here < depth
    forest = Forest(
        features=depth,
        roots=np.array([0, here.shape[0]]),
        feature=np.where(split, here, -1),
        threshold=np.zeros(here.shape[0]),
        absent=np.full(here.shape[0], 2),
        absent_left=np.zeros(here.shape[0], dtype=bool),
        left=np.where(split, np.where(here == depth - 1, 2 * depth, here + 1), here),
        right=np.where(split, depth + here, here),
        value=np.where(split, 0.0, rng.normal(size=here.shape[0])),
        cover=2.0 ** np.where(split, depth - here, np.maximum(2 * depth - 1 - here, 0)),
    )
    forest.check(Path("model"))
    for x in random_rows(rng, 4, depth):
        values = scorer(forest).contributions(x[None])[0]
        assert np.abs(values - shapley(forest, x)).max() < 1e-5


def test_infinite_and_misshapen_rows_are_refused() -> None:
    forest = random_forest(np.random.default_rng(0), features=3, trees=2, depth=2, single=True)
    one = scorer(forest)
    for ask in (one.probabilities, one.contributions, lambda X: one.top_contributions(X, 2)):
        with pytest.raises(DataError, match="feature f1: infinite value"):
            ask(np.array([[0.0, 1.0, 2.0], [0.0, -np.inf, np.nan]]))
        with pytest.raises(DataError, match=r"expected \(n, 3\)"):
            ask(np.zeros((1, 4)))
        ask(np.empty((0, 3)))


def test_other_layouts_read_the_same() -> None:
    rng = np.random.default_rng(1)
    one = scorer(random_forest(rng, features=3, trees=5, depth=4, single=True))
    X = random_rows(rng, 8, 3)
    assert one.probabilities(np.asfortranarray(X)).tobytes() == one.probabilities(X).tobytes()
    assert one.probabilities(X[::2]).tobytes() == one.probabilities(X)[::2].tobytes()


def test_names_must_fit() -> None:
    forest = random_forest(np.random.default_rng(0), features=3, trees=1, depth=1, single=True)
    with pytest.raises(StateError, match="reads 3 features"):
        TreeScorer(forest, PLAIN, version="1", kind="x", contract_hash="c", names=["a"])


@pytest.mark.parametrize(
    "change",
    [
        {"left": (0, 99)},
        {"left": (0, 0)},
        {"right": (0, -1)},
        {"feature": (0, 7)},
        {"cover": (0, 0.0)},
        {"cover": (0, np.nan)},
        {"value": (1, np.inf)},
        {"threshold": (0, np.nan)},
    ],
)
def test_trees_that_cannot_be_followed_are_refused(change: dict[str, tuple[int, float]]) -> None:
    rng = np.random.default_rng(0)
    forest = random_forest(rng, features=3, trees=1, depth=0, single=True)
    while forest.feature[0] < 0:
        forest = random_forest(rng, features=3, trees=1, depth=2, single=True)
    for name, (where, value) in change.items():
        getattr(forest, name)[where] = value
    with pytest.raises(StateError, match="cannot be followed"):
        forest.check(Path("model"))
