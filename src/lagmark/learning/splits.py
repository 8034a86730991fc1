"""Which days to learn from and which to be measured on, with the delay of labels between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lagmark.errors import ConfigError
from lagmark.schema.time import DAY, format_duration, from_micros

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Fold", "prequential_folds", "stratified_folds", "temporal_split"]


@dataclass(frozen=True, slots=True)
class Fold:
    """A training range, a later test range, and the instant between them.

    Parameters
    ----------
    name
        Short name for reports.
    train_start, train_end
        Half-open range of event times to learn from, microseconds since 1970 UTC.
    delay
        Age in microseconds that a label must have to be used.
    test_start, test_end
        Half-open range of event times to be measured on.
    as_of
        The instant the model is trained at: no later label and no later event reaches it.

    Raises
    ------
    ConfigError
        If a range is empty, the test lies before ``as_of``, or the training range reaches into
        events whose labels are younger than the delay.
    """

    name: str
    train_start: int
    train_end: int
    delay: int
    test_start: int
    test_end: int
    as_of: int

    def __post_init__(self) -> None:
        where = f"fold {self.name}"
        if self.train_start >= self.train_end or self.test_start >= self.test_end:
            raise ConfigError("a range of days is empty", where=where, hint="start before the end")
        if self.test_start < self.as_of:
            raise ConfigError(
                f"the test starts before as_of {from_micros(self.as_of).isoformat()}",
                where=where,
                hint="a model may only be measured on events after the instant it was trained at",
            )
        if self.delay < 0 or self.train_end > self.as_of - self.delay:
            raise ConfigError(
                f"the training range ends later than {format_duration(max(self.delay, 0))} "
                "before as_of",
                where=where,
                hint="end it at as_of - delay or earlier",
            )


def temporal_split(
    *,
    test_start: int,
    test_end: int,
    train: int,
    delay: int,
    as_of: int | None = None,
    name: str | None = None,
) -> Fold:
    """Fold that trains on the last ``train`` microseconds of old enough labels.

    Parameters
    ----------
    test_start, test_end
        Half-open test range, microseconds since 1970 UTC.
    train, delay
        Length of the training range and the age its labels must have, microseconds.
    as_of
        When the model is trained; ``test_start`` when absent.
    name
        Name of the fold; the day the test starts when absent.

    Examples
    --------
    >>> fold = temporal_split(test_start=14 * DAY, test_end=21 * DAY, train=7 * DAY, delay=7 * DAY)
    >>> fold.train_start // DAY, fold.train_end // DAY, fold.name
    (0, 7, '1970-01-15')
    """
    asked = test_start if as_of is None else as_of
    return Fold(
        name=from_micros(test_start).date().isoformat() if name is None else name,
        train_start=asked - delay - train,
        train_end=asked - delay,
        delay=delay,
        test_start=test_start,
        test_end=test_end,
        as_of=asked,
    )


def prequential_folds(
    *, end: int, folds: int, train: int, delay: int, test: int = 7 * DAY
) -> tuple[Fold, ...]:
    """Consecutive test ranges that end at ``end``, each with the training range before it.

    Parameters
    ----------
    end
        End of the last test range, microseconds since 1970 UTC.
    folds
        Number of test ranges.
    train, delay, test
        Lengths in microseconds; every fold trains on the same length.

    Returns
    -------
    tuple of Fold
        Earliest first.

    Raises
    ------
    ConfigError
        If ``folds`` is not positive.
    """
    if folds < 1:
        raise ConfigError(f"{folds} folds asked for", hint="ask for at least one")
    return tuple(
        temporal_split(
            test_start=end - k * test, test_end=end - (k - 1) * test, train=train, delay=delay
        )
        for k in range(folds, 0, -1)
    )


def stratified_folds(
    y: NDArray[np.int8], folds: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Random fold number of each example, with the classes spread evenly.

    Such folds learn from the future; they are for comparison with published baselines only.

    Parameters
    ----------
    y
        Labels, shape (n,).
    folds
        Number of folds, at least 2.
    rng
        Source of the shuffle.

    Returns
    -------
    int64 array, shape (n,)
        Numbers 0 to ``folds - 1``; per class and overall their counts differ by at most one.

    Raises
    ------
    ConfigError
        If there are fewer than two folds or fewer examples than folds.
    """
    if folds < 2 or folds > y.shape[0]:
        raise ConfigError(
            f"{folds} folds of {y.shape[0]} examples", hint="ask for 2 up to the number of examples"
        )
    # One shuffled list, class after class, dealt out in turn.
    shuffled = rng.permutation(y.shape[0])
    dealt = shuffled[np.argsort(y[shuffled], kind="stable")]
    number = np.empty(y.shape[0], dtype=np.int64)
    number[dealt] = np.arange(y.shape[0]) % folds
    return number
