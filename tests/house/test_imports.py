"""Importing Lagmark or its command line loads no heavy library."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

HEAVY = ("polars", "pyarrow", "pandas", "numba", "scipy", "sklearn", "xgboost", "lightgbm",
         "shap", "mlflow", "skops", "matplotlib", "duckdb", "river")  # fmt: skip

PROGRAM = """
import importlib, sys
importlib.import_module({module!r})
print(",".join(sorted(set(sys.modules) & set({heavy!r}))))
"""


def loaded_with(module: str) -> list[str]:
    """Heavy modules in a new interpreter after it imported ``module``."""
    program = PROGRAM.format(module=module, heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    return [name for name in done.stdout.strip().split(",") if name]


@pytest.mark.parametrize("module", ["lagmark", "lagmark.apps.cli", "lagmark.domains"])
def test_import_stays_light(module: str) -> None:
    assert importlib.util.find_spec(module), f"{module} is gone"
    assert loaded_with(module) == []


def test_the_check_would_notice() -> None:
    assert loaded_with("matplotlib") == ["matplotlib"]
