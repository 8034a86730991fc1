"""What a live model decided: read from its log, or by a model trained as of an earlier instant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.errors import DataError
from lagmark.schema.time import DAY, from_micros

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from lagmark.apps.jobs.reporter import Reporter
    from lagmark.domains.domain import Domain
    from lagmark.features.backfill import Vectors
    from lagmark.learning import TrainedModel
    from lagmark.schema.events import EventBatch

__all__ = ["Decisions", "LiveModel", "decide", "live_model", "read_decisions"]

TRAINED_BEFORE = 28 * DAY
"""How long before ``as_of`` the stand-in for a live model is trained."""
EMBARGO = 30 * DAY
"""Age below which an event teaches it nothing, and above which silence means honest."""
ALERT_SHARE = 0.005
"""Alerts per event where no budget is given."""

_COLUMNS = (
    "event_id",
    "probability",
    "alerted",
    "control",
    "propensity",
    "blocked",
    "decided_at",
)


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """Decisions of all events of a batch, arrays of shape (n,).

    Parameters
    ----------
    probability
        Calibrated probability; NaN where the live model did not decide.
    alerted, control, blocked
        What became of the event.
    propensity
        Probability that its outcome stays visible.
    facts
        Which model, in JSON values.
    """

    probability: NDArray[np.float64]
    alerted: NDArray[np.bool_]
    control: NDArray[np.bool_]
    blocked: NDArray[np.bool_]
    propensity: NDArray[np.float64]
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class LiveModel:
    """A model, the threshold it alerts at, and from when on its scores are honest.

    Parameters
    ----------
    model
        Trained on what was known at its own ``as_of``.
    threshold
        Calibrated probability from which on it alerts.
    since
        Events from this instant on taught it nothing, microseconds since 1970 UTC.
    """

    model: TrainedModel
    threshold: float
    since: int

    def decide(self, batch: EventBatch, vectors: Vectors) -> Decisions:
        """Decisions of every event that the model had not learnt from; nothing is blocked."""
        size = len(batch)
        late = batch.events["event_time"].to_numpy() >= self.since
        probability = np.full(size, np.nan)
        probability[late] = self.model.probability(vectors.matrix[late])
        facts = self.model.facts()
        kept = ("kind", "as_of_text", "train_events", "train_frauds", "contract_hash")
        return Decisions(
            probability=probability,
            alerted=np.nan_to_num(probability) >= self.threshold,
            control=np.zeros(size, dtype=bool),
            blocked=np.zeros(size, dtype=bool),
            propensity=np.ones(size),
            facts={
                "source": "trained",
                **{name: facts[name] for name in kept},
                "threshold": self.threshold,
                "decided_from": from_micros(self.since).isoformat(),
            },
        )


def read_decisions(folder: Path, batch: EventBatch, as_of: int) -> Decisions:
    """Logged decisions of a batch; the first decision of an event counts.

    Parameters
    ----------
    folder
        Parquet files with ``event_id``, ``probability``, ``alerted``, ``control``,
        ``propensity``, ``blocked`` and ``decided_at`` (microseconds UTC).
    batch
        The events.
    as_of
        Decisions taken later are not seen.

    Raises
    ------
    DataError
        If there is none, or columns are missing.
    """
    import polars as pl

    files = sorted(folder.glob("[!.]*.parquet"))
    if not files:
        raise DataError(
            "decisions/ holds no Parquet file", where=str(folder), hint="remove the empty folder"
        )
    logged = pl.concat([pl.read_parquet(file) for file in files], how="vertical_relaxed")
    missing = [name for name in _COLUMNS if name not in logged.columns]
    if missing:
        raise DataError(
            f"decisions lack {', '.join(missing)}",
            where=str(folder),
            hint=f"the columns are {', '.join(_COLUMNS)}",
        )
    taken = (
        logged.select(_COLUMNS)
        .filter(pl.col("decided_at") <= as_of)
        .sort("decided_at", maintain_order=True)
        .unique("event_id", keep="first", maintain_order=True)
    )
    joined = batch.events.select("event_id").join(
        taken, on="event_id", how="left", maintain_order="left"
    )

    def flags(name: str) -> NDArray[np.bool_]:
        return joined[name].fill_null(value=False).to_numpy()

    return Decisions(
        probability=joined["probability"].cast(pl.Float64).fill_null(float("nan")).to_numpy(),
        alerted=flags("alerted"),
        control=flags("control"),
        blocked=flags("blocked"),
        propensity=joined["propensity"].cast(pl.Float64).fill_null(1.0).to_numpy(),
        facts={"source": "logged", "decisions": taken.height},
    )


def decide(
    batch: EventBatch,
    domain: Domain,
    *,
    as_of: int,
    budget: float | None,
    reporter: Reporter,
) -> Decisions:
    """Decisions of a model that is trained on what was known four weeks before ``as_of``.

    Parameters
    ----------
    batch
        Events that had arrived, and labels known, at ``as_of``.
    domain
        What they are.
    as_of, budget, reporter
        As for :func:`lagmark.apps.jobs.nowcast_job.run_nowcast`.

    Raises
    ------
    DataError
        If the history is too short to train on.
    """
    from lagmark.apps.jobs.features import compute_features

    vectors = compute_features(domain.feature_set("default"), batch, reporter=reporter)
    with reporter.progress("Train the stand-in for the live model", "") as tell:
        model = live_model(batch, vectors, domain, trained_at=as_of - TRAINED_BEFORE, budget=budget)
        tell(1, 1)
    return model.decide(batch, vectors)


def live_model(
    batch: EventBatch,
    vectors: Vectors,
    domain: Domain,
    *,
    trained_at: int,
    budget: float | None = None,
    seed: int = 0,
) -> LiveModel:
    """Model as it would have been trained at an earlier instant.

    Events younger than :data:`EMBARGO` at that instant teach it nothing; their scores are honest
    and set the threshold.

    Parameters
    ----------
    batch, vectors, domain
        Events, their features, and what they are.
    trained_at
        Microseconds since 1970 UTC: labels known later are not used.
    budget
        Alerts a day; five in a thousand events when ``None``.
    seed
        Of the model.

    Raises
    ------
    DataError
        If no event was old enough.
    """
    from lagmark.learning import KnownHistory, create_policy

    time = batch.events["event_time"].to_numpy()
    first = int(time.min())
    if trained_at - EMBARGO <= first:
        raise DataError(
            f"no event was {EMBARGO // DAY} days old at {from_micros(trained_at).isoformat()}",
            where="live model",
            hint="ask as of a later instant, or give a folder with logged decisions",
        )
    history = KnownHistory.build(
        batch,
        vectors,
        as_of=trained_at,
        start=first,
        end=trained_at,
        contract_hash=vectors.contract.hash,
        subject=domain.subject,
        amount=domain.amount,
        amount_scale=domain.field_named(domain.amount).scale,
    )
    choice = domain.evaluation.models[0]
    model = create_policy("fixed_delay", {"delay": EMBARGO}).fit(
        history, choice.kind, choice.params, seed=seed, n_jobs=1
    )
    since = trained_at - EMBARGO + 1
    fresh = (time >= since) & (time < trained_at)
    scores = np.sort(model.probability(vectors.matrix[fresh]))[::-1]
    share = ALERT_SHARE if budget is None else budget * (EMBARGO / DAY) / max(scores.size, 1)
    place = min(max(round(share * scores.size), 1), max(scores.size, 1)) - 1
    threshold = float(scores[place]) if scores.size else 0.5
    return LiveModel(model, threshold, since)
