"""A finished backtest as one typed result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.backtest.compare import compare
from lagmark.backtest.intervals import over_seeds

if TYPE_CHECKING:
    from lagmark.backtest.run import Plan
    from lagmark.backtest.store import ResultStore

__all__ = ["Study", "summarise"]

_CONTROL = ("estimate", "plain", "truth")


@dataclass(frozen=True, slots=True)
class Study:
    """What a backtest found.

    Parameters
    ----------
    source
        The world or data set.
    seeds
        Seeds that were run.
    evaluated
        First and last date, number of days, and ``k`` of card precision.
    costs
        What fraud, reviews and refusals cost.
    interval, confidence
        What the intervals are.
    policies
        By name, a reference last: ``settings``, ``reference`` (whether it was taught the truth),
        ``figures`` (value, low, high), ``relative_calibration`` (its calibration divided by that
        of the reference), ``per_seed``, ``daily`` (sums per day, mean over the seeds),
        ``retrainings``, ``control``, ``cost_curve``, ``reliability``.
    paired
        Differences b minus a of each pair, as the figures.
    label_delay
        Share of all frauds of which customer or bank have spoken, by age in days.
    fingerprint
        Of everything it follows from.
    """

    source: Mapping[str, Any]
    seeds: Sequence[int]
    evaluated: Mapping[str, Any]
    costs: Mapping[str, Any]
    interval: str
    confidence: float
    policies: Mapping[str, Mapping[str, Any]]
    paired: Sequence[Mapping[str, Any]]
    label_delay: Mapping[str, Any]
    fingerprint: str

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values."""
        return asdict(self)

    @property
    def candidates(self) -> list[str]:
        """Policies that could be chosen: all but the reference. The first is the baseline."""
        return [name for name, one in self.policies.items() if not one["reference"]]

    @property
    def reference(self) -> str | None:
        """The policy that was taught the truth."""
        return next((name for name, one in self.policies.items() if one["reference"]), None)

    def difference(self, a: str, b: str, figure: str) -> Mapping[str, float | None]:
        """Value, low and high of a figure of policy ``b`` minus that of ``a``."""
        for pair in self.paired:
            if (pair["a"], pair["b"]) == (a, b):
                found: Mapping[str, float | None] = pair["figures"][figure]
                return found
            if (pair["a"], pair["b"]) == (b, a):
                other = pair["figures"][figure]
                return {
                    "value": _minus(other["value"]),
                    "low": _minus(other["high"]),
                    "high": _minus(other["low"]),
                }
        raise KeyError((a, b))


def summarise(plan: Plan, store: ResultStore) -> Study:
    """Study of a backtest whose units are all finished."""
    # The others are compared with each other first.
    policies = sorted(plan.policies.policies, key=lambda policy: policy.reference)
    units = {p.name: [store.load(p.name, seed) for seed in plan.seeds] for p in policies}
    found = compare(
        units,
        plan.policies.costs,
        plan.policies.per_day,
        independent=plan.source.independent,
        reference=next((policy.name for policy in policies if policy.reference), None),
    )
    first = units[policies[0].name][0]
    dates = first["dates"]
    result = {}
    for policy in policies:
        listed = units[policy.name]
        part = found["policies"][policy.name]
        result[policy.name] = {
            "settings": policy.model_dump(mode="json"),
            "reference": policy.reference,
            "figures": part["figures"],
            "relative_calibration": part["relative_calibration"],
            "per_seed": [
                {"seed": unit["seed"], **raw}
                for unit, raw in zip(listed, part["per_seed"], strict=True)
            ],
            "daily": _mean_days(listed),
            "retrainings": [
                {"seed": unit["seed"], **one} for unit in listed for one in unit["retrainings"]
            ],
            "control": _control(listed),
            "cost_curve": _cost_curve(listed),
            "reliability": _reliability(listed),
        }
    return Study(
        source=plan.source.describe(),
        seeds=list(plan.seeds),
        evaluated={
            "first_date": dates[0],
            "last_date": dates[-1],
            "days": len(dates),
            "first_day": first["first_day"],
            "k": plan.policies.per_day,
            "dates": dates,
        },
        costs=plan.policies.costs.model_dump(mode="json"),
        interval=found["interval"],
        confidence=found["confidence"],
        policies=result,
        paired=found["paired"],
        label_delay=_delay([listed[0] for listed in units.values()][:1]),
        fingerprint=store.fingerprint,
    )


def _minus(value: float | None) -> float | None:
    return None if value is None else -value


def _mean_days(units: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    return {
        name: np.mean([unit["days"][name] for unit in units], axis=0).tolist()
        for name in units[0]["days"]
    }


def _control(units: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Estimates of every seed, their errors over the seeds, and how often intervals cover."""
    each = [{"seed": unit["seed"], **unit["control"]} for unit in units]
    errors = {
        f"{name}_error": asdict(
            over_seeds([None if one[name] is None else one[name] - one["truth"] for one in each])
        )
        for name in ("estimate", "plain")
    }
    covers = [one["covers"] for one in each if one["covers"] is not None]
    return {
        **{name: asdict(over_seeds([one[name] for one in each])) for name in _CONTROL},
        **errors,
        "covers": sum(covers) if covers else None,
        "plain_covers": sum(one["plain_covers"] for one in each),
        "of": len(each),
        "per_seed": each,
    }


def _cost_curve(units: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "alerts": points[0]["alerts"],
            "cost": asdict(over_seeds([one["cost"] for one in points])),
        }
        for points in zip(*(unit["cost_curve"] for unit in units), strict=True)
    ]


def _reliability(units: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
    return [
        {name: float(sum(one[name] for one in bins)) for name in bins[0]}
        for bins in zip(*(unit["reliability"] for unit in units), strict=True)
    ]


def _delay(units: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    delay: dict[str, Any] = dict(units[0]["label_delay"])
    return delay
