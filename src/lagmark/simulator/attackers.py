"""Who commits fraud: campaigns begin, wait for their day, and change when they are blocked.

And who only looks like it: honest people who act like a fraudster for once.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from lagmark.schema.time import DAY
from lagmark.simulator.draws import Part, stream
from lagmark.simulator.evasion import evaded
from lagmark.simulator.traffic import NOBODY, Act, Traffic
from lagmark.simulator.typologies import TYPOLOGIES, Scene

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lagmark.simulator.bank import Bank
    from lagmark.simulator.life import Life
    from lagmark.simulator.people import People
    from lagmark.simulator.places import Merchants
    from lagmark.simulator.scenario import Scenario

__all__ = ["CODES", "WARM_UP", "Attackers"]

CODES = {name: code for code, name in enumerate(TYPOLOGIES)}
"""Number of each typology in :class:`Traffic`."""
WARM_UP = 6
"""Days before the first on which campaigns may begin, so that the first days are like others."""

_REMEMBERED_DAYS = 7
"""Days after which a block no longer reaches the attacker."""
_LESSON_DAYS = 14
"""Days over which attackers judge how much of a typology is blocked."""
_OWN_ACCESS = 0.5
"""Share of lookalikes who use their own device and address where a fraudster comes on another."""
_SECOND_ROUND = 50
"""Offset of the streams that replace campaigns which found nobody to attack."""


class Attackers:
    """Campaigns of a world.

    Parameters
    ----------
    scenario, people, life, merchants, bank
        The world; ``bank`` where the domain has balances.
    usual
        Mean amount of each person's payments, minor units.
    wanted
        Expected fraud events that begin on a day, from ``-WARM_UP`` on.
    lookalikes
        Expected honest events of the same kinds, likewise.
    seed
        Seed of the world.
    """

    def __init__(
        self,
        scenario: Scenario,
        people: People,
        life: Life,
        merchants: Merchants,
        bank: Bank | None,
        usual: NDArray[np.float64],
        wanted: Sequence[float],
        lookalikes: Sequence[float],
        seed: int,
    ) -> None:
        self._scenario = scenario
        self._people = people
        self._life = life
        self._merchants = merchants
        self._bank = bank
        self._usual = usual
        self._wanted = wanted
        self._lookalikes = lookalikes
        self._seed = seed
        self._campaigns = 0
        self._pending = Traffic.empty()
        self._issued: deque[tuple[NDArray[np.int64], Traffic]] = deque(maxlen=_REMEMBERED_DAYS)
        self._lessons: deque[tuple[NDArray[np.int64], NDArray[np.int64]]]
        self._lessons = deque(maxlen=_LESSON_DAYS)
        for day in range(-WARM_UP, 0):
            self._begin(day)

    def react(self, day: int, blocked: NDArray[np.int64]) -> None:
        """Learn which events of earlier days were blocked, by their numbers.

        Where attackers adapt, remaining events of a blocked campaign change amount, timing or
        channel, some of the blocked ones are tried again in such a way, and new campaigns of a
        typology that is often blocked begin more carefully.
        """
        kinds = len(TYPOLOGIES)
        struck = Traffic.join(
            [events.take(np.isin(numbers, blocked)) for numbers, events in self._issued]
        )
        tried = self._issued[-1][1].typology if self._issued else np.empty(0, np.int8)
        self._lessons.append(
            (np.bincount(struck.typology, minlength=kinds), np.bincount(tried, minlength=kinds))
        )
        if not self._scenario.adaptive.enabled or not len(struck):
            return
        rng = stream(self._seed, Part.ADAPTATION, day)
        campaigns = np.unique(struck.campaign)
        campaigns = campaigns[rng.random(len(campaigns)) < self._scenario.adaptive.reaction]
        waiting = np.isin(self._pending.campaign, campaigns)
        changed = self._evaded(self._pending.take(waiting), day, rng)
        again = struck.take(struck.act < Act.LINK)
        again = again.take(rng.random(len(again)) < self._scenario.adaptive.retry)
        # Tried once more at the same hour of this day, unless the way chosen is to wait.
        today = self._scenario.start + day * DAY
        again = self._evaded(again.changed(time=today + again.time % DAY), day, rng)
        self._pending = Traffic.join([self._pending.take(~waiting), changed, again])

    def events(self, day: int) -> Traffic:
        """Fraud events of a day, and those of lookalikes, which belong to no campaign.

        Campaigns that begin on it are planned first.
        """
        self._begin(day)
        start = self._scenario.start + day * DAY
        pending = self._pending
        due = (pending.time >= start) & (pending.time < start + DAY)
        self._pending = pending.take(pending.time >= start + DAY)
        return pending.take(due)

    def issued(self, numbers: NDArray[np.int64], events: Traffic) -> None:
        """Note under which numbers the fraud events of a day went out."""
        self._issued.append((numbers, events))

    def _evaded(self, events: Traffic, day: int, rng: np.random.Generator) -> Traffic:
        return evaded(events, self._people.town[events.user], self._merchants, day, rng)

    def _begin(self, day: int) -> None:
        mix = self._scenario.mix(day)
        # Where nobody suits a typology, the others take its share.
        missing = 0.0
        for name, share in mix.items():
            missing += self._plan(day, name, share * self._wanted[day + WARM_UP])
        for name in sorted(mix, key=lambda name: -mix[name]):
            if missing > 0:
                missing = self._plan(day, name, missing, _SECOND_ROUND)
        if self._lookalikes[day + WARM_UP] > 0:
            for name, share in self._scenario.mix(0).items():
                self._resemble(day, name, share * self._lookalikes[day + WARM_UP])

    def _plan(self, day: int, name: str, events: float, extra: int = 0) -> float:
        """Plan campaigns worth ``events``; returns the events for which nobody was found."""
        code = CODES[name]
        rng = stream(self._seed, Part.CAMPAIGNS + extra + code, day)
        size = TYPOLOGIES[name].domains[self._scenario.domain]
        count = int(rng.poisson(events / size))
        planned, begun = self._campaign(day, name, rng.random(count) < self._caution(code), rng)
        self._pending = Traffic.join([self._pending, planned])
        return (count - begun) * size

    def _resemble(self, day: int, name: str, events: float) -> None:
        """Let honest people do what campaigns worth ``events`` would do."""
        rng = stream(self._seed, Part.LOOKALIKES + CODES[name], day)
        count = int(rng.poisson(events / TYPOLOGIES[name].domains[self._scenario.domain]))
        hidden = rng.random(count) < self._scenario.fraud.stealth
        first, closed = self._campaigns, self._life.closed.copy()
        planned, _ = self._campaign(day, name, hidden, rng)
        # They go on with their lives.
        self._life.closed = closed
        own = (rng.random(count) < _OWN_ACCESS)[planned.campaign - first] & (planned.device >= 0)
        user = planned.user
        device = self._people.own_device(user, self._life.generation[user])
        unmarked = planned.changed(
            device=np.where(own, device, planned.device),
            ip=np.where(own, self._people.address(user), planned.ip),
            campaign=np.full(len(planned), NOBODY),
            typology=np.full(len(planned), NOBODY, np.int8),
        )
        self._pending = Traffic.join([self._pending, unmarked])

    def _campaign(
        self, day: int, name: str, hidden: NDArray[np.bool_], rng: np.random.Generator
    ) -> tuple[Traffic, int]:
        """Events of at most ``len(hidden)`` campaigns, and how many there are."""
        scene = Scene(
            day=day,
            midnight=self._scenario.start + day * DAY,
            people=self._people,
            life=self._life,
            merchants=self._merchants,
            usual=self._usual,
            bank=self._bank,
            first_campaign=self._campaigns,
        )
        planned = TYPOLOGIES[name].plan(scene, hidden, rng) if len(hidden) else Traffic.empty()
        begun = int(planned.campaign.max()) + 1 if len(planned) else 0
        planned = planned.changed(
            campaign=planned.campaign + self._campaigns,
            typology=np.full(len(planned), CODES[name], np.int8),
            amount=np.where(planned.act < Act.LINK, np.maximum(planned.amount, 50), 0),
        )
        self._campaigns += begun
        return planned, begun

    def _caution(self, code: int) -> float:
        """Probability that a new campaign hides its tell."""
        base = self._scenario.fraud.stealth
        if not self._scenario.adaptive.enabled or not self._lessons:
            return base
        hits = sum(int(lesson[0][code]) for lesson in self._lessons)
        tries = sum(int(lesson[1][code]) for lesson in self._lessons)
        lesson = self._scenario.adaptive.learning * min(hits / max(tries, 1), 1.0)
        return base + (1.0 - base) * lesson
