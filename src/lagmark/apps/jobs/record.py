"""Job: results into the registry, and the best of them to where it can be promoted."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lagmark.learning.card import ModelCard
from lagmark.ports.model_registry import Alias, RunReport
from lagmark.schema.time import format_duration, from_micros

if TYPE_CHECKING:
    from lagmark.apps.jobs.trial import TrialResult
    from lagmark.domains.domain import Domain
    from lagmark.learning import TrainedModel
    from lagmark.learning.metrics.evaluate import Metrics
    from lagmark.learning.segments import Segment
    from lagmark.ports.model_registry import LoggedRun, ModelRegistry

__all__ = [
    "Registration",
    "best_of",
    "figures_of",
    "mean_by_candidate",
    "record",
    "record_model",
    "register",
]


@dataclass(frozen=True, slots=True)
class Registration:
    """Where the best model of a run stands.

    Parameters
    ----------
    run_id, version
        Its run and version.
    model, feature_set, fold
        What it is.
    alias
        ``champion`` if there was none before, else ``challenger``.
    champion_version
        Version that is champion now.
    """

    run_id: str
    version: int
    model: str
    feature_set: str
    fold: str
    alias: str
    champion_version: int

    def as_dict(self) -> dict[str, Any]:
        """Record for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


def record(
    result: TrialResult, domain: Domain, registry: ModelRegistry, *, protocol: str
) -> TrialResult:
    """The result with the id of the run it was recorded as."""
    fold = result.trial.fold
    metrics = {
        "card_precision_at_100": result.card_precision_at_100,
        "train_seconds": result.train_seconds,
        **figures_of(result.metrics),
    }
    logged = record_model(
        result.model,
        domain,
        registry,
        name=f"{result.trial.model.label}-{result.trial.feature_set}-{fold.name}",
        label=result.trial.model.label,
        feature_set=result.trial.feature_set,
        metrics=metrics,
        measured=result.metrics,
        segments=result.segments,
        params={"fold": fold.name, "delay": format_duration(fold.delay)},
        tags={
            "lagmark.protocol": protocol,
            "lagmark.judged_at": from_micros(result.metrics.as_of).isoformat(),
        },
    )
    return replace(result, run_id=logged.run_id)


def figures_of(metrics: Metrics) -> dict[str, float | None]:
    """Figures of an evaluation as a run keeps them: each with the ends of its interval."""
    found: dict[str, float | None] = {
        "test_events": metrics.events,
        "test_frauds": metrics.frauds,
    }
    for name, estimate in metrics.estimates.items():
        found |= {
            name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high
        }  # fmt: skip
    return found


def record_model(
    model: TrainedModel,
    domain: Domain,
    registry: ModelRegistry,
    *,
    name: str,
    label: str,
    feature_set: str,
    metrics: Mapping[str, float | None],
    params: Mapping[str, Any],
    tags: Mapping[str, str],
    measured: Metrics | None = None,
    segments: Sequence[Segment] = (),
    caveats: Sequence[str] = (),
) -> LoggedRun:
    """Run of one trained model, stored with its bundle and its card.

    Parameters
    ----------
    model, domain, registry
        What to record, and where.
    name, label, feature_set
        Names of the run, the model and its feature set.
    metrics, params, tags
        What the run keeps besides the model's own facts.
    measured, segments, caveats
        Figures and further limits for the card.
    """
    report = RunReport(
        domain=domain.name,
        name=name,
        feature_set=feature_set,
        names=model.names,
        contract_hash=model.contract_hash,
        fingerprint=model.fingerprint,
        as_of=from_micros(model.as_of).isoformat(),
        params={
            "model": label,
            "kind": model.kind,
            "feature_set": feature_set,
            "seed": model.seed,
            "train_start": from_micros(model.train_start).isoformat(),
            "train_end": from_micros(model.train_end).isoformat(),
            "model_params": json.dumps(model.model.params, sort_keys=True),
            "calibration": model.calibration.method,
            "policy": model.policy,
            **params,
        },
        metrics={
            "train_events": model.train_events, "train_frauds": model.train_frauds,
            "share_known": model.share_known, **metrics,
        },
        tags=tags,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as draft:
        bundle = Path(draft) / "bundle"
        card = ModelCard.of(
            model,
            domain=domain.name,
            title=domain.title,
            name=name,
            feature_set=feature_set,
            metrics=measured,
            segments=segments,
            caveats=caveats,
        )
        model.save(bundle, texts=card.texts())
        return registry.log_run(report, bundle)


def mean_by_candidate(results: Sequence[TrialResult]) -> list[dict[str, Any]]:
    """Mean figures over the folds of each model and feature set, in the order of the results."""
    groups: dict[tuple[str, str], list[TrialResult]] = {}
    for result in results:
        key = (result.trial.model.label, result.trial.feature_set)
        groups.setdefault(key, []).append(result)
    return [
        {
            "model": model,
            "feature_set": feature_set,
            "folds": len(group),
            "roc_auc": _mean([r.metrics["roc_auc"] for r in group]),
            "pr_auc": _mean([r.metrics["pr_auc"] for r in group]),
            "card_precision_at_100": _mean([r.card_precision_at_100 for r in group]),
        }
        for (model, feature_set), group in groups.items()
    ]


def best_of(results: Sequence[TrialResult], caveats: Mapping[str, str]) -> TrialResult | None:
    """Latest model of the candidate with the best mean PR-AUC; none with a caveat competes."""
    honest = [r for r in results if r.trial.feature_set not in caveats]
    means = [m for m in mean_by_candidate(honest) if m["pr_auc"] is not None]
    if not means:
        return None
    best = max(means, key=lambda m: float(m["pr_auc"]))
    own = [
        r
        for r in honest
        if (r.trial.model.label, r.trial.feature_set) == (best["model"], best["feature_set"])
    ]
    return max(own, key=lambda r: r.trial.fold.as_of)


def register(best: TrialResult, domain: Domain, registry: ModelRegistry) -> Registration:
    """Version of the best model: the champion if there is none, else the challenger."""
    version = registry.register(best.run_id)
    champion = registry.version_of(domain.name, Alias.CHAMPION)
    if champion is None:
        champion = registry.promote(
            domain.name, version.version, reason="the first model of this domain"
        )
        alias = Alias.CHAMPION
    else:
        registry.set_alias(domain.name, Alias.CHALLENGER, version.version)
        alias = Alias.CHALLENGER
    return Registration(
        run_id=best.run_id,
        version=version.version,
        model=best.trial.model.label,
        feature_set=best.trial.feature_set,
        fold=best.trial.fold.name,
        alias=alias.value,
        champion_version=champion.version,
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
