"""Search of a model's parameters over test ranges that follow each other in time."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.errors import ConfigError, DataError
from lagmark.learning.metrics.average_precision import average_precision
from lagmark.learning.models import create_model

if TYPE_CHECKING:
    import optuna

    from lagmark.learning.dataset import Dataset

    Suggest = Callable[[optuna.Trial], dict[str, Any]]

__all__ = ["SEARCHED", "Attempt", "SearchResult", "search"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One set of parameters that was tried.

    Parameters
    ----------
    number
        Counted from 0 over all sessions.
    params
        Parameters over the kind's defaults.
    state
        ``"complete"``, or ``"pruned"`` when it was worse than the others half way.
    folds
        PR-AUC of each test range that was reached.
    value
        Their mean.
    """

    number: int
    params: Mapping[str, Any]
    state: str
    folds: tuple[float, ...]
    value: float

    def as_dict(self) -> dict[str, Any]:
        """Record for JSON."""
        return {
            "number": self.number,
            "params": dict(self.params),
            "state": self.state,
            "folds": list(self.folds),
            "pr_auc": self.value,
        }


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Everything that was tried, this time and before.

    Parameters
    ----------
    kind
        Kind of model.
    attempts
        In the order they were made; number 0 has the parameters the search began with.
    resumed
        How many of them an earlier session made.
    """

    kind: str
    attempts: tuple[Attempt, ...]
    resumed: int

    @property
    def best(self) -> Attempt:
        """Complete attempt with the highest mean; the earliest of equal ones."""
        return max(
            (a for a in self.attempts if a.state == "complete"), key=lambda a: (a.value, -a.number)
        )

    @property
    def start(self) -> Attempt:
        """Attempt with the parameters the search began with."""
        return self.attempts[0]

    def as_dict(self) -> dict[str, Any]:
        """Record for JSON."""
        return {
            "kind": self.kind,
            "best": self.best.as_dict(),
            "start": self.start.as_dict(),
            "resumed": self.resumed,
            "pruned": sum(a.state == "pruned" for a in self.attempts),
            "trials": [a.as_dict() for a in self.attempts],
        }


def search(
    folds: Sequence[tuple[Dataset, Dataset]],
    kind: str,
    *,
    trials: int,
    seconds: float | None = None,
    seed: int = 0,
    storage: Path | None = None,
    start: Mapping[str, Any] | None = None,
    n_jobs: int = 1,
    tell: Callable[[int, int], None] = lambda _done, _total: None,
) -> SearchResult:
    """Parameters with the best mean PR-AUC over folds, by Optuna's tree-structured Parzen sampler.

    A trial is given up after a fold if its mean so far is below the median of the others'.
    Optuna is kept quiet.

    Parameters
    ----------
    folds
        Training and test examples, earliest first: each training set as of the instant its test
        begins, so that no trial sees what was not known then.
    kind
        Kind of model, one of :data:`SEARCHED`.
    trials
        Attempts in all, those of earlier sessions included.
    seconds
        No attempt begins later than this; no limit when ``None``.
    seed
        Seed of the sampler and of every fit.
    storage
        File that attempts are added to as they end, so that a search goes on where it stopped.
        Attempts on other data or of other seeds do not count.
    start
        Parameters of the first attempt; the kind's defaults when absent.
    n_jobs
        Threads to fit with.
    tell
        Called with the attempts done and wanted.

    Raises
    ------
    ConfigError
        If the kind cannot be searched, or there is no fold or trial.
    DataError
        If no attempt came to an end, or a test has no fraud.
    """
    if kind not in SEARCHED:
        raise ConfigError(
            f"no ranges are known to search {kind!r} in", hint=f"choose among {', '.join(SEARCHED)}"
        )
    if not folds or trials < 1:
        raise ConfigError("a search needs a fold and a trial", where="search")
    if any(test.frauds == 0 for _, test in folds):
        raise DataError(
            "a test range has no fraud", where="search", hint="choose longer or fewer ranges"
        )
    given = dict(start or {})
    study, resumed = _study(folds, kind, seed, storage, given)
    from optuna import TrialPruned

    def objective(trial: optuna.Trial) -> float:
        # The first attempt that counts, whatever a killed session left unfinished.
        plain = not _ended(study)
        params = given if plain else {**given, **SEARCHED[kind](trial)}
        trial.set_user_attr("params", params)
        found: list[float] = []
        for step, (training, test) in enumerate(folds):
            model = create_model(kind, params).fit(
                training.X,
                training.y,
                names=training.names,
                weights=training.weights,
                seed=seed,
                n_jobs=n_jobs,
            )
            value = average_precision(test.y, model.predict_proba(test.X))
            found.append(0.0 if value is None else value)
            trial.set_user_attr("folds", found)
            trial.report(float(np.mean(found)), step)
            if step + 1 < len(folds) and not plain and trial.should_prune():
                raise TrialPruned
        return float(np.mean(found))

    tell(min(resumed, trials), trials)
    if trials > resumed:
        study.optimize(
            objective,
            n_trials=trials - resumed,
            timeout=seconds,
            callbacks=[lambda study, _trial: tell(len(_ended(study)), trials)],
        )
    attempts = _attempts(study)
    if not any(attempt.state == "complete" for attempt in attempts):
        raise DataError("no attempt came to an end", where="search", hint="give it more time")
    return SearchResult(kind, attempts, resumed)


def _study(
    folds: Sequence[tuple[Dataset, Dataset]],
    kind: str,
    seed: int,
    storage: Path | None,
    start: Mapping[str, Any],
) -> tuple[optuna.Study, int]:
    import optuna
    from optuna.storages import InMemoryStorage, JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    data = "".join(part.fingerprint for fold in folds for part in fold)
    told = f"{data}{seed}{sorted(start.items())}"
    name = f"{kind}-{hashlib.sha256(told.encode()).hexdigest()[:16]}"
    with warnings.catch_warnings():
        # What Optuna calls experimental is not the caller's business.
        warnings.simplefilter("ignore")
        place: Any = InMemoryStorage()
        if storage is not None:
            storage.parent.mkdir(parents=True, exist_ok=True)
            place = JournalStorage(JournalFileBackend(str(storage)))
        study = optuna.create_study(
            study_name=name,
            storage=place,
            direction="maximize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=0),
        )
    ended = len(_ended(study))
    # A sampler that began anew would draw the first attempts over again.
    study.sampler = optuna.samplers.TPESampler(seed=seed + ended, n_startup_trials=8)
    return study, ended


def _ended(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    from optuna.trial import TrialState

    states = (TrialState.COMPLETE, TrialState.PRUNED)
    return study.get_trials(deepcopy=False, states=states)


def _attempts(study: optuna.Study) -> tuple[Attempt, ...]:
    return tuple(
        Attempt(
            number=number,
            params=trial.user_attrs["params"],
            state=trial.state.name.lower(),
            folds=tuple(trial.user_attrs["folds"]),
            value=float(np.mean(trial.user_attrs["folds"])),
        )
        for number, trial in enumerate(_ended(study))
    )


def _xgboost(t: optuna.Trial) -> dict[str, Any]:
    return {
        "n_estimators": t.suggest_int("n_estimators", 50, 600, log=True),
        "learning_rate": t.suggest_float("learning_rate", 0.01, 0.3, log=True),
        "max_depth": t.suggest_int("max_depth", 3, 10),
        "min_child_weight": t.suggest_float("min_child_weight", 0.5, 30.0, log=True),
        "subsample": t.suggest_float("subsample", 0.5, 1.0),
        "colsample_bytree": t.suggest_float("colsample_bytree", 0.4, 1.0),
        "reg_lambda": t.suggest_float("reg_lambda", 0.1, 30.0, log=True),
    }


def _lightgbm(t: optuna.Trial) -> dict[str, Any]:
    return {
        "n_estimators": t.suggest_int("n_estimators", 50, 600, log=True),
        "learning_rate": t.suggest_float("learning_rate", 0.01, 0.3, log=True),
        "num_leaves": t.suggest_int("num_leaves", 4, 128, log=True),
        "min_child_samples": t.suggest_int("min_child_samples", 5, 200, log=True),
        "colsample_bytree": t.suggest_float("colsample_bytree", 0.4, 1.0),
        "reg_lambda": t.suggest_float("reg_lambda", 1e-3, 30.0, log=True),
    }


def _random_forest(t: optuna.Trial) -> dict[str, Any]:
    return {
        "n_estimators": t.suggest_int("n_estimators", 50, 300),
        "max_depth": t.suggest_int("max_depth", 4, 30),
        "min_samples_leaf": t.suggest_int("min_samples_leaf", 1, 50, log=True),
        "max_features": t.suggest_float("max_features", 0.1, 1.0),
    }


def _logistic_regression(t: optuna.Trial) -> dict[str, Any]:
    return {"C": t.suggest_float("C", 1e-4, 100.0, log=True)}


def _sgd(t: optuna.Trial) -> dict[str, Any]:
    return {
        "epochs": t.suggest_int("epochs", 2, 30, log=True),
        "learning_rate": t.suggest_float("learning_rate", 0.05, 2.0, log=True),
        "alpha": t.suggest_float("alpha", 1e-7, 1e-2, log=True),
    }


def _isolation_forest(t: optuna.Trial) -> dict[str, Any]:
    return {
        "n_estimators": t.suggest_int("n_estimators", 50, 300),
        "max_samples": t.suggest_int("max_samples", 64, 2048, log=True),
        "max_features": t.suggest_float("max_features", 0.2, 1.0),
    }


SEARCHED: dict[str, Suggest] = {
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
    "random_forest": _random_forest,
    "logistic_regression": _logistic_regression,
    "sgd": _sgd,
    "isolation_forest": _isolation_forest,
}
"""Ranges of parameters by kind."""
