"""Job: a registered model measured on a period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.apps.jobs.examples import examples_to_test
from lagmark.apps.jobs.features import compute_features
from lagmark.apps.jobs.labelled import read_labelled
from lagmark.apps.jobs.plan import label_delay
from lagmark.domains.registry import load_domain
from lagmark.errors import ConfigError, DataError, RegistryError
from lagmark.learning import Fold, TrainedModel
from lagmark.learning.metrics.evaluate import Budget, Metrics, evaluate
from lagmark.schema.time import DAY, from_micros
from lagmark.wiring import Home

if TYPE_CHECKING:
    from pathlib import Path

    from lagmark.apps.jobs.reporter import Reporter
    from lagmark.domains.domain import Domain
    from lagmark.features import FeatureSet
    from lagmark.ports.model_registry import Alias
    from lagmark.settings import RunSettings

__all__ = ["Evaluated", "evaluate_registered"]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluated:
    """A registered model's figures on a period.

    Parameters
    ----------
    domain
        Domain name.
    version
        The version.
    model
        The model.
    start, end
        Half-open period, microseconds since 1970 UTC.
    metrics
        Its figures.
    """

    domain: str
    version: int
    model: TrainedModel
    start: int
    end: int
    metrics: Metrics

    def as_dict(self) -> dict[str, Any]:
        """Record for JSON."""
        return {
            "command": "evaluate",
            "domain": self.domain,
            "version": self.version,
            "model": self.model.kind,
            "trained_as_of": from_micros(self.model.as_of).isoformat(),
            "start": from_micros(self.start).isoformat(),
            "end": from_micros(self.end).isoformat(),
            **self.metrics.as_dict(),
        }


def evaluate_registered(
    settings: RunSettings,
    *,
    alias: Alias,
    start: int,
    end: int,
    as_of: int | None,
    reporter: Reporter,
) -> Evaluated:
    """Figures of a registered model on a period, by the labels known at an instant.

    Parameters
    ----------
    settings
        Domain and events.
    alias
        Name that the version carries.
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
    RegistryError
        If there is no such model.
    DataError
        If no labelled event lies in the period.
    """
    domain = load_domain(settings.domain)
    home = Home(settings.home)
    version, path, feature_set = _stored(home, domain, alias)
    model = TrainedModel.load(path, contract_hash=feature_set.contract.hash)
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
    return Evaluated(domain.name, version, model, start, end, metrics)


def _stored(home: Home, domain: Domain, alias: Alias) -> tuple[int, Path, FeatureSet]:
    """Version, bundle and feature set of a registered model."""
    registry = home.registry()
    path = registry.bundle(domain.name, alias)
    version = registry.version_of(domain.name, alias)
    assert version is not None, "its bundle was just found"
    name = version.tags.get("lagmark.feature_set", "")
    if name not in domain.feature_sets:
        raise RegistryError(
            f"version {version.version} reads features {name!r}, which the domain no longer has",
            where=domain.name,
            hint="train again",
        )
    return version.version, path, domain.feature_set(name)
