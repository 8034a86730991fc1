"""Labels and scores weighed against each other by what each has shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lagmark.monitoring.nowcast.alarm import BANDS
from lagmark.monitoring.nowcast.dispersion import negative_binomial
from lagmark.monitoring.nowcast.estimate import Draws, value_draws
from lagmark.monitoring.nowcast.estimators.chain_ladder import share_of_events
from lagmark.monitoring.nowcast.estimators.control_group import ControlGroup
from lagmark.monitoring.nowcast.missing import around, missing_mean
from lagmark.monitoring.nowcast.usual import usual_rate, week_scatter
from lagmark.schema.time import DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.monitoring.nowcast.estimate import Context
    from lagmark.monitoring.nowcast.observed import Observed

__all__ = ["Combined"]

_WEEK = 3
"""Days on either side whose labels tell the factor of a day's week."""
_WAVE = 7
"""Days on either side with which a day shares the noise of that factor."""


class Combined:
    """Credibility-weighted figure of labels and scores (Bornhuetter-Ferguson).

    The scores give each cohort a gamma prior, the known frauds its Poisson likelihood: those of the
    week around a day move the factor that its days share, those of the day move the day. The
    factor's precision falls with the noise of the scores' level, with the scatter of weeks around
    it, and with the square of the difference between labels and scores beyond its own noise
    (DerSimonian and Laird 1986): scores that labels contradict lose their weight by themselves.
    """

    name = "combined"
    assumes = "labels or scores are right; where they differ labels win, unless delays moved"

    def estimate(self, context: Context, rng: np.random.Generator) -> Draws:
        """Posterior of each cohort; labels alone or scores alone while the other is doubted."""
        cells = context.cells
        if _control_alone(context):
            reasons = self._reasons(context)
            good = np.array([not reason for reason in reasons])
            weighed = ControlGroup().estimate(context, rng)
            return replace(weighed, estimable=good, reasons=reasons)
        thinned = _thinned(context)
        prior = _prior(context, thinned, rng)
        known = cells.visible.known if cells.blocks else cells.all.known
        alone = missing_mean(known, cells.visible.events, thinned, cells.resampled)
        posterior = (prior.shape + known) * (1.0 - thinned)
        posterior /= np.maximum(prior.shape / np.maximum(prior.mean, 1e-9) + thinned, 1e-9)
        scored = prior.mean > 0
        missing = np.where(scored, posterior, alone)
        shape = np.where(scored, prior.shape + known, known + 1.0)
        if context.alarm.delays:
            # The share known has lost its meaning; what is known stays a lower bound.
            missing = np.where(scored, np.maximum(prior.before - known, 0.0), missing)
            shape = np.where(scored, prior.before_shape, shape)
        elif context.alarm.doubts_scores:
            missing, shape = alone, np.broadcast_to(known + 1.0, alone.shape)
        variance = missing[1:] * (cells.dispersion + missing[1:] / np.maximum(shape[1:], 1e-6))
        drawn = negative_binomial(missing[1:], variance, rng)
        value = (cells.visible if cells.blocks else cells.all).known_value.sum(axis=1)
        reasons = self._reasons(context)
        return Draws(
            known + missing[0],
            known + drawn,
            value + (missing[0] * cells.amount_mean).sum(axis=1),
            value_draws(value, drawn, cells.amount_mean, cells.amount_square, rng),
            np.array([not reason for reason in reasons]),
            reasons,
        )

    def weights(self, context: Context, observed: Observed) -> NDArray[np.float64]:
        """What is known, and the missing frauds spread as labels and as scores would have it."""
        cells = context.cells
        if _control_alone(context):
            return ControlGroup().weights(context, observed)
        stratum = observed.stratum
        scores = np.nan_to_num(observed.probability) * context.level.ratio[0][stratum]
        scores = np.minimum(scores, 1.0)
        seen = observed.fraud_known & ~(observed.blocked & cells.blocks)
        if context.alarm.delays:
            return np.where(seen, 1.0, scores)
        trust = np.zeros(len(observed))
        if not context.alarm.doubts_scores:
            thinned = _thinned(context)
            prior = _prior(context, thinned, None)
            rate = prior.shape[0] / np.maximum(prior.mean[0], 1e-9)
            part = np.where(prior.mean[0] > 0, rate / np.maximum(rate + thinned[0], 1e-12), 0.0)
            moved = prior.mean[0] / np.maximum(prior.before[0], 1e-9)
            day = observed.event_time // DAY - cells.days[0]
            trust, scores = part[day, stratum], scores * moved[day, stratum]
        share = np.maximum(share_of_events(cells, observed), 1e-6) * observed.propensity
        from_labels = np.where(seen, 1.0 + (1.0 - trust) * (1.0 - share) / share, 0.0)
        return from_labels + trust * (1.0 - share) * scores

    @staticmethod
    def _reasons(context: Context) -> tuple[str, ...]:
        cells, alarm = context.cells, context.alarm
        scored = cells.all.scored.sum(axis=1) >= 0.5 * np.maximum(cells.all.events.sum(axis=1), 1)
        scores = scored & (context.level.days > 0) & (not alarm.doubts_scores)
        texts = []
        for row, maturity in enumerate(cells.maturity):
            few = maturity < context.settings.least_share
            labels = "too few labels are in" if few else alarm.doubts_maturity
            if scores[row] or not labels or maturity >= context.settings.mature:
                texts.append("")
            else:
                texts.append(labels)
        return tuple(texts)


