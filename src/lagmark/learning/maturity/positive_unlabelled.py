"""Silent events as what they are: partly frauds whose label is still out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from lagmark.errors import DataError
from lagmark.labels import UNKNOWN
from lagmark.learning.maturity.reported import ReportedPolicy
from lagmark.learning.models import create_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from lagmark.learning.dataset import Dataset
    from lagmark.learning.maturity.history import KnownHistory
    from lagmark.learning.maturity.shares import Reports, ShareKnown

__all__ = ["PositiveUnlabelled"]

_LEAST_POSTERIOR = 1e-4
"""Copies that would weigh less than this are not made."""


class PositiveUnlabelled(ReportedPolicy):
    """Learning from positive and unlabelled events, the label frequency given by the age.

    Elkan and Noto (2008, section 3) weigh each unlabelled example as a positive with its
    probability ``w`` of being one, and as a negative with ``1 - w``. Theirs supposes one label
    frequency ``c``; here it is the maturity ``s`` of the event's age, so that for probability
    ``p`` of fraud ``w = p (1 - s) / (1 - p s)``. ``p`` comes from a first model fitted with
    maturity weights, each event predicted by a model that had not seen it. It supposes that
    which fraud is labelled by now depends on its age alone.

    Parameters
    ----------
    curve, reported, least_share
        As for :class:`~lagmark.learning.maturity.reported.ReportedPolicy`.
    first_kind, first_params
        The first model.
    parts
        Parts for its cross-fit.
    seed
        Seed of the parts.
    """

    name: ClassVar[str] = "positive_unlabelled"

    def __init__(
        self,
        curve: ShareKnown | None = None,
        *,
        reported: float | None = None,
        least_share: float = 0.1,
        first_kind: str = "logistic_regression",
        first_params: Mapping[str, Any] | None = None,
        parts: int = 3,
        seed: int = 0,
    ) -> None:
        super().__init__(curve, reported=reported, least_share=least_share)
        self.first_kind, self.first_params = first_kind, first_params
        self.parts, self.seed = parts, seed

    def weighed(self, history: KnownHistory, found: Reports) -> Dataset:
        """See :meth:`ReportedPolicy.weighed`; silent events may occur twice, once as each class.

        Raises
        ------
        DataError
            If the first model cannot be fitted.
        """
        index, s, weights = self.chosen(history, found)
        verdict = history.verdict[index]
        p = self._first(history, index, (verdict == 1).astype(np.int8), weights)
        posterior = np.where(verdict == UNKNOWN, p * (1 - s) / np.maximum(1 - p * s, 1e-12), 0.0)
        posterior[posterior < _LEAST_POSTERIOR] = 0.0
        twice = np.flatnonzero(posterior > 0)
        both = np.concatenate([index, index[twice]])
        y = np.concatenate([verdict == 1, np.ones(twice.shape[0], dtype=np.bool_)])
        w = np.concatenate([1.0 - posterior, posterior[twice]])
        # In the order of the history, so that only what an event is decides its place.
        order = np.argsort(both, kind="stable")
        return history.dataset(both[order], y[order].astype(np.int8), w[order])

    def _first(
        self,
        history: KnownHistory,
        index: NDArray[np.int64],
        y: NDArray[np.int8],
        weights: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        part = np.random.default_rng(self.seed).integers(self.parts, size=index.shape[0])
        p = np.empty(index.shape[0])
        for k in range(self.parts):
            inside, outside = part == k, part != k
            if not inside.any():
                continue
            if not y[outside].any():
                raise DataError(
                    f"{int(y.sum())} known frauds are too few for a first model",
                    where=self.name,
                    hint="give a longer history",
                )
            first = create_model(self.first_kind, self.first_params).fit(
                history.X[index[outside]],
                y[outside],
                names=history.names,
                weights=weights[outside],
                seed=self.seed,
            )
            p[inside] = first.predict_proba(history.X[index[inside]])
        return p
