"""What is paid for: the categories of card payments, with usual amounts and hours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["CATEGORIES", "CATEGORY_NAMES", "MEDIANS", "ONLINE", "SHARES", "SIGMAS", "Category"]


@dataclass(frozen=True, slots=True)
class Category:
    """One kind of merchant.

    Parameters
    ----------
    name
        Name in the events.
    share
        Share of all payments.
    median, sigma
        Lognormal amount in currency units.
    hours
        Name of its daily rhythm.
    online
        Whether it is paid at a distance.
    season
        How much it gains in December relative to June.
    """

    name: str
    share: float
    median: float
    sigma: float
    hours: str
    online: bool = False
    season: float = 0.0


CATEGORIES = (
    Category("gas_transport", 0.10, 42.0, 0.45, "roads", season=-0.3),
    Category("grocery_pos", 0.15, 38.0, 0.70, "shops", season=0.1),
    Category("grocery_net", 0.04, 48.0, 0.55, "online", online=True),
    Category("food_dining", 0.14, 22.0, 0.65, "meals"),
    Category("shopping_pos", 0.09, 40.0, 0.95, "shops", season=0.8),
    Category("shopping_net", 0.10, 36.0, 1.00, "online", online=True, season=1.0),
    Category("misc_pos", 0.06, 20.0, 0.95, "shops"),
    Category("misc_net", 0.07, 18.0, 1.05, "online", online=True, season=0.4),
    Category("home", 0.05, 55.0, 0.85, "shops", season=-0.2),
    Category("kids_pets", 0.05, 35.0, 0.75, "shops", season=0.6),
    Category("health_fitness", 0.05, 35.0, 0.70, "shops", season=-0.2),
    Category("personal_care", 0.04, 28.0, 0.65, "shops"),
    Category("entertainment", 0.05, 28.0, 0.80, "leisure", season=0.3),
    Category("travel", 0.01, 95.0, 1.00, "leisure", season=-0.8),
)

CATEGORY_NAMES = tuple(each.name for each in CATEGORIES)
SHARES = np.array([each.share for each in CATEGORIES])
MEDIANS = np.array([each.median for each in CATEGORIES])
SIGMAS = np.array([each.sigma for each in CATEGORIES])
ONLINE = np.array([each.online for each in CATEGORIES])