def _control_alone(context: Context) -> bool:
    """Whether only the control group is left: blocks hide outcomes, and the scores are doubted."""
    alarm = context.alarm
    return context.cells.blocks and bool(alarm.doubts_scores) and not alarm.delays


@dataclass(frozen=True, slots=True, eq=False)
class _Prior:
    """Gamma priors of each cell, shape (1 + B, D, strata).

    ``mean`` and ``shape`` after the known frauds of the days around have moved them, ``before``
    and ``before_shape`` by the scores alone. A mean of 0 means that there is no prior.
    """

    mean: NDArray[np.float64]
    shape: NDArray[np.float64]
    before: NDArray[np.float64]
    before_shape: NDArray[np.float64]


def _prior(
    context: Context, thinned: NDArray[np.float64], rng: np.random.Generator | None
) -> _Prior:
    """Scores at the level of older cohorts, moved by what is known of the week around each day.

    Campaigns last for days, so a week's factor is common to its days and is learnt from all of
    their labels; what is left is the scatter of single days around it.
    """
    cells, level = context.cells, context.level
    scale = cells.all.events / np.maximum(cells.all.scored, 1.0)
    usable = float(level.days > 0)
    mean = usable * level.ratio[:, None, :] * (cells.all.expected * scale)[None, :, :]
    noise = level.ratio[1:].var(axis=0) / np.maximum(level.ratio[0], 1e-9) ** 2
    scatter = week_scatter(level, usual_rate(cells))
    common = noise + scatter * (1.0 + 1.0 / max(level.days / 7.0, 1.0))
    for band in ("alerted", "rest"):
        between = context.alarm.between(band)
        common[list(BANDS[band])] += between
        if rng is not None:
            # What labels and scores differ by is common to all days, so it must not average out.
            shock = np.exp(np.sqrt(between) * rng.standard_normal(mean.shape[0] - 1))
            for column in BANDS[band]:
                mean[1:, :, column] *= shock[:, None]
    common = np.maximum(common, 1e-3)
    daily = np.maximum(level.relative_variance - level.weekly_variance, 0.0)
    known = cells.visible.known if cells.blocks else cells.all.known
    due = around(mean * thinned, _WEEK)
    # Days that scatter by themselves, and labels that come in heaps, tell less of their week.
    heaps = around((mean[:1] * thinned[:1]) ** 2, _WEEK) / np.maximum(due[:1], 1e-9)
    told = 1.0 / (cells.dispersion + daily * heaps)
    found = 1.0 / common + told * around(np.broadcast_to(known, mean.shape), _WEEK)
    factor = found / (1.0 / common + told * due)
    if rng is not None:
        deviation = np.sqrt(1.0 / found[1:])
        factor[1:] *= np.exp(deviation * _waves(deviation.shape, rng) - deviation**2 / 2)
    shape = np.broadcast_to(1.0 / np.maximum(daily, 1e-3), mean.shape)
    before = np.broadcast_to(1.0 / (common + daily), mean.shape)
    return _Prior(mean * factor, shape, mean, before)


def _waves(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
    """Standard normal noise that neighbouring days share, shape (B, D, strata)."""
    noise = around(rng.standard_normal(shape), _WAVE)
    return noise / np.sqrt(around(np.ones((1, shape[1], 1)), _WAVE))


def _thinned(context: Context) -> NDArray[np.float64]:
    """Chance of a fraud to be known by now, shape (1 + B, D, strata)."""
    cells = context.cells
    open_part = np.where(
        cells.all.expected > 0,
        cells.visible.expected / np.maximum(cells.all.expected, 1e-12),
        cells.visible.events / np.maximum(cells.all.events, 1.0),
    )
    return np.maximum(cells.share * open_part, 1e-6)
