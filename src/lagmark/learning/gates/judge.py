"""A candidate against the champion, on the same events whose labels are in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lagmark.errors import ConfigError, DataError
from lagmark.learning.gates.report import Gate, GateReport
from lagmark.learning.gates.speed import one_row_p99
from lagmark.learning.maturity.fixed_delay import FixedDelay
from lagmark.learning.maturity.shares import ShareKnown, share_at
from lagmark.learning.metrics.bootstrap import Estimate, intervals, resamples
from lagmark.learning.metrics.evaluate import Budget, statistics
from lagmark.reports.formats import duration

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.learning.bundle import TrainedModel
    from lagmark.learning.dataset import Dataset
    from lagmark.learning.maturity.history import KnownHistory
    from lagmark.schema.contract import Contract

__all__ = ["Limits", "judge"]

_LESS_IS_BETTER = ("expected_cost", "brier")


@dataclass(frozen=True, slots=True)
class Limits:
    """What the gates ask for.

    Parameters
    ----------
    metric
        Figure that must be better, a name of :class:`~lagmark.learning.metrics.Metrics`.
    lowest_ratio, highest_ratio
        Bounds of predicted over actual frauds.
    p99_ms
        Time one row may take at the 99th percentile, milliseconds.
    least_frauds
        Frauds without which nothing can be said.
    level
        Coverage of the intervals.
    resample
        Bootstrap resamples.
    """

    metric: str = "pr_auc"
    lowest_ratio: float = 0.9
    highest_ratio: float = 1.1
    p99_ms: float = 20.0
    least_frauds: int = 30
    level: float = 0.95
    resample: int = 400


def judge(
    candidate: TrainedModel,
    champion: TrainedModel | None,
    history: KnownHistory,
    *,
    mature_age: int,
    rng: np.random.Generator,
    champion_values: NDArray[np.float64] | None = None,
    contract: Contract | None = None,
    silence: str = "honest",
    curve: ShareKnown | None = None,
    budget: Budget | None = None,
    limits: Limits | None = None,
) -> GateReport:
    """Gates of a candidate, all on labels known at the history's ``as_of``.

    Only events count that happened after both models were trained and are at least
    ``mature_age`` old. What a model gains on younger ones it may owe to frauds that are labelled
    fast, and lose again when the slow labels come.

    Parameters
    ----------
    candidate, champion
        The models; without a champion the candidate must beat guessing.
    history
        Events with the candidate's features.
    mature_age
        Age at which labels count as in, microseconds.
    rng
        Source of the resamples, which both models share.
    champion_values
        The champion's features of the same events, shape (n, F'), where they differ.
    contract
        What the service would feed the candidate now; not compared when absent.
    silence
        What silence about an old event means, see
        :class:`~lagmark.learning.maturity.fixed_delay.FixedDelay`.
    curve
        Share of labels known by age, to be told in the text.
    budget
        Alert budget of the figures that need one.
    limits
        What is asked for.

    Raises
    ------
    ConfigError
        If there is no such metric.
    DataError
        If a matrix does not fit its model.
    """
    limits = Limits() if limits is None else limits
    budget = Budget() if budget is None else budget
    since = max(candidate.as_of, champion.as_of if champion is not None else candidate.as_of)
    mature = FixedDelay(mature_age, silence=silence).examples(history)
    test = mature.take(mature.event_time >= since)
    gates = [
        _mature(test, mature_age, curve, limits),
        *_figures(candidate, champion, history, test, champion_values, budget, limits, rng),
        _contract(candidate, contract),
        _fast(candidate, history, limits),
    ]
    return GateReport(
        gates=tuple(gates),
        metric=limits.metric,
        as_of=history.as_of,
        start=max(since, history.start),
        end=min(history.end, history.as_of - mature_age + 1),
        events=len(test),
        frauds=test.frauds,
    )


def _mature(test: Dataset, age: int, curve: ShareKnown | None, limits: Limits) -> Gate:
    known = None if curve is None else float(share_at(curve, np.array([age]))[0])
    share = "" if known is None else f", when {known:.0%} of fraud labels are known"
    return Gate(
        "mature",
        test.frauds >= limits.least_frauds,
        f"{test.frauds:,} frauds among events at least {duration(age)} old{share} "
        f"(at least {limits.least_frauds} needed)",
        figure=float(test.frauds),
    )


def _figures(
    candidate: TrainedModel,
    champion: TrainedModel | None,
    history: KnownHistory,
    test: Dataset,
    champion_values: NDArray[np.float64] | None,
    budget: Budget,
    limits: Limits,
    rng: np.random.Generator,
) -> tuple[Gate, Gate]:
    if test.frauds < limits.least_frauds or test.frauds == len(test):
        text = "too few mature examples to say"
        return Gate("better", passed=False, text=text), Gate("calibrated", passed=False, text=text)
    ours = statistics(test, candidate.probability(test.X), budget)
    if limits.metric not in ours:
        raise ConfigError(
            f"there is no figure {limits.metric!r}", hint=f"choose one of: {', '.join(ours)}"
        )
    own = ours[limits.metric]
    sign = -1.0 if limits.metric in _LESS_IS_BETTER else 1.0
    if champion is None:
        theirs = statistics(test, np.zeros(len(test)), budget)[limits.metric]
    else:
        X = _champion_matrix(champion, history, test, champion_values)
        theirs = statistics(test, champion.probability(X), budget)[limits.metric]

    def difference(w: NDArray[np.float64] | None) -> float | None:
        a, b = own(w), theirs(w)
        return None if a is None or b is None else sign * (a - b)

    found = intervals(
        {
            "difference": difference,
            "own": own,
            "theirs": theirs,
            "ratio": ours["calibration_ratio"],
        },
        resamples(test.subject, len(test), limits.resample, rng),
        limits.level,
    )
    rival = "guessing" if champion is None else "the champion"
    return _better(found, limits, rival), _calibrated(found["ratio"], limits)


def _champion_matrix(
    champion: TrainedModel,
    history: KnownHistory,
    test: Dataset,
    champion_values: NDArray[np.float64] | None,
) -> NDArray[np.float64]:
    if champion_values is None:
        if champion.contract_hash != history.contract_hash:
            raise DataError(
                "the champion reads other features than the candidate",
                where="gates",
                hint="give its own feature matrix as well",
            )
        return test.X
    if champion_values.shape != (len(history), len(champion.names)):
        raise DataError(
            f"the champion's features have shape {champion_values.shape}", where="gates"
        )
    return champion_values[np.searchsorted(history.rows, test.rows)]


def _better(found: dict[str, Estimate], limits: Limits, rival: str) -> Gate:
    gain, own, theirs = found["difference"], found["own"].value, found["theirs"].value
    name = limits.metric.replace("_", "-")
    if gain.value is None or gain.low is None or own is None or theirs is None:
        return Gate("better", passed=False, text=f"{name} cannot be compared")
    return Gate(
        "better",
        gain.low > 0,
        f"{name} {own:.4g} against {theirs:.4g} of {rival}; gain {gain.value:+.4f} "
        f"({limits.level:.0%} paired interval {gain.low:+.4f} to {gain.high:+.4f})",
        gain.value,
        gain.low,
        gain.high,
    )


def _calibrated(ratio: Estimate, limits: Limits) -> Gate:
    if ratio.value is None:
        return Gate("calibrated", passed=False, text="there is no fraud to compare with")
    span = "" if ratio.low is None else f" ({limits.level:.0%} {ratio.low:.2f} to {ratio.high:.2f})"
    return Gate(
        "calibrated",
        limits.lowest_ratio <= ratio.value <= limits.highest_ratio,
        f"predicted over actual frauds {ratio.value:.2f}{span}, allowed "
        f"{limits.lowest_ratio:g} to {limits.highest_ratio:g}",
        ratio.value,
        ratio.low,
        ratio.high,
    )


def _contract(candidate: TrainedModel, contract: Contract | None) -> Gate:
    if contract is None:
        return Gate("contract", passed=True, text="not compared: no service contract was given")
    same = contract.hash == candidate.contract_hash and contract.names == candidate.names
    word = "the service feeds it" if same else f"the service feeds {contract.hash[:12]}"
    return Gate("contract", same, f"reads features {candidate.contract_hash[:12]}; {word}")


def _fast(candidate: TrainedModel, history: KnownHistory, limits: Limits) -> Gate:
    if not len(history):
        return Gate("fast", passed=False, text="there is no event to score")
    p99 = one_row_p99(candidate, history.X[:1000])
    return Gate(
        "fast",
        p99 <= limits.p99_ms,
        f"one row in {p99:.2f} ms at the 99th percentile, allowed {limits.p99_ms:g} ms",
        p99,
    )
