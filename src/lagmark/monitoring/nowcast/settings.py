"""What a nowcast may be told."""

from __future__ import annotations

from dataclasses import dataclass

from lagmark.errors import ConfigError

__all__ = ["NowcastSettings"]


@dataclass(frozen=True, slots=True)
class NowcastSettings:
    """Windows, levels and thresholds of a nowcast; the defaults are those of the documents.

    Parameters
    ----------
    window
        Days of arriving labels that maturity is developed on.
    replicates
        Number of times days are drawn again for the intervals.
    coverage
        Nominal coverage of the intervals.
    mature
        Share of final frauds known from which on a cohort is mature.
    least_share
        Share known below which labels say too little of a cohort.
    least_labels
        Labels in the window that a stratum needs for a curve of its own.
    reference_age
        Days after which a cohort may check the level of the scores.
    reference_days
        Most cohorts that are used for that.
    alarm_z
        Standardised difference between estimators that raises the alarm.
    doubt_z
        Standardised difference from which on what it touches is no longer called estimable.
    never_labelled
        Share of frauds that no label ever reaches, as an audit found it; 0 lets every figure speak
        of frauds that labels will name in the end.
    cohorts
        Latest cohort days that are published.
    seed
        Seed of the replicates.
    """

    window: int = 42
    replicates: int = 200
    coverage: float = 0.9
    mature: float = 0.8
    least_share: float = 0.05
    least_labels: int = 30
    reference_age: int = 28
    reference_days: int = 56
    alarm_z: float = 4.25
    doubt_z: float = 2.0
    never_labelled: float = 0.0
    cohorts: int = 60
    seed: int = 0

    def __post_init__(self) -> None:
        sound = (
            self.window >= 1
            and self.replicates >= 20
            and 0.5 <= self.coverage < 1
            and 0 < self.least_share <= self.mature <= 1
            and self.least_labels >= 1
            and self.reference_age >= 1
            and self.reference_days >= 7
            and self.alarm_z > 0
            and 0 < self.doubt_z <= self.alarm_z
            and 0 <= self.never_labelled < 0.9
            and self.cohorts >= 1
        )
        if not sound:
            raise ConfigError(
                "the settings of the nowcast are out of range",
                where="nowcast",
                hint="positive days, 20 replicates or more, shares and coverage below 1",
            )
