"""Small real models of the handbook's features, and their places in a data directory."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from lagmark.backends.lineup import Place, write_lineup
from lagmark.domains.registry import get_domain
from lagmark.learning import Calibration, TrainedModel
from lagmark.learning.models import create_model

__all__ = ["place", "promote", "train"]

KINDS = {1: "xgboost", 2: "lightgbm", 3: "xgboost"}
"""Kind of each version."""


def train(version: int, path: Path, features: str = "default") -> None:
    """Bundle of a small model."""
    feature_set = get_domain("handbook").feature_set(features)
    rng = np.random.default_rng(version)
    X = rng.exponential(20, size=(600, len(feature_set.names)))
    X[rng.random(X.shape) < 0.3] = 0
    X[rng.random(X.shape) < 0.1] = np.nan
    loud = np.nan_to_num(X[:, :4]).sum(axis=1) + rng.normal(0, 20, 600)
    y = (loud > np.quantile(loud, 0.85)).astype(np.int8)
    model = create_model(KINDS[version], {"n_estimators": 12})
    model = model.fit(X, y, names=feature_set.names)
    calibration = Calibration.fit(model.predict_proba(X), y)
    contract = feature_set.contract.hash
    TrainedModel(model, calibration, contract, 0, features, 0, 0, 1, 600, int(y.sum())).save(path)


def place(data: Path, version: int, bundles: Path, features: str = "default") -> Place:
    """A version put where a data directory's registry would have it."""
    name = f"bundles/{version}"
    if not (data / "registry" / name).exists():
        shutil.copytree(bundles / str(version), data / "registry" / name)
    contract = get_domain("handbook").feature_set(features).contract.hash
    return Place(version=version, bundle=name, feature_set=features, contract_hash=contract)


def promote(data: Path, bundles: Path, **versions: int) -> None:
    """Give versions the places ``champion``, ``challenger``, ``shadow``; others go."""
    aliases = {role: place(data, version, bundles) for role, version in versions.items()}
    write_lineup(data / "registry", "handbook", aliases)
