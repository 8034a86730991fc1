"""Job: one model trained as of an instant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lagmark.apps.jobs.examples import examples_to_learn, known_history
from lagmark.apps.jobs.features import compute_features
from lagmark.apps.jobs.labelled import read_labelled
from lagmark.apps.jobs.plan import label_delay
from lagmark.apps.jobs.record import record_model
from lagmark.domains.domain import ModelChoice
from lagmark.domains.registry import load_domain
from lagmark.errors import DataError
from lagmark.learning import Fold, TrainedModel, create_policy, train
from lagmark.learning.maturity.shares import usual_curve
from lagmark.schema.time import DAY, format_duration, from_micros
from lagmark.wiring import Home, default_threads

if TYPE_CHECKING:
    from lagmark.apps.jobs.labelled import Labelled
    from lagmark.apps.jobs.reporter import Reporter
    from lagmark.domains.domain import Domain
    from lagmark.features.backfill import Vectors
    from lagmark.ports.model_registry import LoggedRun
    from lagmark.settings import RunSettings

__all__ = ["Trained", "train_as_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A model that was trained and recorded.

    Parameters
    ----------
    run
        Its run.
    model
        The model.
    feature_set
        Name of its feature set.
    version
        Version it was registered as.
    """

    run: LoggedRun
    model: TrainedModel
    feature_set: str
    version: int

    def as_dict(self) -> dict[str, Any]:
        """Record for JSON."""
        facts = self.model.facts()
        kept = ("kind", "contract_hash", "fingerprint", "train_events", "train_frauds", "seed",
                "policy", "share_known")  # fmt: skip
        return {
            "command": "train",
            "domain": self.run.domain,
            "run_id": self.run.run_id,
            "version": self.version,
            "feature_set": self.feature_set,
            "as_of": from_micros(self.model.as_of).isoformat(),
            "train_start": from_micros(self.model.train_start).isoformat(),
            "train_end": from_micros(self.model.train_end).isoformat(),
            **{name: facts[name] for name in kept},
        }


def train_as_of(
    settings: RunSettings, *, as_of: int | None, reporter: Reporter, policy: str | None = None
) -> Trained:
    """Model trained on what was known at an instant, recorded and registered.

    Parameters
    ----------
    settings
        Domain, events, and at most one feature set and model; the domain's first otherwise.
    as_of
        Microseconds since 1970 UTC; the end of the last day of events when ``None``.
    reporter
        Told about progress.
    policy
        Maturity policy; when ``None`` the events with a label of sufficient age, and where labels
        are messages ``"fixed_delay"``.

    Raises
    ------
    ConfigError
        If there is no such policy.
    DataError
        If no labels were known by then.
    """
    domain = load_domain(settings.domain)
    home = Home(settings.home)
    with home.exclusive():
        found = read_labelled(
            settings.events,
            domain,
            dead_letters=home.dead_letters(domain.name),
            reporter=reporter,
            as_of=as_of,
        )
        times = found.batch.events["event_time"].to_numpy()
        when = (int(times.max()) // DAY + 1) * DAY if as_of is None else as_of
        fold = _training_range(settings, domain, when, int(times.min()) // DAY * DAY)
        feature_set = domain.feature_set((settings.feature_sets or ("default",))[0])
        vectors = compute_features(feature_set, found.batch, reporter=reporter)
        choice = _choice(settings, domain)
        if policy is None and found.silence == "honest":
            policy = "fixed_delay"
        with reporter.progress(f"Train {choice.label}", "models") as tell:
            model = _fitted(settings, domain, found, vectors, fold, choice, policy)
            tell(1, 1)
        registry = home.registry()
        logged = record_model(
            model,
            domain,
            registry,
            name=f"{choice.label}-{feature_set.name}-{from_micros(when).date().isoformat()}",
            label=choice.label,
            feature_set=feature_set.name,
            metrics={},
            params={"delay": format_duration(fold.delay)},
            tags={"lagmark.protocol": "train"},
        )
        version = registry.register(logged.run_id)
    return Trained(logged, model, feature_set.name, version.version)


def _fitted(
    settings: RunSettings,
    domain: Domain,
    found: Labelled,
    vectors: Vectors,
    fold: Fold,
    choice: ModelChoice,
    policy: str | None,
) -> TrainedModel:
    options: dict[str, Any] = {
        "seed": settings.seed, "n_jobs": settings.threads or default_threads()
    }  # fmt: skip
    if policy is None:
        training = examples_to_learn(fold, domain, found.batch, vectors)
        return train(training, choice.kind, choice.params, **options)
    # Delays are learnt from all there is; a policy also uses events younger than the delay.
    ever = known_history(
        domain, found.batch, vectors, as_of=fold.as_of, start=0, end=fold.as_of + 1
    )
    given: dict[str, Any] = {}
    if policy in ("fixed_delay", "feedback_delayed"):
        given["delay"] = fold.delay
    if policy in ("maturity_weighted", "positive_unlabelled"):
        given["curve"] = usual_curve(ever)
    if policy == "fixed_delay":
        given["silence"] = found.silence
    history = known_history(
        domain,
        found.batch,
        vectors,
        as_of=fold.as_of,
        start=fold.train_start,
        end=fold.train_end if policy == "fixed_delay" else fold.as_of + 1,
    )
    return create_policy(policy, given).fit(history, choice.kind, choice.params, **options)


def _training_range(settings: RunSettings, domain: Domain, as_of: int, first: int) -> Fold:
    delay = label_delay(domain, settings.delay)
    days = settings.train_days or domain.evaluation.train_days
    train_end = as_of - delay
    start = max(first, train_end - days * DAY)
    if start >= train_end:
        raise DataError(
            f"no label was {format_duration(delay)} old by {from_micros(as_of).isoformat()}",
            where=str(settings.events),
            hint="train as of a later instant",
        )
    return Fold("train", start, train_end, delay, as_of, as_of + DAY, as_of)


def _choice(settings: RunSettings, domain: Domain) -> ModelChoice:
    tuned = domain.evaluation.models
    if not settings.models:
        return tuned[0]
    one = settings.models[0]
    params = next((m.params for m in tuned if m.kind == one.kind), {})
    return ModelChoice(one.kind, one.params or params, one.name)
