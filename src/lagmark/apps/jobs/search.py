"""Job: parameters of a model searched over the folds of a domain, the best of them recorded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lagmark.apps.jobs.examples import categories_of, examples_to_learn, examples_to_test
from lagmark.apps.jobs.features import compute_features
from lagmark.apps.jobs.labelled import read_labelled
from lagmark.apps.jobs.plan import make_plan
from lagmark.apps.jobs.record import figures_of, record_model
from lagmark.apps.jobs.trial import run_trial
from lagmark.domains.domain import ModelChoice
from lagmark.domains.registry import load_domain
from lagmark.learning.metrics.evaluate import Budget
from lagmark.learning.search import search
from lagmark.schema.time import format_duration, from_micros
from lagmark.wiring import Home, default_threads

if TYPE_CHECKING:
    from pathlib import Path

    from lagmark.apps.jobs.reporter import Reporter
    from lagmark.learning.search import SearchResult
    from lagmark.ports.model_registry import LoggedRun
    from lagmark.settings import RunSettings

__all__ = ["Searched", "search_parameters"]

_CAVEAT = (
    "Its parameters were chosen on the test ranges that its figures come from, so these flatter "
    "it; measure it on later events before promoting it."
)


@dataclass(frozen=True, slots=True, eq=False)
class Searched:
    """What a search found.

    Parameters
    ----------
    result
        All attempts.
    run
        Run of the model with the best parameters.
    feature_set
        Its feature set.
    folds
        Names of the test ranges.
    storage
        File that keeps the attempts.
    """

    result: SearchResult
    run: LoggedRun
    feature_set: str
    folds: tuple[str, ...]
    storage: Path

    def as_dict(self) -> dict[str, Any]:
        """Record for JSON."""
        return {
            "command": "search",
            "domain": self.run.domain,
            "feature_set": self.feature_set,
            "folds": list(self.folds),
            "run_id": self.run.run_id,
            "storage": str(self.storage),
            **self.result.as_dict(),
        }


def search_parameters(
    settings: RunSettings, *, trials: int, minutes: float | None, reporter: Reporter
) -> Searched:
    """Best parameters over prequential folds, and a recorded model that has them.

    Parameters
    ----------
    settings
        Domain, events, folds, and at most one feature set and model; the domain's first
        otherwise.
    trials
        Attempts in all, those of earlier sessions included.
    minutes
        No attempt begins later than this; no limit when ``None``.
    reporter
        Told about progress.

    Raises
    ------
    ConfigError
        If the kind cannot be searched or the days asked for do not fit the events.
    DataError
        If the events cover too few days, or no attempt came to an end.
    """
    domain = load_domain(settings.domain)
    home = Home(settings.home)
    threads = settings.threads or default_threads()
    with home.exclusive():
        letters = home.dead_letters(domain.name)
        found = read_labelled(
            settings.events, domain, dead_letters=letters, reporter=reporter, as_of=None
        )
        batch = found.batch
        plan = make_plan(settings, domain, batch)
        name = plan.feature_sets[0]
        first = next(t for t in plan.trials if t.feature_set == name)
        chosen = [t for t in plan.trials if (t.feature_set, t.model) == (name, first.model)]
        vectors = compute_features(domain.feature_set(name), batch, reporter=reporter)
        pairs = [
            (
                examples_to_learn(trial.fold, domain, batch, vectors, silence=found.silence),
                examples_to_test(
                    trial.fold,
                    domain,
                    batch,
                    vectors,
                    compromised_days=plan.compromised_days,
                    silence=found.silence,
                ),
            )
            for trial in chosen
        ]
        storage = home.path / "searches" / f"{domain.name}.journal"
        with reporter.progress(f"Search {first.model.label}", "trials") as tell:
            result = search(
                pairs,
                first.model.kind,
                trials=trials,
                seconds=None if minutes is None else 60 * minutes,
                seed=settings.seed,
                storage=storage,
                start=first.model.params,
                n_jobs=threads,
                tell=tell,
            )
        best = replace(
            chosen[-1],
            model=ModelChoice(
                first.model.kind, result.best.params, f"{first.model.label}-searched"
            ),
        )
        training, test = pairs[-1]
        measured = run_trial(
            best,
            training,
            test,
            budget=Budget(settings.alerts_per_day, settings.alert_share, settings.review_cost),
            seed=settings.seed,
            threads=threads,
            resamples=settings.resamples,
            categories=categories_of(domain, batch, test),
        )
        run = record_model(
            measured.model,
            domain,
            home.registry(),
            name=f"{best.model.label}-{name}-{best.fold.name}",
            label=best.model.label,
            feature_set=name,
            metrics={
                **figures_of(measured.metrics),
                "card_precision_at_100": measured.card_precision_at_100,
                "search_pr_auc": result.best.value,
                "search_pr_auc_start": result.start.value,
            },
            params={"fold": best.fold.name, "delay": format_duration(best.fold.delay),
                    "trials": len(result.attempts)},
            tags={"lagmark.protocol": "search",
                  "lagmark.judged_at": from_micros(measured.metrics.as_of).isoformat()},
            measured=measured.metrics,
            segments=measured.segments,
            caveats=(_CAVEAT,),
        )  # fmt: skip
    return Searched(result, run, name, tuple(t.fold.name for t in chosen), storage)
