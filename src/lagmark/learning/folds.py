"""The training and test examples of a fold, each as of its own instant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lagmark.errors import ConfigError
from lagmark.learning.compromised import remove_known_compromised
from lagmark.learning.dataset import Dataset

if TYPE_CHECKING:
    from lagmark.learning.dataset import FeatureMatrix
    from lagmark.learning.splits import Fold
    from lagmark.schema.events import EventBatch

__all__ = ["FoldData", "fold_data"]


@dataclass(frozen=True, slots=True)
class FoldData:
    """What to learn from and what to be measured on.

    Parameters
    ----------
    fold
        The fold.
    train
        Examples with labels known at ``fold.as_of``.
    test
        Examples with labels known when the model is judged.
    """

    fold: Fold
    train: Dataset
    test: Dataset


def fold_data(
    fold: Fold,
    batch: EventBatch,
    vectors: FeatureMatrix,
    *,
    judged_at: int,
    contract_hash: str,
    subject: str | None = None,
    amount: str | None = None,
    amount_scale: int = 1,
    drop_compromised: bool = True,
) -> FoldData:
    """Datasets of one fold.

    Parameters
    ----------
    fold
        The fold.
    batch, vectors
        Events with labels, and their feature values.
    judged_at
        Test labels known at this instant are used, microseconds since 1970 UTC; a label delay
        after ``fold.test_end`` at least, or the latest test days are missing.
    contract_hash, subject, amount, amount_scale
        As for :meth:`Dataset.build`.
    drop_compromised
        Whether subjects known to be compromised are left out of the test
        (:func:`remove_known_compromised`, since the start of training); without a subject
        nothing is.

    Raises
    ------
    ConfigError
        If the model would be judged before the test ends.
    """
    if judged_at < fold.test_end:
        raise ConfigError(
            "judged before the test ends",
            where=f"fold {fold.name}",
            hint="judge at the test's end plus the label delay",
        )
    keep = None
    if drop_compromised and subject is not None:
        keep = remove_known_compromised(
            batch,
            subject=subject,
            start=fold.test_start,
            end=fold.test_end,
            since=fold.train_start,
            delay=fold.delay,
        )
    train = Dataset.build(
        batch,
        vectors,
        as_of=fold.as_of,
        start=fold.train_start,
        end=fold.train_end,
        delay=fold.delay,
        contract_hash=contract_hash,
        subject=subject,
        amount=amount,
        amount_scale=amount_scale,
    )
    test = Dataset.build(
        batch,
        vectors,
        as_of=judged_at,
        start=fold.test_start,
        end=fold.test_end,
        keep=keep,
        contract_hash=contract_hash,
        subject=subject,
        amount=amount,
        amount_scale=amount_scale,
    )
    return FoldData(fold, train, test)
