"""The score from 1 to 99 that people see, and the four levels of risk it falls into."""

from __future__ import annotations

import math

from lagmark.errors import DataError
from lagmark.schema.decision import Level

__all__ = ["BANDS", "level", "score"]

BANDS = ((50, Level.CRITICAL), (38, Level.HIGH), (26, Level.MEDIUM))
"""Least score of each level above the lowest: rather fraud than not, 1 in 10, 1 in 100."""

_EDGE = 1e-9
"""Probabilities nearer to 0 or 1 have no log-odds worth telling apart."""

_POINTS = 12.25
"""Points for each factor of ten in the odds."""


def score(probability: float) -> int:
    """Score 1 to 99 of a calibrated probability.

    50 is even odds, and every factor of ten in the odds of fraud is 12.25 points, rounded: odds
    of 1 to 10,000 and less score 1, of 10,000 to 1 and more 99. A higher probability never scores
    lower.

    Raises
    ------
    DataError
        If the probability is NaN.

    Examples
    --------
    >>> [score(p) for p in (0.0, 0.001, 0.01, 0.1, 0.5, 0.9, 1.0)]
    [1, 13, 26, 38, 50, 62, 99]
    """
    if math.isnan(probability):
        raise DataError("probability is NaN", where="score")
    p = min(max(probability, _EDGE), 1.0 - _EDGE)
    odds = math.log(p) - math.log1p(-p)
    return min(max(round(50.0 + _POINTS * odds / math.log(10.0)), 1), 99)


def level(score: int) -> Level:
    """Level of a score.

    Below 26, less than 1 in 100, the risk is low; below 38, less than 1 in 10, medium; below 50,
    less likely fraud than not, high; from there on critical.

    Examples
    --------
    >>> [level(s).value for s in (1, 25, 26, 38, 50, 99)]
    ['low', 'low', 'medium', 'high', 'critical', 'critical']
    """
    for least, name in BANDS:
        if score >= least:
            return name
    return Level.LOW
