"""Policies side by side: figures with intervals, and paired differences."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.backtest.figures import FIGURES, figures
from lagmark.backtest.intervals import CONFIDENCE, Interval, Pooled, over_seeds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.backtest.policy import Costs

__all__ = ["compare"]

_RESAMPLES = 1000
_BLOCK = 7
"""Days that are drawn together: weeks have a rhythm, and fraud comes in campaigns."""

_POOLED = {"calibration": ("predicted", "frauds")}
"""Figures that are ratios of sums over all seeds, and the sums."""

Unit = Mapping[str, Any]
Sums = dict[str, "NDArray[np.float64]"]


def compare(
    units: Mapping[str, Sequence[Unit]],
    costs: Costs,
    k: int,
    *,
    independent: bool,
    reference: str | None = None,
) -> dict[str, Any]:
    """Figures of all policies, and the differences of each pair.

    Parameters
    ----------
    units
        Results of :func:`lagmark.backtest.evaluate.evaluate_unit` by policy, one per seed, the
        seeds in the same order.
    costs, k
        What the figures take.
    independent
        Whether every seed is a world of its own. The intervals are then Student's over the
        seeds; with one seed, or one data set, weeks of days are drawn with replacement, the same
        for all policies.
    reference
        Policy that was taught the truth.

    Returns
    -------
    dict
        ``interval`` (what the intervals are), ``policies`` by name (``figures``, ``per_seed``, and
        ``relative_calibration``: predicted over actual, divided by that of the reference) and
        ``paired`` (``a``, ``b``, and ``figures`` with the difference b minus a).
    """
    sums = {name: [_arrays(unit) for unit in listed] for name, listed in units.items()}
    raw = {
        name: [
            figures(days, costs, k) | {"average_precision": unit["average_precision"]}
            for days, unit in zip(sums[name], listed, strict=True)
        ]
        for name, listed in units.items()
    }
    seeds = min(len(listed) for listed in units.values())
    by_seed = independent and seeds > 1
    drawn = None if by_seed else _resampled(sums, costs, k)
    names = [*FIGURES, "average_precision"]

    # Resamples stand behind the seeds, so that one index names either.
    extended = {
        name: [*listed, *(drawn[name] if drawn is not None else [])] for name, listed in raw.items()
    }

    def interval(figure: str, of: Callable[..., Any], *chosen: str) -> Interval:
        """A function of one figure of some policies."""

        def at(index: int) -> float | None:
            values = [extended[name][index].get(figure) for name in chosen]
            return None if None in values else of(*values)

        if figure in _POOLED:
            ratios = [_pooled(sums[name], *_POOLED[figure]) for name in chosen]
            ratio = None if None in ratios else of(*ratios)
            found = Interval(None) if ratio is None else ratio.interval()
        else:
            found = over_seeds([at(seed) for seed in range(seeds)])
        if drawn is None or found.value is None:
            return found
        values = [at(resample) for resample in range(seeds, seeds + _RESAMPLES)]
        known = [value for value in values if value is not None]
        if not known:
            return Interval(found.value)
        ends = np.quantile(known, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        return Interval(found.value, float(ends[0]), float(ends[1]))

    def relative(name: str) -> dict[str, Any] | None:
        if reference in (None, name):
            return None
        return asdict(interval("calibration", _quotient, name, str(reference)))

    return {
        "interval": (
            f"Student's over {seeds} seeds"
            if by_seed
            else f"bootstrap of {_BLOCK}-day blocks, {_RESAMPLES} resamples"
        ),
        "confidence": CONFIDENCE,
        "policies": {
            name: {
                "figures": {f: asdict(interval(f, lambda value: value, name)) for f in names},
                "per_seed": raw[name],
                "relative_calibration": relative(name),
            }
            for name in units
        },
        "paired": [
            {
                "a": a,
                "b": b,
                "figures": {f: asdict(interval(f, operator.sub, b, a)) for f in names},
            }
            for a, b in combinations(units, 2)
        ],
    }


def _arrays(unit: Unit) -> Sums:
    return {name: np.asarray(values, dtype=np.float64) for name, values in unit["days"].items()}


def _quotient(value: Any, reference: Any) -> Any:
    return value / reference if reference else None


def _pooled(days: Sequence[Sums], top: str, bottom: str) -> Pooled | None:
    return Pooled.of(*([float(one[name].sum()) for one in days] for name in (top, bottom)))


def _resampled(
    sums: Mapping[str, Sequence[Sums]], costs: Costs, k: int
) -> dict[str, list[dict[str, float | None]]]:
    """Figures of every policy, averaged over its seeds, on the same resampled days."""
    first = next(iter(sums.values()))[0]
    size = len(first["events"])
    mean = {
        name: {column: np.mean([days[column] for days in listed], axis=0) for column in listed[0]}
        for name, listed in sums.items()
    }
    rng = np.random.default_rng(0)
    blocks = max(-(-size // _BLOCK), 1)
    found: dict[str, list[dict[str, float | None]]] = {name: [] for name in sums}
    for _ in range(_RESAMPLES):
        starts = rng.integers(0, size, blocks)
        # Blocks run on at the beginning, so that every day is drawn as often as any other.
        drawn = ((starts[:, None] + np.arange(_BLOCK)) % size).ravel()[:size]
        weights = np.bincount(drawn, minlength=size).astype(np.float64)
        for name, days in mean.items():
            found[name].append(figures(days, costs, k, weights))
    return found
