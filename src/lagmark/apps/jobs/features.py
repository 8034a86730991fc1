"""Job: the features of a whole history."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lagmark.apps.jobs.reporter import Reporter
    from lagmark.features import FeatureSet
    from lagmark.features.backfill import Vectors
    from lagmark.schema.events import EventBatch

__all__ = ["compute_features"]


def compute_features(feature_set: FeatureSet, batch: EventBatch, *, reporter: Reporter) -> Vectors:
    """Features of every event of a batch, as known when it arrived."""
    from lagmark.features import backfill

    with reporter.progress(f"Features '{feature_set.name}'") as tell:
        return backfill(feature_set, batch, progress=tell)
