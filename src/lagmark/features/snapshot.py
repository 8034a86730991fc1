"""Feature state as one file: arrays and ids, with checksums, written whole or not at all."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lagmark.atomic import replacing
from lagmark.errors import StateError

__all__ = ["Snapshot", "load_snapshot", "save_snapshot"]

_ARRAYS = ("mem", "index", "journal", "verdicts", "told", "waiting", "answers")
_VALUES = ("contract", "event_ids", "taken", "texts", "early", "latest", "floor", "note")
_FORMAT = 2


@dataclass(frozen=True)
class Snapshot:
    """State of an engine between two events.

    Parameters
    ----------
    contract
        Hash of the feature set it was computed for.
    mem, index
        Kernel memory in use, and its index.
    journal, verdicts, told
        Encoded events that are not forgotten, what is known of each, and since when.
    event_ids, taken
        Ids of these, and the number of all events ever taken.
    texts
        Numbers of texts, by field.
    waiting
        Labels whose time has not come: rows of (known_at, sequence number, fraud).
    early
        Labels whose event has not come: rows of [event_id, known_at, fraud].
    latest, floor
        Latest ingest time, and the instant before which events are refused.
    answers
        Vectors of the latest events, in order.
    note
        JSON values of whoever keeps the state.
    """

    contract: str
    mem: Any
    index: Any
    journal: Any
    verdicts: Any
    told: Any
    event_ids: list[int | str]
    taken: int
    texts: dict[str, dict[str, int]]
    waiting: Any
    early: list[list[Any]]
    latest: int
    floor: int
    answers: Any
    note: dict[str, Any]


def save_snapshot(path: Path, snapshot: Snapshot) -> None:
    """Write a snapshot; a killed process leaves the previous file as it was."""
    about = {"format": _FORMAT} | {name: getattr(snapshot, name) for name in _VALUES}
    # Written and read piece by piece: a second copy of a large state would not fit everywhere.
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        archive.writestr("state.json", json.dumps(about))
        for name in _ARRAYS:
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(
                    member, np.ascontiguousarray(getattr(snapshot, name)), allow_pickle=False
                )


def load_snapshot(path: Path, contract: str) -> Snapshot:
    """Snapshot from a file.

    Raises
    ------
    StateError
        If it cannot be read, is damaged, or belongs to another contract.
    """
    arrays: dict[str, Any] = {}
    try:
        # The archive holds a checksum of each member, and reading compares it.
        with zipfile.ZipFile(path) as archive:
            about = json.loads(archive.read("state.json"))
            if about.get("format") != _FORMAT:
                raise StateError(
                    "the snapshot has another format", where=str(path), hint="rebuild it"
                )
            for name in _ARRAYS:
                with archive.open(f"{name}.npy") as member:
                    arrays[name] = np.lib.format.read_array(member, allow_pickle=False)
    except FileNotFoundError:
        raise StateError("no such snapshot", where=str(path)) from None
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise StateError(
            f"this is no readable snapshot ({error})",
            where=str(path),
            hint="rebuild the state by replaying the events",
        ) from error
    if about["contract"] != contract:
        raise StateError(
            f"the snapshot was written for contract {about['contract'][:12]}, not {contract[:12]}",
            where=str(path),
            hint="replay the events with the new features",
        )
    return Snapshot(**arrays, **{name: about[name] for name in _VALUES})
