"""The fit that policies share which only choose rows and weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from lagmark.learning.maturity.shares import expected_known, usual_reports
from lagmark.learning.training import train

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lagmark.learning.bundle import TrainedModel
    from lagmark.learning.calibration import Method
    from lagmark.learning.dataset import Dataset
    from lagmark.learning.maturity.history import KnownHistory

__all__ = ["RowsPolicy"]


class RowsPolicy(ABC):
    """A policy whose model is one model fitted on its examples."""

    name: ClassVar[str]

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
            share_known=expected_known(history, examples.rows, usual_reports(history)),
            blocks=True,
        )
