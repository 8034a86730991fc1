"""Boosted trees read from their libraries' own files and evaluated by compiled kernels."""

from __future__ import annotations

from lagmark.serving.trees.forest import Forest
from lagmark.serving.trees.read_lightgbm import read_lightgbm
from lagmark.serving.trees.read_xgboost import read_xgboost

__all__ = ["Forest", "read_lightgbm", "read_xgboost"]
