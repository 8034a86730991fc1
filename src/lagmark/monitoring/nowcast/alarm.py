"""Whether labels and scores tell the same story of the latest cohorts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.monitoring.nowcast.usual import usual_rate, week_scatter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.monitoring.nowcast.cells import Cells
    from lagmark.monitoring.nowcast.drift import Drift
    from lagmark.monitoring.nowcast.level import Level
    from lagmark.monitoring.nowcast.settings import NowcastSettings

__all__ = ["BANDS", "USUAL", "Alarm", "Disagreement", "raise_alarm"]

USUAL = "usual"
"""Name of the comparison with the rate of older cohorts instead of the scores."""

BANDS = {"alerted": (0, 1), "rest": (2,), "all": (0, 1, 2)}
"""Strata that are compared together."""

_WINDOWS = (14, 28)
"""Ages in days up to which cohorts are compared."""

_LEANING = 2.0
"""Standardised difference of delays that counts together with a disagreement of its kind."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Known frauds of the latest cohorts beside those that the scores would have had known.

    Parameters
    ----------
    band
        Which events: alerted, rest or all; ``"usual"`` compares all with the rate of older cohorts.
    days
        Cohorts up to this age.
    known, due
        Frauds known, and frauds that should be known by now if scores (or the usual rate) and
        maturity were right.
    z
        Standardised difference; positive when more is known than was due.
    """

    band: str
    days: int
    known: int
    due: float
    z: float

    @property
    def log_ratio(self) -> float:
        """Logarithm of known over due, with half a fraud on either side."""
        return float(np.log((self.known + 0.5) / (self.due + 0.5)))


@dataclass(frozen=True, slots=True)
class Alarm:
    """Disagreements, delay drift, and what follows from them.

    Parameters
    ----------
    rings
        Whether a threshold was passed.
    causes
        Each in a few words.
    disagreements
        Every comparison that was made.
    drift
        Delays, recent and before.
    delays
        ``"slower"``, ``"faster"`` or empty: what is concluded of the delays.
    doubts_maturity, doubts_scores
        Why estimators that rest on maturity or on scores are not to be believed; else empty.
    """

    rings: bool
    causes: tuple[str, ...]
    disagreements: tuple[Disagreement, ...]
    drift: Drift
    delays: str
    doubts_maturity: str
    doubts_scores: str

    def between(self, band: str) -> float:
        """Square of the difference of a band beyond its own noise, mean of its comparisons."""
        squares = [
            one.log_ratio**2 * (1.0 - 1.0 / one.z**2)
            for one in self.disagreements
            if one.band == band and one.z != 0.0
        ]
        return max(0.0, float(np.mean(squares))) if squares else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Record for JSON."""
        return {
            "rings": self.rings,
            "causes": list(self.causes),
            "disagreements": [
                {
                    "band": one.band,
                    "days": one.days,
                    "known": one.known,
                    "due": one.due,
                    "z": one.z,
                }
                for one in self.disagreements
            ],
            "delay_drift": {
                "verdict": self.delays or self.drift.verdict,
                "flagged": self.drift.flagged,
                "z": self.drift.z,
                "stretch": self.drift.stretch,
                "labels": self.drift.labels,
            },
            "doubts_maturity": self.doubts_maturity,
            "doubts_scores": self.doubts_scores,
        }


