"""Days of a backtest: a simulated world, or a data set."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lagmark.backtest import DataFeed, WorldFeed
from lagmark.domains.registry import load_domain
from lagmark.errors import StateError
from lagmark.ports.source import SourceTable

if TYPE_CHECKING:
    import polars as pl

    from lagmark.domains.domain import Domain
    from lagmark.features import FeatureSet
    from lagmark.schema.events import EventBatch
    from lagmark.simulator import Scenario

__all__ = ["DataSource", "WorldSource", "read_frame"]


def read_frame(frame: pl.DataFrame, domain: Domain) -> pl.DataFrame:
    """Validated events of rows in the source columns of a domain, all of them.

    The same events as those of :func:`lagmark.sources.read_events`, without its account of
    faulty rows: a world makes none, and its days are many.

    Raises
    ------
    StateError
        If a row is no event, or two have one id.
    """
    import polars as pl

    from lagmark.sources.table import read_columns

    reading = read_columns(SourceTable("day", frame), domain, require_labels=False)
    faulty = int(reading.bad().sum()) + frame.height - reading.event_id.n_unique()
    if faulty:
        raise StateError(
            f"{faulty} of {frame.height} simulated rows are no events",
            where=f"domain {domain.name!r}",
            hint="this is a defect of Lagmark: please report it with the scenario",
        )
    events = pl.DataFrame(
        {
            "event_id": reading.event_id,
            "event_time": reading.event_time,
            "ingest_time": reading.ingest_time,
            **{name: column.values for name, column in reading.fields.items()},
        }
    )
    return events.sort("ingest_time", maintain_order=True)


@dataclass(frozen=True)
class WorldSource:
    """Worlds of a scenario, one per seed.

    Parameters
    ----------
    scenario
        What they are.
    features
        Feature set of its domain.
    """

    scenario: Scenario
    features: str = "default"
    independent: bool = True

    @property
    def days(self) -> int:
        """See :class:`lagmark.backtest.Source`."""
        return self.scenario.days

    def describe(self) -> dict[str, Any]:
        """See :class:`lagmark.backtest.Source`."""
        return {
            "kind": "scenario",
            "name": self.scenario.name,
            "title": self.scenario.title,
            "domain": self.scenario.domain,
            "feature_set": self.features,
            "scenario": self.scenario.model_dump(mode="json"),
        }

    def feature_set(self) -> FeatureSet:
        """See :class:`lagmark.backtest.Source`."""
        return load_domain(self.scenario.domain).feature_set(self.features)

    def feed(self, seed: int) -> WorldFeed:
        """See :class:`lagmark.backtest.Source`."""
        return WorldFeed(self.scenario, seed, load_domain(self.scenario.domain), read_frame)


@dataclass(frozen=True)
class DataSource:
    """One data set; seeds are those of models and control groups.

    Parameters
    ----------
    events
        File or folder.
    domain
        Name of its domain, or a Python file.
    features
        Feature set of the domain.
    """

    events: Path
    domain: str
    features: str = "default"
    independent: bool = False

    @cached_property
    def _batch(self) -> EventBatch:
        from lagmark.sources.events import read_events

        return read_events(self.events, load_domain(self.domain)).batch

    @cached_property
    def _digest(self) -> str:
        files = [self.events] if self.events.is_file() else sorted(self.events.rglob("[!.]*"))
        digest = hashlib.sha256()
        for file in files:
            if file.is_file():
                digest.update(f"{file.name}\0{file.stat().st_size}\0".encode())
                with file.open("rb") as stream:
                    digest.update(hashlib.file_digest(stream, "sha256").digest())
        return digest.hexdigest()

    def __getstate__(self) -> dict[str, Any]:
        # A process reads the file itself; only what is small travels.
        kept = ("events", "domain", "features", "independent", "_digest", "days")
        return {name: value for name, value in self.__dict__.items() if name in kept}

    @cached_property
    def days(self) -> int:
        """See :class:`lagmark.backtest.Source`."""
        return self.feed(0).days

    def describe(self) -> dict[str, Any]:
        """See :class:`lagmark.backtest.Source`."""
        return {
            "kind": "events",
            "name": self.events.name,
            "title": load_domain(self.domain).title,
            "domain": self.domain,
            "feature_set": self.features,
            "sha256": self._digest,
        }

    def feature_set(self) -> FeatureSet:
        """See :class:`lagmark.backtest.Source`."""
        return load_domain(self.domain).feature_set(self.features)

    def feed(self, seed: int) -> DataFeed:  # noqa: ARG002
        """See :class:`lagmark.backtest.Source`."""
        return DataFeed(self._batch, load_domain(self.domain))
