"""The command line run in this process, and a small file of payments to run it on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lagmark.apps.cli import main
from lagmark.simulator import simulate_handbook


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def lagmark(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run one command; its status and what it printed."""

    def run(*arguments: object) -> Done:
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Done(status, out, err)

    return run


@pytest.fixture(scope="session")
def payments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """About 5,000 payments in one file."""
    path = tmp_path_factory.mktemp("payments") / "payments.parquet"
    simulate_handbook(customers=120, terminals=200, days=25, seed=3).write_parquet(path)
    return path
