"""Job: a stored model measured on a period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.apps.jobs.examples import examples_to_test
from lagmark.apps.jobs.features import compute_features
from lagmark.apps.jobs.labelled import read_labelled
from lagmark.apps.jobs.plan import label_delay
from lagmark.domains.registry import load_domain
from lagmark.errors import ConfigError, DataError, StateError
from lagmark.learning import Fold, TrainedModel
from lagmark.learning.metrics.evaluate import Budget, Metrics, evaluate
from lagmark.schema.time import DAY, from_micros
from lagmark.wiring import Home

if TYPE_CHECKING:
    from pathlib import Path

    from lagmark.apps.jobs.reporter import Reporter
    from lagmark.domains.domain import Domain
    from lagmark.features import FeatureSet
    from lagmark.settings import RunSettings

__all__ = ["Evaluated", "evaluate_model"]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluated:
    """A stored model's figures on a period.

    Parameters
    ----------
    domain
        Domain name.
    bundle
        Where the model lies.
    model
        The model.
    start, end
        Half-open period, microseconds since 1970 UTC.
    metrics
        Its figures.
    """

    domain: str
    bundle: Path
    model: TrainedModel
    start: int
    end: int
    metrics: Metrics

    def as_dict(self) -> dict[str, Any]:
        """Record for JSON."""
        return {
            "command": "evaluate",
            "domain": self.domain,
            "bundle": str(self.bundle),
            "model": self.model.kind,
            "trained_as_of": from_micros(self.model.as_of).isoformat(),
            "start": from_micros(self.start).isoformat(),
            "end": from_micros(self.end).isoformat(),
            **self.metrics.as_dict(),
        }


def evaluate_model(
    settings: RunSettings,
    bundle: Path,
    *,
    start: int,
    end: int,
    as_of: int | None,
    reporter: Reporter,
) -> Evaluated:
    """Figures of a stored model on a period, by the labels known at an instant.

    Parameters
    ----------
    settings
        Domain and events.
    bundle
        Directory of the model.
    start, end
        Half-open period, microseconds since 1970 UTC.
    as_of
        Labels known by then count; one label delay after the period when ``None``.
    reporter
        Told about progress.

    Raises
    ------
    ConfigError
        If the model was trained after the period began, or the period is empty.
    StateError
        If the files of the model are gone, altered, or of features that the domain does not have.
    DataError
        If no labelled event lies in the period.
    """
    domain = load_domain(settings.domain)
    home = Home(settings.home)
    model = TrainedModel.load(bundle)
    feature_set = _features_of(model, domain, bundle)
    if start >= end:
        raise ConfigError("the period is empty", where="--from, --to", hint="start before the end")
    if start < model.as_of:
        raise ConfigError(
            f"the model was trained {from_micros(model.as_of).isoformat()}, after the period began",
            where="--from",
            hint="a model may only be measured on what happened after it was trained",
        )
    found = read_labelled(
        settings.events,
        domain,
        dead_letters=home.dead_letters(domain.name),
        reporter=reporter,
        as_of=as_of,
    )
    vectors = compute_features(feature_set, found.batch, reporter=reporter)
    delay = label_delay(domain, settings.delay)
    judged = end + delay if as_of is None else as_of
    test = examples_to_test(
        Fold("evaluate", start - delay - DAY, start - delay, delay, start, end, start),
        domain,
        found.batch,
        vectors,
        compromised_days=domain.evaluation.compromised_days,
        judged_at=judged,
        silence=found.silence,
    )
    if len(test) == 0:
        raise DataError(
            "no event of the period has a label that was known",
            where=f"{from_micros(start).isoformat()} to {from_micros(end).isoformat()}",
            hint="ask from a later --as-of, or about an earlier period",
        )
    metrics = evaluate(
        test,
        model.probability(test.X),
        rng=np.random.default_rng(settings.seed),
        budget=Budget(settings.alerts_per_day, settings.alert_share, settings.review_cost),
        resample=settings.resamples,
    )
    return Evaluated(domain.name, bundle, model, start, end, metrics)


def _features_of(model: TrainedModel, domain: Domain, bundle: Path) -> FeatureSet:
    """Feature set of the domain that computes what a model reads."""
    for name in domain.feature_sets:
        feature_set = domain.feature_set(name)
        if feature_set.contract.hash == model.contract_hash:
            return feature_set
    raise StateError(
        f"the model reads features that no feature set of domain {domain.name!r} computes",
        where=str(bundle),
        hint="give its own domain, or train again",
    )