def raise_alarm(cells: Cells, level: Level, drift: Drift, settings: NowcastSettings) -> Alarm:
    """Verdict on the witnesses.

    Labels and scores see the same cohorts from two sides. If more frauds are known than the
    scores had due, and delays have not moved, the scores miss something. If fewer are known,
    labels may be slow or fraud may have fallen: without a finding on delays nobody can tell, so
    both are doubted. If delays moved, the scores keep their word and maturity loses it. Labels that
    contradict the usual rate raise the alarm too, but cast no doubt: fraud may well have changed.

    Parameters
    ----------
    cells, level, drift
        What was seen.
    settings
        Thresholds.
    """
    everything = tuple(_compare(cells, level)) if level.days else ()
    found = [one for one in everything if one.band != USUAL]
    usual = [one for one in everything if one.band == USUAL and abs(one.z) >= settings.alarm_z]
    over = [one for one in found if one.z >= settings.alarm_z]
    under = [one for one in found if one.z <= -settings.alarm_z]
    causes, maturity, scores = [], "", ""
    delays = _delays(drift, over, under)
    if delays:
        causes.append(f"labels have become {delays}")
        maturity = f"labels have become {delays} than those it was developed on"
    if over:
        one = max(over, key=lambda each: each.z)
        causes.append(f"more frauds are known among {_name(one)} than the scores had due")
    if under:
        one = min(under, key=lambda each: each.z)
        causes.append(f"fewer frauds are known among {_name(one)} than the scores had due")
    if usual:
        one = max(usual, key=lambda each: abs(each.z))
        more = "more" if one.z > 0 else "fewer"
        causes.append(f"{more} frauds are known than the usual rate had due in {one.days} days")
    # A figure loses its word before the alarm rings: that costs less than a false one.
    if any(one.z >= settings.doubt_z for one in found) and delays != "faster":
        scores = "more frauds are already known than the scores would have it"
    if any(one.z <= -settings.doubt_z for one in found):
        if delays != "slower":
            scores = scores or "fewer frauds are known than the scores would have it"
        maturity = maturity or "labels may be slower, or fraud rarer: nobody can tell yet"
    return Alarm(bool(causes), tuple(causes), everything, drift, delays, maturity, scores)


def _delays(drift: Drift, over: list[Disagreement], under: list[Disagreement]) -> str:
    """Conclusion on the delays: the test alone, or a leaning of it that the counts bear out."""
    if drift.verdict in {"slower", "faster"}:
        return drift.verdict
    if under and not over and drift.z >= _LEANING:
        return "slower"
    # The mirror image is left out: a jump of fraud is likelier than labels that hurry.
    return ""


def _name(one: Disagreement) -> str:
    part = {"alerted": "alerted events", "rest": "events without alert", "all": "events"}
    return f"{part[one.band]} of the last {one.days} days"


def _compare(cells: Cells, level: Level) -> list[Disagreement]:
    seen = cells.visible
    rows = np.arange(cells.days.size)
    late = (rows > level.last) & (seen.scored.sum(axis=1) > 0)
    due = level.ratio[:, None, :] * cells.share * seen.expected[None, :, :]
    usual = usual_rate(cells)
    scatter = week_scatter(level, usual)
    found = []
    for days in _WINDOWS:
        inside = late & (cells.age <= days)
        if not inside.any():
            continue
        for band, strata in BANDS.items():
            columns = list(strata)
            each = due[:, inside][:, :, columns]
            known = float(seen.known[inside][:, columns].sum())
            daily = float((level.relative_variance[columns] * each[0] ** 2).sum())
            sums = each[0].sum(axis=0)
            weekly = sum(
                _weekly(each[0][:, place], scatter[column]) for place, column in enumerate(columns)
            )
            # The level was found on few weeks, which scatter as much as those it is held against.
            off = float((scatter[columns] * sums**2).sum()) / max(level.days / 7.0, 1.0)
            extra = max(daily, weekly) + off
            found.append(_one(cells, band, days, known, each.sum(axis=(1, 2)), extra))
        recent = (cells.age <= days) & (seen.events.sum(axis=1) > 0)
        if usual is not None:
            known = float(seen.known[recent].sum())
            extra = _weekly(usual.due[0, recent], usual.scatter)
            found.append(_one(cells, USUAL, days, known, usual.due[:, recent].sum(axis=1), extra))
    return found


def _weekly(mean: NDArray[np.float64], variance: float) -> float:
    """Variance of a sum of days whose weeks scatter together, youngest day last."""
    total = float(sum(part.sum() ** 2 for part in np.array_split(mean, -(-mean.size // 7))))
    return variance * total


def _one(
    cells: Cells, band: str, days: int, known: float, total: NDArray[np.float64], extra: float
) -> Disagreement:
    mean = float(total[0])
    # Process noise of the counts, scatter around the level, and noise of the parameters.
    variance = mean * cells.dispersion + extra + float(total[1:].var())
    # The square root makes the count's own noise the same whatever its mean.
    gap = 2.0 * (np.sqrt(known + 0.375) - np.sqrt(mean + 0.375))
    z = float(gap / np.sqrt(max(variance / max(mean, 1e-9), 1.0)))
    return Disagreement(band, days, int(known), mean, z)
