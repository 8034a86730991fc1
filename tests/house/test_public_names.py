"""Public packages export what their ``__all__`` says, and that exists."""

from __future__ import annotations

import importlib

import pytest

import lagmark

PUBLIC = [
    "lagmark",
    "lagmark.errors",
    "lagmark.features",
    "lagmark.labels",
    "lagmark.labels.maturity",
    "lagmark.learning",
    "lagmark.learning.gates",
    "lagmark.learning.maturity",
    "lagmark.learning.metrics",
    "lagmark.monitoring.nowcast",
    "lagmark.simulator",
]


def test_the_top_package_exports_its_version_only() -> None:
    assert lagmark.__all__ == ["__version__"]


@pytest.mark.parametrize("module", PUBLIC)
def test_every_exported_name_exists(module: str) -> None:
    package = importlib.import_module(module)
    assert [name for name in package.__all__ if not hasattr(package, name)] == []


@pytest.mark.parametrize("module", PUBLIC)
def test_exported_names_are_public_and_stand_once(module: str) -> None:
    names = list(importlib.import_module(module).__all__)
    assert len(names) == len(set(names))
    assert [name for name in names if name.startswith("_") and name != "__version__"] == []
