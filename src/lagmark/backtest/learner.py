"""Training in the midst of a backtest: by what was known that morning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.backtest.reference import TaughtTruth
from lagmark.errors import DataError
from lagmark.learning import KnownHistory, create_policy
from lagmark.schema.time import DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.backtest.known import KnownLabels
    from lagmark.backtest.log import DecisionLog
    from lagmark.backtest.policy import Policy
    from lagmark.domains.domain import Domain
    from lagmark.features import FeatureSet
    from lagmark.learning import MaturityPolicy, TrainedModel

__all__ = ["Learner", "Lesson"]


@dataclass(frozen=True, slots=True)
class Lesson:
    """Outcome of a training.

    Parameters
    ----------
    model
        ``None`` if there is no new one.
    reason
        Why the policy could not learn as it wanted; empty if it could.
    """

    model: TrainedModel | None
    reason: str = ""


class Learner:
    """Keeps the vectors a policy may learn from, and trains its models.

    Parameters
    ----------
    policy, domain, feature_set
        Who learns what from which features.
    seed
        Seed of the models.
    """

    def __init__(self, policy: Policy, domain: Domain, feature_set: FeatureSet, seed: int) -> None:
        self._policy, self._features, self._seed = policy, feature_set, seed
        self._maturity = (
            TaughtTruth()
            if policy.reference
            else create_policy(policy.maturity.policy, policy.maturity.params)
        )
        choice = domain.evaluation.models[0]
        self._kind = policy.model.kind or choice.kind
        self._params: dict[str, Any] = dict(
            policy.model.params if policy.model.kind else choice.params
        )
        self._vectors: list[NDArray[np.float64]] = []
        self._first_day = 0
        self._own = False

    def keep(self, vectors: NDArray[np.float64]) -> None:
        """Vectors of the next day, shape (n, F)."""
        self._vectors.append(vectors)

    def train(self, day: int, log: DecisionLog, known: KnownLabels) -> Lesson:
        """Model as of the first instant of a day.

        Where the maturity policy cannot learn (from too few labels to say how late they come,
        for example) its last model goes on; until it has one, a naive model stands in.

        Parameters
        ----------
        day
            Day number; the vectors of all days before it are kept already.
        log, known
            What was decided and said; what became known later is not read.
        """
        as_of = log.start + day * DAY
        first_day = 0 if self._policy.window is None else max(day - self._policy.window, 0)
        # What no later training can reach is forgotten: memory follows the window.
        del self._vectors[: first_day - self._first_day]
        self._first_day = first_day
        first_row = log.cuts[first_day]
        row, known_at, fraud, feedback = known.since(first_row, as_of)
        time = log.array("event_time", first_day)
        # Without a system analysts look at payments as well: that is feedback too.
        alerted = log.array("reviewed", first_day)
        alerted[row[feedback]] = True
        history = KnownHistory.from_arrays(
            names=self._features.names,
            X=np.concatenate(self._vectors),
            event_time=time,
            ingest_time=log.array("ingest_time", first_day),
            label_row=row,
            label_known_at=known_at,
            label_fraud=fraud,
            label_feedback=feedback,
            as_of=as_of,
            start=log.start + first_day * DAY,
            end=as_of,
            contract_hash=self._features.contract.hash,
            alerted=alerted,
            blocked=log.array("blocked", first_day),
        )
        try:
            model = self._fit(self._maturity, history)
        except DataError as problem:
            return Lesson(self._stand_in(history), problem.what)
        self._own = True
        return Lesson(model)

    def _stand_in(self, history: KnownHistory) -> TrainedModel | None:
        if self._own:
            return None
        try:
            return self._fit(create_policy("naive"), history)
        except DataError:
            return None

    def _fit(self, maturity: MaturityPolicy, history: KnownHistory) -> TrainedModel:
        return maturity.fit(
            history,
            self._kind,
            self._params,
            seed=self._seed,
            n_jobs=1,
            calibrate=self._policy.calibrate,
        )
