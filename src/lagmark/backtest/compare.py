"""Policies side by side: figures with intervals, and paired differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.backtest.figures import FIGURES, figures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.backtest.policy import Costs

__all__ = ["CONFIDENCE", "Interval", "compare", "over_seeds"]

CONFIDENCE = 0.95
_RESAMPLES = 1000
_BLOCK = 7
"""Days that are drawn together: weeks have a rhythm, and fraud comes in campaigns."""

Unit = Mapping[str, Any]
Sums = dict[str, "NDArray[np.float64]"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and the ends of its interval; ``None`` where there is none.

    Parameters
    ----------
    value
        Mean over the seeds.
    low, high
        Ends of the interval.
    """

    value: float | None
    low: float | None = None
    high: float | None = None


def over_seeds(values: Sequence[float | None]) -> Interval:
    """Mean of one value per seed with Student's interval; seeds without a value are left out."""
    known = np.array([value for value in values if value is not None], dtype=np.float64)
    if known.size == 0:
        return Interval(None)
    mean = float(known.mean())
    if known.size == 1:
        return Interval(mean)
    from scipy.stats import t

    half = float(t.ppf(0.5 + CONFIDENCE / 2, known.size - 1)) * float(
        known.std(ddof=1) / np.sqrt(known.size)
    )
    return Interval(mean, mean - half, mean + half)


def compare(
    units: Mapping[str, Sequence[Unit]], costs: Costs, k: int, *, independent: bool
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

    Returns
    -------
    dict
        ``interval`` (what the intervals are), ``policies`` by name (``figures``, ``per_seed``)
        and ``paired`` (``a``, ``b``, and ``figures`` with the difference b minus a).
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

    def interval(pick: Callable[[Any, str], Any], figure: str) -> Interval:
        found = over_seeds([pick(seed, figure) for seed in range(seeds)])
        if drawn is None or found.value is None:
            return found
        values = [pick(resample, figure) for resample in range(seeds, seeds + _RESAMPLES)]
        known = [value for value in values if value is not None]
        if not known:
            return Interval(found.value)
        ends = np.quantile(known, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        return Interval(found.value, float(ends[0]), float(ends[1]))

    # Resamples stand behind the seeds, so that one index names either.
    extended = {
        name: [*listed, *(drawn[name] if drawn is not None else [])] for name, listed in raw.items()
    }

    def single(name: str) -> Callable[[Any, str], Any]:
        return lambda index, figure: extended[name][index].get(figure)

    def difference(a: str, b: str) -> Callable[[Any, str], Any]:
        def pick(index: Any, figure: str) -> float | None:
            first, second = extended[a][index].get(figure), extended[b][index].get(figure)
            return None if first is None or second is None else second - first

        return pick

    return {
        "interval": (
            f"Student's over {seeds} seeds"
            if by_seed
            else f"bootstrap of {_BLOCK}-day blocks, {_RESAMPLES} resamples"
        ),
        "confidence": CONFIDENCE,
        "policies": {
            name: {
                "figures": {f: asdict(interval(single(name), f)) for f in names},
                "per_seed": raw[name],
            }
            for name in units
        },
        "paired": [
            {
                "a": a,
                "b": b,
                "figures": {f: asdict(interval(difference(a, b), f)) for f in names},
            }
            for a, b in combinations(units, 2)
        ],
    }


def _arrays(unit: Unit) -> Sums:
    return {name: np.asarray(values, dtype=np.float64) for name, values in unit["days"].items()}


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
