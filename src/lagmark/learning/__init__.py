"""Learning under label lag: as-of datasets, splits, models, figures, trained bundles."""

from __future__ import annotations

from lagmark.learning.bundle import TrainedModel
from lagmark.learning.calibration import Calibration, score
from lagmark.learning.compromised import remove_known_compromised
from lagmark.learning.dataset import Dataset, FeatureMatrix
from lagmark.learning.maturity import KnownHistory, MaturityPolicy, create_policy
from lagmark.learning.reasons import Reason, top_reasons
from lagmark.learning.splits import Fold, prequential_folds, stratified_folds, temporal_split
from lagmark.learning.training import train

__all__ = [
    "Calibration",
    "Dataset",
    "FeatureMatrix",
    "Fold",
    "KnownHistory",
    "MaturityPolicy",
    "Reason",
    "TrainedModel",
    "create_policy",
    "prequential_folds",
    "remove_known_compromised",
    "score",
    "stratified_folds",
    "temporal_split",
    "top_reasons",
    "train",
]
