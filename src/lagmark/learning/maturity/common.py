"""The fit that policies share which only choose rows and weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from lagmark.learning.maturity.shares import ShareKnown, expected_known, usual_curve
from lagmark.learning.training import train

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from lagmark.learning.bundle import TrainedModel
    from lagmark.learning.calibration import Method
    from lagmark.learning.dataset import Dataset
    from lagmark.learning.maturity.history import KnownHistory

__all__ = ["RowsPolicy"]


class RowsPolicy(ABC):
    """A policy whose model is one model fitted on its examples."""

    name: ClassVar[str]
    curve: ShareKnown | None = None
    """Share of final labels known by age, where it was given."""

    @abstractmethod
    def examples(self, history: KnownHistory) -> Dataset:
        """See :meth:`MaturityPolicy.examples`."""

    def fit(
        self,
        history: KnownHistory,
        kind: str,
        params: Mapping[str, Any] | None = None,
        *,
        seed: int = 0,
        n_jobs: int = 1,
        calibrate: bool = True,
        method: Method = "logistic",
        prior: float | None = None,
    ) -> TrainedModel:
        """See :meth:`MaturityPolicy.fit`."""
        examples = self.examples(history)
        curve = usual_curve(history, self.curve)
        return train(
            examples,
            kind,
            params,
            seed=seed,
            calibrate=calibrate,
            method=method,
            n_jobs=n_jobs,
            prior=prior,
            policy=self.name,
            share_known=expected_known(history, examples.rows, curve),
            blocks=True,
            mature=self.mature(examples, curve),
        )

    def mature(self, examples: Dataset, curve: ShareKnown | None) -> NDArray[np.bool_] | None:
        """Examples to calibrate on: all, unless a policy knows better."""
        del examples, curve
        return None
