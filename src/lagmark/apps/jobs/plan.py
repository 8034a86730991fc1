"""Which models are trained on which features and days: the protocol of a run, written out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lagmark.domains.domain import Evaluation, ModelChoice
from lagmark.errors import ConfigError, DataError
from lagmark.learning.models.presets import PUBLISHED
from lagmark.learning.splits import Fold
from lagmark.schema.time import (
    DAY,
    format_duration,
    from_micros,
    parse_duration,
    parse_instant,
    to_micros,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lagmark.domains.domain import Domain
    from lagmark.schema.events import EventBatch
    from lagmark.settings import RunSettings

__all__ = ["Plan", "Trial", "label_delay", "make_plan"]


@dataclass(frozen=True, slots=True)
class Trial:
    """One model on one feature set and fold.

    Parameters
    ----------
    feature_set
        Name of the feature set.
    model
        Kind and parameters, presets resolved.
    fold
        Days to train and to test on.
    as_published
        Whether everything that can move a figure follows the published work: no calibration, and
        training rows ordered by id, on which a forest's bootstrap depends.
    """

    feature_set: str
    model: ModelChoice
    fold: Fold
    as_published: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """All trials of a run.

    Parameters
    ----------
    trials
        In the order of the results.
    compromised_days
        See :class:`lagmark.domains.domain.Evaluation`.
    caveats
        Feature sets whose figures must not be believed, with the reason.
    notes
        What a reader should know about how the days were chosen.
    """

    trials: tuple[Trial, ...]
    compromised_days: int | None
    caveats: Mapping[str, str]
    notes: tuple[str, ...]

    @property
    def feature_sets(self) -> tuple[str, ...]:
        """Feature sets in the order of their first trial."""
        return tuple(dict.fromkeys(trial.feature_set for trial in self.trials))


def label_delay(domain: Domain, text: str | None = None) -> int:
    """Age in microseconds that a label must have, the domain's own when no text is given.

    Raises
    ------
    ConfigError
        If the text is no duration.
    DataError
        If the domain has no labels.
    """
    if domain.label is None:
        raise DataError(
            "the domain has no labels to learn from",
            where=domain.name,
            hint="give its definition a LabelColumn",
        )
    return domain.label.delay if text is None else parse_duration(text)


def make_plan(settings: RunSettings, domain: Domain, batch: EventBatch) -> Plan:
    """Trials of a run: the domain's protocol with what the settings change in it.

    Raises
    ------
    ConfigError
        If the domain has no published protocol, or the days asked for do not fit the events.
    DataError
        If the events cover too few days.
    """
    delay = label_delay(domain, settings.delay)
    if settings.protocol == "published":
        return _published(settings, domain, batch, delay)
    evaluation = _overridden(domain.evaluation, settings)
    folds, notes = _folds(evaluation, batch, delay, asked=settings.test_start is not None)
    trials = [
        Trial(feature_set, model, fold)
        for feature_set in evaluation.feature_sets
        for model in evaluation.models
        for fold in folds
    ]
    return Plan(tuple(trials), evaluation.compromised_days, evaluation.caveats, notes)


def _published(settings: RunSettings, domain: Domain, batch: EventBatch, delay: int) -> Plan:
    published = domain.published
    if published is None:
        raise ConfigError(
            "the domain has no published result to compare with",
            where=domain.name,
            hint="use --protocol default",
        )
    changed = [
        name
        for name in ("feature_sets", "models", "folds", "train_days", "test_days", "test_start",
                     "delay")
        if getattr(settings, name) is not None
    ]  # fmt: skip
    if changed:
        raise ConfigError(
            f"the published protocol fixes {', '.join(changed)}",
            where="settings",
            hint="take these settings out, or use --protocol default",
        )
    (fold,), _ = _folds(published, batch, delay, asked=True)
    trials = [
        Trial(feature_set, _resolved(model), fold, as_published=True)
        for feature_set in published.feature_sets
        for model in published.models
    ]
    own = replace(
        domain.evaluation, folds=1, test_start=published.test_start, test_days=published.test_days
    )
    (own_fold,), notes = _folds(own, batch, delay, asked=True)
    trials += [Trial(own.feature_sets[0], model, own_fold) for model in own.models]
    compared = (
        f"the published settings learn from {published.train_days} days, Lagmark's own from "
        f"{own.train_days}; both are tested on the same payments"
    )
    return Plan(
        tuple(trials),
        published.compromised_days,
        domain.evaluation.caveats,
        (
            compared,
            *notes,
        ),
    )


def _resolved(model: ModelChoice) -> ModelChoice:
    if not model.preset:
        return model
    preset = PUBLISHED[model.kind]
    return ModelChoice(preset.kind, preset.params, model.name)


def _overridden(evaluation: Evaluation, settings: RunSettings) -> Evaluation:
    changes = {
        name: getattr(settings, name)
        for name in ("folds", "train_days", "test_days", "test_start", "feature_sets")
        if getattr(settings, name) is not None
    }
    if settings.models is not None:
        # The domain's tuned parameters stand for its kinds unless the run says its own.
        tuned = {model.kind: model.params for model in evaluation.models}
        changes["models"] = tuple(
            ModelChoice(one.kind, one.params or tuned.get(one.kind, {}), one.name)
            for one in settings.models
        )
    return replace(evaluation, **changes)


def _folds(
    evaluation: Evaluation, batch: EventBatch, delay: int, *, asked: bool
) -> tuple[tuple[Fold, ...], tuple[str, ...]]:
    """Folds that the events can fill, earliest first, and notes on what had to give way."""
    times = batch.events["event_time"].to_numpy()
    first = int(times.min()) // DAY * DAY
    end = (int(times.max()) // DAY + 1) * DAY
    test, train = evaluation.test_days * DAY, evaluation.train_days * DAY
    notes: list[str] = []
    start = None
    if evaluation.test_start is not None:
        start = to_micros(parse_instant(evaluation.test_start))
        if start - delay - DAY < first or start + test > end:
            if asked:
                raise ConfigError(
                    f"the events ({_day(first)} to {_day(end - DAY)}) do not cover a test of "
                    f"{evaluation.test_days} days from {_day(start)} and a day of training "
                    f"{format_duration(delay)} before it",
                    where="test_start",
                    hint="choose other days, or give more events",
                )
            start = None
    if start is None:
        room = end - delay - first - delay
        if room < 2 * DAY:
            raise DataError(
                f"the events cover {(end - first) // DAY} days, too few to train and test with "
                f"labels that are {format_duration(delay)} late",
                where="protocol",
                hint="give more days, or a shorter --delay if labels really come sooner",
            )
        test = min(test, max(DAY, room // 3 // DAY * DAY))
        start = end - delay - test
        if evaluation.test_start is not None:
            notes.append(
                f"the events do not cover the usual test from {evaluation.test_start}; tested on "
                f"the last days whose labels are all known, from {_day(start)}"
            )
    folds = []
    for k in range(evaluation.folds):
        as_of = start - k * test
        train_end = as_of - delay
        train_start = max(first, train_end - train)
        # A fold that learns from hardly anything says nothing about the method.
        if train_end - train_start < (min(train, test) if k else DAY):
            notes.append(f"the events allow {k} of {evaluation.folds} test ranges")
            break
        if train_end - train_start < train:
            notes.append(
                f"fold {_day(as_of)} learns from {(train_end - train_start) // DAY} days, not "
                f"{evaluation.train_days}: the events begin {_day(first)}"
            )
        folds.append(Fold(_day(as_of), train_start, train_end, delay, as_of, as_of + test, as_of))
    return tuple(reversed(folds)), tuple(notes)


def _day(micros: int) -> str:
    return from_micros(micros).date().isoformat()
