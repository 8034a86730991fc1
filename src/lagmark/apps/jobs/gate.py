"""Job: a run judged by the gates against the champion, on mature labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lagmark.apps.jobs.examples import known_history
from lagmark.apps.jobs.features import compute_features
from lagmark.apps.jobs.labelled import read_labelled
from lagmark.apps.jobs.plan import label_delay
from lagmark.errors import RegistryError
from lagmark.learning import TrainedModel
from lagmark.learning.gates import judge
from lagmark.learning.maturity.shares import LEAST_LABELS
from lagmark.ports.model_registry import Alias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lagmark.apps.jobs.reporter import Reporter
    from lagmark.domains.domain import Domain
    from lagmark.features import FeatureSet
    from lagmark.labels.maturity import Curve
    from lagmark.learning import KnownHistory
    from lagmark.learning.gates import GateReport, Limits
    from lagmark.ports.model_registry import LoggedRun, ModelRegistry

__all__ = ["judge_run"]

_MATURE = 0.9


def judge_run(
    candidate: LoggedRun,
    domain: Domain,
    registry: ModelRegistry,
    *,
    events: Path,
    dead_letters: Path,
    as_of: int | None,
    mature_age: int | None,
    limits: Limits,
    seed: int,
    reporter: Reporter,
) -> GateReport:
    """What the gates say of a run.

    Parameters
    ----------
    candidate, domain, registry
        The run, its domain, and where its model and the champion are.
    events
        File, folder or history to measure on.
    dead_letters
        File for rows that cannot be events.
    as_of
        Labels known by then count, microseconds since 1970 UTC; everything when ``None``.
    mature_age
        Age at which labels count as in. When ``None`` the age at which nine in ten fraud labels
        of a history are known, and the domain's label delay where labels are a column.
    limits
        What is asked for.
    seed
        Seed of the resamples.
    reporter
        Told about progress.

    Raises
    ------
    RegistryError
        If the domain no longer has the features of a model.
    StateError
        If the files of a model are gone or altered.
    DataError
        If the events cannot be read.
    """
    ours = TrainedModel.load(registry.bundle_of(candidate.run_id))
    standing = registry.version_of(domain.name, Alias.CHAMPION)
    theirs = None if standing is None else TrainedModel.load(registry.bundle(domain.name))
    found = read_labelled(events, domain, dead_letters=dead_letters, reporter=reporter, as_of=as_of)
    feature_set = _feature_set(domain, candidate.tags)
    vectors = compute_features(feature_set, found.batch, reporter=reporter)
    since = max(ours.as_of, ours.as_of if theirs is None else theirs.as_of)
    ever = known_history(
        domain, found.batch, vectors, as_of=found.as_of, start=0, end=found.as_of + 1
    )
    curve = _curve(ever)
    if mature_age is None:
        mature_age = label_delay(domain)
        if found.silence == "honest" and curve is not None:
            mature_age = max(mature_age, curve.quantile(_MATURE).age or 0)
    history = known_history(
        domain, found.batch, vectors, as_of=found.as_of, start=since, end=found.as_of + 1
    )
    other = None
    if theirs is not None and standing is not None and theirs.contract_hash != ours.contract_hash:
        theirs_set = _feature_set(domain, standing.tags)
        other = compute_features(theirs_set, found.batch, reporter=reporter).matrix[history.rows]
    with reporter.progress("Judge", "") as tell:
        report = judge(
            ours,
            theirs,
            history,
            mature_age=mature_age,
            rng=np.random.default_rng(seed),
            champion_values=other,
            contract=feature_set.contract,
            silence=found.silence,
            curve=None if curve is None else curve.at,
            limits=limits,
        )
        tell(1, 1)
    return report


def _curve(ever: KnownHistory) -> Curve | None:
    from lagmark.labels.maturity import reverse_hazard

    fraud = ever.verdict == 1
    if int(fraud.sum()) < LEAST_LABELS:
        return None
    curve = reverse_hazard(ever.event_time[fraud], ever.fraud_since[fraud], ever.as_of)
    return curve if curve.estimable else None


def _feature_set(domain: Domain, tags: Mapping[str, str]) -> FeatureSet:
    name = tags.get("lagmark.feature_set", "")
    if name not in domain.feature_sets:
        raise RegistryError(
            f"a model reads features {name!r}, which the domain no longer has",
            where=domain.name,
            hint="train again",
        )
    return domain.feature_set(name)
