"""The Fraud Detection Handbook's published generating process, written afresh and vectorised."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from lagmark.errors import ConfigError

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

__all__ = ["HandbookScenario", "simulate_handbook"]

_DAY_SECONDS = 86_400
_BLOCK = 4_000_000
"""Customer-terminal distances held at once: bounds memory, does not change the result."""


@dataclass(frozen=True, slots=True)
class HandbookScenario:
    """Parameters of the handbook's process; the defaults are the published ones.

    Parameters
    ----------
    customers, terminals
        How many there are, placed uniformly on the plane.
    days
        Days simulated.
    start
        First day, ISO date.
    radius
        Customers pay at the terminals nearer than this, in units of the plane.
    side
        Side of the square plane.
    mean_amount
        Bounds of a customer's mean amount; the standard deviation is half of it.
    payments_per_day
        Bounds of a customer's mean number of payments a day.
    noon, spread
        Mean and standard deviation of the second of the day; what falls outside is dropped.
    high_amount
        Scenario 1: every payment above it is fraud.
    terminals_per_day, terminal_days
        Scenario 2: terminals compromised each day, and for how long.
    customers_per_day, customer_days, one_in, factor
        Scenario 3: customers compromised each day and for how long; one payment in ``one_in`` is
        multiplied by ``factor``.

    Raises
    ------
    ConfigError
        If a value is out of its range.

    Examples
    --------
    >>> HandbookScenario(days=10).radius
    5.0
    """

    customers: int = 5_000
    terminals: int = 10_000
    days: int = 183
    start: str = "2018-04-01"
    radius: float = 5.0
    side: float = 100.0
    mean_amount: tuple[float, float] = (5.0, 100.0)
    payments_per_day: tuple[float, float] = (0.0, 4.0)
    noon: float = _DAY_SECONDS / 2
    spread: float = 20_000.0
    high_amount: float = 220.0
    terminals_per_day: int = 2
    terminal_days: int = 28
    customers_per_day: int = 3
    customer_days: int = 14
    one_in: int = 3
    factor: int = 5

    def __post_init__(self) -> None:
        for name in ("customers", "terminals", "days", "terminal_days", "customer_days"):
            self._need(name, getattr(self, name) >= 1, "must be at least 1")
        for name in ("one_in", "factor"):
            self._need(name, getattr(self, name) >= 1, "must be at least 1")
        for name in ("radius", "side", "spread"):
            value = getattr(self, name)
            self._need(name, math.isfinite(value) and value > 0, "must be a positive number")
        self._need("noon", 0 <= self.noon < _DAY_SECONDS, "must lie within the day")
        self._need("high_amount", self.high_amount >= 0, "must not be negative")
        for name in ("mean_amount", "payments_per_day"):
            low, high = getattr(self, name)
            self._need(name, 0 <= low <= high < math.inf, "must be bounds 0 <= low <= high")
        for name, pool in (("terminals_per_day", "terminals"), ("customers_per_day", "customers")):
            drawn, available = getattr(self, name), getattr(self, pool)
            self._need(name, 0 <= drawn <= available, f"must lie between 0 and {pool}={available}")
        try:
            date.fromisoformat(self.start)
        except ValueError:
            self._need("start", holds=False, rule="must be an ISO date such as 2018-04-01")

    def _need(self, name: str, holds: bool, rule: str) -> None:
        if not holds:
            raise ConfigError(
                f"{name}={getattr(self, name)!r} {rule}",
                where="handbook simulator",
                hint="the published values are the defaults of HandbookScenario",
            )


def simulate_handbook(
    *,
    customers: int = 5_000,
    terminals: int = 10_000,
    days: int = 183,
    start: str = "2018-04-01",
    radius: float = 5.0,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    scenario: HandbookScenario | None = None,
) -> pl.DataFrame:
    """Payments with fraud by the handbook's published process.

    Parameters
    ----------
    customers, terminals, days, start, radius
        See :class:`HandbookScenario`.
    seed
        Same seed, same bytes; people, payments and frauds have random streams of their own.
    progress
        Called with (steps done, steps in all).
    scenario
        All parameters at once; the five above are then ignored.

    Returns
    -------
    polars.DataFrame
        Shape (payments, 9), ordered by time, with the published columns ``TRANSACTION_ID``,
        ``TX_DATETIME`` (no zone), ``CUSTOMER_ID``, ``TERMINAL_ID``, ``TX_AMOUNT`` (whole cents),
        ``TX_TIME_SECONDS``, ``TX_TIME_DAYS`` (since ``start``), ``TX_FRAUD`` and
        ``TX_FRAUD_SCENARIO`` (0 honest, else the latest scenario that touched the payment).

    Raises
    ------
    ConfigError
        If a parameter or the seed is out of its range.

    References
    ----------
    Le Borgne, Siblini, Lebichot and Bontempi, *Reproducible Machine Learning for Credit Card
    Fraud Detection: Practical Handbook*, chapter 3, "Transaction data simulator".

    Examples
    --------
    >>> frame = simulate_handbook(customers=50, terminals=500, days=7, radius=20.0, seed=1)
    >>> frame.width, frame["TX_TIME_DAYS"].max()
    (9, 6)
    """
    if seed < 0:
        raise ConfigError(f"seed={seed} must not be negative", where="handbook simulator")
    rules = scenario or HandbookScenario(
        customers=customers, terminals=terminals, days=days, start=start, radius=radius
    )
    tick = progress or (lambda _done, _total: None)
    people, payments, frauds = np.random.default_rng(seed).spawn(3)

    offsets, nearby, mean, rate = _people(rules, people)
    tick(1, 4)
    customer, terminal, seconds, cents = _payments(rules, offsets, nearby, mean, rate, payments)
    tick(2, 4)
    cause = _frauds(rules, customer, terminal, seconds, cents, frauds)
    tick(3, 4)
    frame = _frame(rules, customer, terminal, seconds, cents, cause)
    tick(4, 4)
    return frame


def _people(rules: HandbookScenario, rng: np.random.Generator) -> tuple[Ints, Ints, Floats, Floats]:
    """Customers' reachable terminals (offsets into a flat list), mean amounts and daily rates."""
    homes = rng.uniform(0.0, rules.side, (rules.customers, 2))
    mean = rng.uniform(*rules.mean_amount, rules.customers)
    rate = rng.uniform(*rules.payments_per_day, rules.customers)
    places = rng.uniform(0.0, rules.side, (rules.terminals, 2))
    counts: list[Ints] = []
    nearby: list[Ints] = []
    block = max(1, _BLOCK // rules.terminals)
    for first in range(0, rules.customers, block):
        part = homes[first : first + block]
        squared = (part[:, :1] - places[:, 0]) ** 2
        squared += (part[:, 1:] - places[:, 1]) ** 2
        rows, columns = np.nonzero(squared < rules.radius**2)
        counts.append(np.bincount(rows, minlength=len(part)))
        nearby.append(columns)
    offsets = np.concatenate(([0], np.cumsum(np.concatenate(counts))))
    return offsets, np.concatenate(nearby), mean, rate


def _payments(
    rules: HandbookScenario,
    offsets: Ints,
    nearby: Ints,
    mean: Floats,
    rate: Floats,
    rng: np.random.Generator,
) -> tuple[Ints, Ints, Ints, Ints]:
    """Customer, terminal, second since start and cents of each honest payment, in time order."""
    per_day = rng.poisson(rate[:, None], (rules.customers, rules.days)).ravel()
    slot = np.repeat(np.arange(per_day.size), per_day)
    second = rng.normal(rules.noon, rules.spread, slot.size).astype(np.int64)
    customer = slot // rules.days
    reachable = np.diff(offsets)
    kept = (second > 0) & (second < _DAY_SECONDS) & (reachable[customer] > 0)
    customer, second, day = customer[kept], second[kept], (slot % rules.days)[kept]
    mu = mean[customer]
    amount = rng.normal(mu, mu / 2)
    # Drawn for every payment, used by the negative ones: no draw depends on another's outcome.
    amount = np.where(amount < 0, rng.uniform(0.0, 2 * mu), amount)
    terminal = nearby[offsets[customer] + rng.integers(0, reachable[customer])]
    seconds = day * _DAY_SECONDS + second
    order = np.argsort(seconds, kind="stable")
    cents = np.rint(amount * 100).astype(np.int64)
    return customer[order], terminal[order], seconds[order], cents[order]


def _frauds(
    rules: HandbookScenario,
    customer: Ints,
    terminal: Ints,
    seconds: Ints,
    cents: Ints,
    rng: np.random.Generator,
) -> npt.NDArray[np.int8]:
    """Scenario of each payment (0 honest); raises the amounts of scenario 3 in place.

    As published, a later scenario overwrites an earlier one, a payment may be raised twice, and
    the last day compromises nobody new.
    """
    day = seconds // _DAY_SECONDS
    cause = np.where(cents > rules.high_amount * 100, 1, 0).astype(np.int8)
    find = _Visits(terminal, day, rules.terminals)
    for first in range(rules.days - 1):
        for chosen in rng.choice(rules.terminals, rules.terminals_per_day, replace=False):
            cause[find.between(chosen, first, first + rules.terminal_days)] = 2
    find = _Visits(customer, day, rules.customers)
    for first in range(rules.days - 1):
        chosen = rng.choice(rules.customers, rules.customers_per_day, replace=False)
        last = first + rules.customer_days
        rows = np.concatenate([find.between(one, first, last) for one in chosen] or [day[:0]])
        hit = rng.choice(rows, rows.size // rules.one_in, replace=False) if rows.size else rows
        cents[hit] *= rules.factor
        cause[hit] = 3
    return cause


class _Visits:
    """Rows of one customer or terminal between two days."""

    def __init__(self, entity: Ints, day: Ints, entities: int) -> None:
        self._order = np.argsort(entity, kind="stable")
        self._start = np.searchsorted(entity[self._order], np.arange(entities + 1))
        self._day = day

    def between(self, entity: int, first: int, end: int) -> Ints:
        """Rows with first <= day < end, in time order."""
        rows = self._order[self._start[entity] : self._start[entity + 1]]
        low, high = np.searchsorted(self._day[rows], (first, end))
        return rows[low:high]


def _frame(
    rules: HandbookScenario,
    customer: Ints,
    terminal: Ints,
    seconds: Ints,
    cents: Ints,
    cause: npt.NDArray[np.int8],
) -> pl.DataFrame:
    import polars as pl

    instants = np.datetime64(rules.start, "us") + seconds.astype("timedelta64[s]")
    return pl.DataFrame(
        {
            "TRANSACTION_ID": np.arange(seconds.size),
            "TX_DATETIME": instants,
            "CUSTOMER_ID": customer.astype(np.int32),
            "TERMINAL_ID": terminal.astype(np.int32),
            "TX_AMOUNT": cents / 100,
            "TX_TIME_SECONDS": seconds.astype(np.int32),
            "TX_TIME_DAYS": (seconds // _DAY_SECONDS).astype(np.int32),
            "TX_FRAUD": (cause > 0).astype(np.int8),
            "TX_FRAUD_SCENARIO": cause,
        }
    )
