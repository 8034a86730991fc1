"""Kinds of model behind one small interface, one per file."""

from __future__ import annotations

from lagmark.learning.models.interface import Model
from lagmark.learning.models.presets import PUBLISHED, Preset
from lagmark.learning.models.registry import KINDS, create_model, model_type

__all__ = ["KINDS", "PUBLISHED", "Model", "Preset", "create_model", "model_type"]
