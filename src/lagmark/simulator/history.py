"""A simulated history on disk: events, labels and, apart, the truth, one file each a day."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lagmark.atomic import replacing
from lagmark.errors import ConfigError, DataError
from lagmark.schema.time import DAY, from_micros

if TYPE_CHECKING:
    import polars as pl

    from lagmark.simulator.world import Day, World

__all__ = ["FORMAT", "History", "Manifest", "clear_history", "refuse_foreign", "write_history"]

FORMAT = 1
_MANIFEST = "manifest.json"
_FOLDERS = ("events", "labels", "truth")
_TRUTH = ("event_id", "fraud", "typology", "campaign")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a folder holds.

    Parameters
    ----------
    format
        Version of the layout.
    scenario, seed, domain
        Where it comes from.
    events, frauds
        How many there are, exactly.
    first_day, last_day
        ISO dates, both included.
    fingerprint
        Hexadecimal SHA-256 over scenario, seed and the version of the process.
    """

    format: int
    scenario: str
    seed: int
    domain: str
    events: int
    frauds: int
    first_day: str
    last_day: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class History:
    """A finished folder.

    Parameters
    ----------
    path
        The folder.
    manifest
        What it holds.
    """

    path: Path
    manifest: Manifest

    @classmethod
    def open(cls, path: Path) -> History:
        """Folder that a simulation wrote.

        Raises
        ------
        DataError
            If there is none, or it is not finished.
        """
        manifest = _manifest(path)
        if manifest is None:
            raise DataError(
                "this is no simulated history",
                where=str(path),
                hint="give a folder that `lagmark simulate --scenario` wrote",
            )
        return cls(path, manifest)

    def events(self) -> pl.LazyFrame:
        """Events in the source columns of the domain, in their order."""
        return self._scan("events")

    def labels(self) -> pl.LazyFrame:
        """Label messages, by the day of their events."""
        return self._scan("labels")

    def truth(self) -> pl.LazyFrame:
        """What only an evaluation may know: ``event_id, fraud, typology, campaign``."""
        return self._scan("truth")

    def _scan(self, part: str) -> pl.LazyFrame:
        import polars as pl

        return pl.scan_parquet(sorted((self.path / part).glob("*.parquet")))


def write_history(
    world: World, out: Path, progress: Callable[[int, int], None] | None = None
) -> Manifest:
    """Live through a world and write it down, day by day.

    What is written lies beside ``out`` until it is whole; what an earlier run left unfinished
    there is removed, and a finished history at ``out`` is replaced.

    Parameters
    ----------
    world
        A world of which no day has passed.
    out
        The folder.
    progress
        Called with (events done, events expected).

    Raises
    ------
    ConfigError
        If ``out`` holds anything but a history.
    """
    refuse_foreign(out)
    scenario = world.scenario
    draft = _draft(out)
    shutil.rmtree(draft, ignore_errors=True)
    for name in _FOLDERS:
        (draft / name).mkdir(parents=True)
    tell = progress or (lambda _done, _total: None)
    events = frauds = 0
    try:
        for number in range(scenario.days):
            day = world.day(number)
            _write(draft, day, scenario.start)
            events += day.events.height
            frauds += int(day.truth["fraud"].sum())
            # The last day always completes the bar, whatever chance did to the expectation.
            expected = round(events / (number + 1) * scenario.days)
            tell(events, max(events, scenario.events or expected))
        tell(events, events)
        manifest = Manifest(
            format=FORMAT,
            scenario=scenario.name,
            seed=world.seed,
            domain=scenario.domain,
            events=events,
            frauds=frauds,
            first_day=_date(scenario.start),
            last_day=_date(scenario.end - DAY),
            fingerprint=world.fingerprint,
        )
        with replacing(draft / _MANIFEST) as target:
            target.write_text(json.dumps(asdict(manifest), indent=2) + "\n", encoding="utf-8")
        if out.exists():
            shutil.rmtree(out)
        draft.rename(out)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return manifest


def clear_history(path: Path) -> Manifest | None:
    """Delete a history and what a killed run left beside it.

    Returns the manifest, or ``None`` if only a killed run's leavings were there.

    Raises
    ------
    DataError
        If the folder is no finished history.
    ConfigError
        If it holds other things as well.
    """
    draft = _draft(path)
    if draft.is_dir() and not path.exists():
        shutil.rmtree(draft)
        return None
    manifest = History.open(path).manifest
    refuse_foreign(path)
    shutil.rmtree(path)
    shutil.rmtree(draft, ignore_errors=True)
    return manifest


def refuse_foreign(path: Path) -> None:
    """Let nothing but a history, or an empty folder, be replaced or deleted.

    Raises
    ------
    ConfigError
        Naming something else that lies there.
    """
    if not path.exists():
        return
    if not path.is_dir():
        raise ConfigError("this is a file", where=str(path), hint="give the name of a folder")
    names = [entry.name for entry in path.iterdir()]
    if names and _manifest(path) is None:
        raise ConfigError(
            f"the folder is no simulated history: it holds {min(names)!r}",
            where=str(path),
            hint="give a new folder: this one would be replaced as a whole",
        )
    foreign = [name for name in names if name not in (_MANIFEST, *_FOLDERS)]
    foreign += [
        f"{part}/{entry.name}"
        for part in _FOLDERS
        if (path / part).is_dir()
        for entry in (path / part).iterdir()
        if entry.suffix != ".parquet" and not entry.name.startswith(".")
    ]
    if foreign:
        raise ConfigError(
            f"the folder holds other things, {min(foreign)!r} for one",
            where=str(path),
            hint="move them away, or give a new folder",
        )


def _draft(path: Path) -> Path:
    path = path.absolute()
    return path.with_name(f".{path.name}.unfinished")


def _write(draft: Path, day: Day, start: int) -> None:
    date = _date(start + day.number * DAY)
    # The same rows give the same bytes: no time of writing goes into the files.
    if day.events.height:
        day.events.write_parquet(draft / "events" / f"{date}.parquet")
        day.truth.select(_TRUTH).write_parquet(draft / "truth" / f"{date}.parquet")
    day.labels.write_parquet(draft / "labels" / f"part-{day.number:06d}.parquet")


def _manifest(path: Path) -> Manifest | None:
    try:
        content: dict[str, Any] = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))
        manifest = Manifest(**content)
    except (OSError, ValueError, TypeError):
        return None
    return manifest if manifest.format == FORMAT else None


def _date(micros: int) -> str:
    return from_micros(micros).date().isoformat()
