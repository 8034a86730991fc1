"""The directory of everything that is kept, and the backends that live in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lagmark.errors import ConfigError, StateError
from lagmark.locks import claim

if TYPE_CHECKING:
    from lagmark.ports.model_registry import ModelRegistry
    from lagmark.ports.offline_store import OfflineStore

__all__ = ["Home", "default_threads"]

_MOST_THREADS = 8


@dataclass(frozen=True, slots=True)
class Home:
    """Directory of one installation's runs, models, events and reports.

    Parameters
    ----------
    path
        The directory; made when something is written.
    """

    path: Path

    def registry(self) -> ModelRegistry:
        """Model registry: MLflow on an SQLite file."""
        from lagmark.backends.mlflow_registry import MlflowRegistry

        return MlflowRegistry(self._made() / "registry")

    def store(self, domain: str) -> OfflineStore:
        """Offline store of a domain: Parquet files by day."""
        from lagmark.backends.daily_parquet import DailyParquet

        return DailyParquet(self.store_path(domain))

    def store_path(self, domain: str) -> Path:
        """Folder of a domain's daily files."""
        return self.path / "events" / domain

    def dead_letters(self, domain: str) -> Path:
        """File of a domain's rows that could not become events."""
        return self.path / "dead-letters" / f"{domain}.jsonl"

    def report(self, name: str) -> Path:
        """HTML report by name."""
        return self.path / "reports" / f"{name}.html"

    def data(self, name: str) -> Path:
        """Generated data by file name."""
        return self.path / "data" / name

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Only job that writes to this home while the block runs.

        The lock goes with the process, so a killed run leaves none behind.

        Raises
        ------
        StateError
            If another job has it.
        """
        mine = claim(self._made() / ".run.lock")
        if mine is None:
            raise StateError(
                "another run is using this home",
                where=str(self.path),
                hint="wait for it, or give this one its own directory with --home",
            )
        with mine:
            yield

    def _made(self) -> Path:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"the home directory cannot be made: {error.strerror}",
                where=str(self.path),
                hint="choose a directory you may write to with --home",
            ) from None
        return self.path


def default_threads() -> int:
    """Threads to train with: one fewer than the cores this process may use, from one to eight.

    OpenMP's threads wait for each other by spinning, so a fit with a thread per core crawls as
    soon as another program wants one of them.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, min(_MOST_THREADS, cores - 1))
