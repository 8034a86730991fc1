"""Great-circle distance from additions, multiplications, divisions and square roots alone.

Library sines differ in the last bit between machines and languages; IEEE operations do not.
"""

from __future__ import annotations

import math

from lagmark.features.kernel._jit import jit

__all__ = ["EARTH_RADIUS_M", "metres_between"]

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the Earth, IUGG."""

_PI = math.pi
_RADIANS = math.pi / 180.0


@jit
def _sine_cosine(angle: float) -> tuple[float, float]:
    """Sine and cosine by Taylor series after reduction to a quarter turn around zero."""
    half_pi = _PI / 2.0
    quadrant = math.floor(angle / half_pi + 0.5)
    a = angle - quadrant * half_pi
    square = a * a
    sine = 1.0
    cosine = 1.0
    for k in range(10, 0, -1):
        sine = 1.0 - sine * square / ((2.0 * k) * (2.0 * k + 1.0))
        cosine = 1.0 - cosine * square / ((2.0 * k - 1.0) * (2.0 * k))
    sine *= a
    turn = quadrant % 4
    if turn == 0:
        return sine, cosine
    if turn == 1:
        return cosine, -sine
    if turn == 2:
        return -sine, -cosine
    return -cosine, sine


@jit
def _arc_sine(s: float) -> float:
    """Arc sine of 0..1 by Newton's method; near one through the half angle."""
    if s > 0.7:
        return _PI / 2.0 - 2.0 * _arc_sine_small(math.sqrt((1.0 - s) / 2.0))
    return _arc_sine_small(s)


@jit
def _arc_sine_small(s: float) -> float:
    y = s + s * s * s / 6.0
    for _ in range(4):
        sine, cosine = _sine_cosine(y)
        y -= (sine - s) / cosine
    return y


@jit
def metres_between(lat1: float, lon1: float, lat2: float, lon2: float) -> int:
    """Haversine distance of two points in degrees, whole metres, halves up.

    Source: R. W. Sinnott, Virtues of the Haversine, Sky and Telescope 68 (1984).
    """
    s_lat, _ = _sine_cosine((lat2 - lat1) * _RADIANS / 2.0)
    s_lon, _ = _sine_cosine((lon2 - lon1) * _RADIANS / 2.0)
    _, c1 = _sine_cosine(lat1 * _RADIANS)
    _, c2 = _sine_cosine(lat2 * _RADIANS)
    h = s_lat * s_lat + c1 * c2 * s_lon * s_lon
    return math.floor(2.0 * EARTH_RADIUS_M * _arc_sine(min(1.0, math.sqrt(h))) + 0.5)
