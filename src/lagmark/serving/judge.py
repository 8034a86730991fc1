"""From features to a decision: a function of what it is given, so that it can be repeated."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from lagmark.decisions.levels import level, score
from lagmark.schema.decision import Action, Decision, Fallback, OtherScore, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lagmark.decisions.policy import Policy, Verdict
    from lagmark.ports.feature_state import Reading
    from lagmark.ports.scorer import Scorer
    from lagmark.schema.events import Event
    from lagmark.serving.reasons import Wording

__all__ = ["RULES", "Judge", "Lineup"]

RULES = "rules"
"""Model version of decisions that rules made alone."""


class Lineup(msgspec.Struct, frozen=True):
    """Models in their places.

    Parameters
    ----------
    champion
        Decides; ``None`` where there is none, or it could not be loaded.
    others
        Score beside it, with their roles.
    failed
        Why the champion could not be loaded; empty if it could, or there is none.
    """

    champion: Scorer | None = None
    others: tuple[tuple[str, Scorer], ...] = ()
    failed: str = ""

    @property
    def scorers(self) -> tuple[Scorer, ...]:
        """All that are loaded, the champion first."""
        first = () if self.champion is None else (self.champion,)
        return (*first, *(scorer for _, scorer in self.others))


class Judge:
    """Decides on events whose features are known.

    Parameters
    ----------
    domain
        Name of what is served.
    contract
        Hash of the features' definitions.
    wording
        Says reasons in words.
    reasons
        Most reasons of a model in one decision.
    """

    def __init__(self, *, domain: str, contract: str, wording: Wording, reasons: int) -> None:
        self._domain = domain
        self._contract = contract
        self._wording = wording
        self._reasons = reasons

    def judge(
        self,
        events: Sequence[Event],
        reading: Reading,
        *,
        lineup: Lineup,
        policy: Policy,
        at: int,
        explained: Sequence[bool],
    ) -> list[tuple[Decision, Verdict]]:
        """Decisions on events, in order, and what the policy said of each.

        Parameters
        ----------
        events
            The events.
        reading
            Their features, and whether their subjects are known.
        lineup
            Models.
        policy
            Rules, lists and thresholds.
        at
            The present instant, microseconds since 1970 UTC.
        explained
            Whether the model's reasons are given even if an event is allowed.
        """
        vectors = reading.vectors
        probabilities, fallbacks = self._scores(lineup, vectors, reading.known)
        others = _others(lineup, vectors)
        rows = vectors.tolist()
        verdicts = [
            policy.decide(event, row, None if fallback else probability)
            for event, row, probability, fallback in zip(
                events, rows, probabilities, fallbacks, strict=True
            )
        ]
        wanted = [
            i
            for i, verdict in enumerate(verdicts)
            if not fallbacks[i] and (explained[i] or verdict.intended is not Action.ALLOW)
        ]
        told = self._told(lineup, vectors, wanted)
        made = []
        version = RULES if lineup.champion is None else lineup.champion.version
        for i, (event, verdict) in enumerate(zip(events, verdicts, strict=True)):
            points = score(verdict.probability)
            made.append(
                Decision(
                    decision_id=self.decision_id(event.event_id),
                    event_id=event.event_id,
                    decided_at=at,
                    score=points,
                    probability=verdict.probability,
                    level=level(points),
                    action=verdict.action,
                    intended=verdict.intended,
                    propensity=verdict.propensity,
                    reasons=(*verdict.reasons, *told.get(i, ())),
                    rules=verdict.fired,
                    fallback=fallbacks[i],
                    model_version=RULES if fallbacks[i] else version,
                    contract=self._contract,
                    policy=policy.version,
                    others=others[i] if others else (),
                    by=verdict.by,
                )
            )
        return list(zip(made, verdicts, strict=True))

    def decision_id(self, event_id: int | str) -> str:
        """Name of the decision on an event."""
        return hashlib.sha256(f"{self._domain}\0{event_id}".encode()).hexdigest()[:32]

    def _scores(
        self, lineup: Lineup, vectors: NDArray[np.float64], known: NDArray[np.bool_]
    ) -> tuple[list[float], list[Fallback]]:
        count = len(vectors)
        champion = lineup.champion
        if champion is None:
            why = Fallback.MODEL_FAILED if lineup.failed else Fallback.NO_MODEL
            return [math.nan] * count, [why] * count
        probabilities = [math.nan if each is None else each for each in _asked(champion, vectors)]
        return probabilities, [
            Fallback.MODEL_FAILED
            if not 0.0 <= probability <= 1.0
            else Fallback.NONE
            if seen
            else Fallback.UNKNOWN_SUBJECT
            for probability, seen in zip(probabilities, known.tolist(), strict=True)
        ]

    def _told(
        self, lineup: Lineup, vectors: NDArray[np.float64], wanted: list[int]
    ) -> dict[int, tuple[Reason, ...]]:
        """The model's loudest reasons by row."""
        if not wanted or lineup.champion is None or not self._reasons:
            return {}
        rows = vectors if len(wanted) == len(vectors) else np.ascontiguousarray(vectors[wanted])
        try:
            columns, parts = lineup.champion.top_contributions(rows, self._reasons)
        except Exception:  # noqa: BLE001 - a decision without reasons is better than none
            return {}
        say = self._wording.reasons
        return {
            i: say(row, column, part)
            for i, row, column, part in zip(wanted, rows, columns, parts, strict=True)
        }


def _others(lineup: Lineup, vectors: NDArray[np.float64]) -> list[tuple[OtherScore, ...]]:
    """What models beside the champion say, by row; one that fails says nothing."""
    said = [
        [OtherScore(role, scorer.version, each) for each in _asked(scorer, vectors)]
        for role, scorer in lineup.others
    ]
    return list(zip(*said, strict=True)) if said else []


def _asked(scorer: Scorer, vectors: NDArray[np.float64]) -> list[float | None]:
    """Probabilities by row, ``None`` where the model failed or gave no probability."""
    try:
        found = scorer.probabilities(vectors).tolist()
    except Exception:  # noqa: BLE001 - whatever a model does, rules answer
        if len(vectors) == 1:
            return [None]
        # A row must not suffer for those that came with it.
        return [each for i in range(len(vectors)) for each in _asked(scorer, vectors[i : i + 1])]
    return [each if 0.0 <= each <= 1.0 else None for each in found]
