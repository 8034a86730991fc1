"""Job: the whole way in, from raw rows to measured, registered models and a parity check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lagmark.apps.jobs.examples import categories_of, examples_to_learn, examples_to_test
from lagmark.apps.jobs.features import compute_features
from lagmark.apps.jobs.ingest import ingest
from lagmark.apps.jobs.outcome import RunOutcome
from lagmark.apps.jobs.parity import Parity, check_parity
from lagmark.apps.jobs.plan import Plan, make_plan
from lagmark.apps.jobs.record import (
    best_of,
    record,
    register,
)
from lagmark.apps.jobs.run_report import write_run_report
from lagmark.apps.jobs.trial import TrialResult, run_trial
from lagmark.clock import stopwatch
from lagmark.domains.registry import load_domain
from lagmark.learning.metrics.evaluate import Budget
from lagmark.wiring import Home, default_threads

if TYPE_CHECKING:
    from lagmark.apps.jobs.reporter import Reporter
    from lagmark.domains.domain import Domain
    from lagmark.ports.model_registry import ModelRegistry
    from lagmark.schema.events import EventBatch
    from lagmark.settings import RunSettings
    from lagmark.sources.report import ValidationReport

__all__ = ["run", "run_batch"]


def run(settings: RunSettings, *, reporter: Reporter) -> RunOutcome:
    """Validated events, features, models on labels known at the time, figures, parity.

    Whatever it writes is whole or absent; running it again after it was killed completes it.

    Parameters
    ----------
    settings
        What to do.
    reporter
        Told about progress.

    Raises
    ------
    LagmarkError
        If a step cannot be done; a parity difference is no error here but part of the outcome.
    """
    domain = load_domain(settings.domain)
    home = Home(settings.home)
    with home.exclusive():
        begin = stopwatch()
        letters = home.dead_letters(domain.name)
        found = ingest(settings.events, domain, dead_letters=letters, reporter=reporter)
        return run_batch(
            settings,
            domain,
            home,
            found.batch,
            found.report,
            reporter=reporter,
            dead_letters=letters if found.report.dead else None,
            seconds={"read": stopwatch() - begin},
        )


def run_batch(
    settings: RunSettings,
    domain: Domain,
    home: Home,
    batch: EventBatch,
    validation: ValidationReport,
    *,
    reporter: Reporter,
    dead_letters: Path | None = None,
    seconds: dict[str, float] | None = None,
) -> RunOutcome:
    """The part of :func:`run` after reading; the caller holds the home."""
    plan = make_plan(settings, domain, batch)
    seconds = {"read": 0.0} if seconds is None else dict(seconds)
    seconds |= {"backfill": 0.0, "train_and_evaluate": 0.0, "parity": 0.0}
    registry = home.registry()
    results: dict[int, TrialResult] = {}
    parity: list[Parity] = []
    # One feature set at a time: its matrix is the largest thing in memory.
    for name in plan.feature_sets:
        checked = _feature_set(
            name, settings, domain, batch, plan, registry, results, seconds, reporter
        )
        parity.extend(checked)
    ordered = tuple(results[i] for i in range(len(plan.trials)))
    registration = None
    if settings.register_best and settings.protocol == "default" and not _differs(parity):
        best = best_of(ordered, plan.caveats)
        if best is not None:
            registration = register(best, domain, registry)
    suffix = "" if settings.protocol == "default" else f"-{settings.protocol}"
    outcome = RunOutcome(
        domain=domain,
        settings=settings,
        validation=validation,
        plan=plan,
        results=ordered,
        parity=tuple(parity),
        registration=registration,
        report=home.report(f"{domain.name}-run{suffix}"),
        dead_letters=dead_letters,
        seconds=seconds,
    )
    write_run_report(outcome)
    return outcome


def _feature_set(
    name: str,
    settings: RunSettings,
    domain: Domain,
    batch: EventBatch,
    plan: Plan,
    registry: ModelRegistry,
    results: dict[int, TrialResult],
    seconds: dict[str, float],
    reporter: Reporter,
) -> list[Parity]:
    """All trials of one feature set, and its parity."""
    budget = Budget(settings.alerts_per_day, settings.alert_share, settings.review_cost)
    feature_set = domain.feature_set(name)
    begin = stopwatch()
    vectors = compute_features(feature_set, batch, reporter=reporter)
    seconds["backfill"] += stopwatch() - begin
    begin = stopwatch()
    mine = [(i, trial) for i, trial in enumerate(plan.trials) if trial.feature_set == name]
    with reporter.progress(f"Train and evaluate '{name}'", "models") as tell:
        for done, (i, trial) in enumerate(mine):
            tell(done, len(mine))
            test = examples_to_test(
                trial.fold, domain, batch, vectors, compromised_days=plan.compromised_days
            )
            result = run_trial(
                trial,
                examples_to_learn(trial.fold, domain, batch, vectors, by_id=trial.as_published),
                test,
                budget=budget,
                seed=settings.seed,
                threads=settings.threads or default_threads(),
                resamples=settings.resamples,
                categories=categories_of(domain, batch, test),
            )
            results[i] = record(result, domain, registry, protocol=settings.protocol)
        tell(len(mine), len(mine))
    seconds["train_and_evaluate"] += stopwatch() - begin
    if not settings.parity:
        return []
    begin = stopwatch()
    checked = check_parity(feature_set, batch, vectors, reporter=reporter)
    seconds["parity"] += stopwatch() - begin
    return [checked]


def _differs(parity: list[Parity]) -> bool:
    return any(one.differences for one in parity)
