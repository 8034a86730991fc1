"""Small generated payments, and one run on them that several tests look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lagmark.apps.jobs.run import run
from lagmark.settings import ModelSettings, RunSettings
from lagmark.simulator import simulate_handbook

if TYPE_CHECKING:
    from lagmark.apps.jobs.outcome import RunOutcome

SMALL = ModelSettings(kind="xgboost", params={"n_estimators": 15, "max_depth": 3, "max_bin": 64})


class Silent:
    """A reporter that keeps the names of the steps."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    @contextmanager
    def progress(
        self, description: str, unit: str = "events"
    ) -> Iterator[Callable[[int, int], None]]:
        self.steps.append(f"{description} [{unit}]")
        yield lambda _done, _total: None

    def line(self, text: str) -> None:
        self.steps.append(text)


@pytest.fixture(scope="session")
def payments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty-five days of some two hundred customers."""
    path = tmp_path_factory.mktemp("payments") / "payments.parquet"
    frame = simulate_handbook(customers=200, terminals=200, days=45, radius=20.0, seed=5)
    frame.write_parquet(path)
    return path


def small_settings(payments: Path, home: Path, **more: object) -> RunSettings:
    given: dict[str, object] = {
        "domain": "handbook", "events": payments, "home": home, "models": (SMALL,),
        "feature_sets": ("published",), "folds": 2, "threads": 1, "resamples": 20,
    }  # fmt: skip
    return RunSettings(**{**given, **more})  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def outcome(payments: Path, tmp_path_factory: pytest.TempPathFactory) -> RunOutcome:
    """A whole small run."""
    home = tmp_path_factory.mktemp("home")
    return run(small_settings(payments, home), reporter=Silent())
