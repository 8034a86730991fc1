"""What every maturity policy can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lagmark.learning.bundle import TrainedModel
    from lagmark.learning.calibration import Method
    from lagmark.learning.dataset import Dataset
    from lagmark.learning.maturity.history import KnownHistory

__all__ = ["MaturityPolicy"]


class MaturityPolicy(Protocol):
    """A rule for what to make of events whose last word is not yet known.

    It sees a history as of an instant and nothing else, so that nothing that became known later
    can reach a model. An event that was blocked and of which nobody spoke is never an example:
    its silence says nothing.
    """

    name: ClassVar[str]
    """Name in the registry of policies."""

    def examples(self, history: KnownHistory) -> Dataset:
        """Training rows with labels and weights.

        Raises
        ------
        DataError
            If the policy needs a maturity curve and too few labels are known to estimate one.
        """

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
        """Model fitted under the policy, with the parameters of :func:`lagmark.learning.train`.

        Raises
        ------
        ConfigError
            If there is no such kind or parameter.
        DataError
            If the examples cannot be learnt from.
        """
