"""Feature state as one file: arrays and ids, with a digest, written whole or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lagmark.atomic import replacing
from lagmark.errors import StateError

__all__ = ["Snapshot", "load_snapshot", "save_snapshot"]

_ARRAYS = ("mem", "index", "journal", "verdicts", "waiting", "answers")
_FORMAT = 1


@dataclass(frozen=True)
class Snapshot:
    """State of an engine between two events.

    Parameters
    ----------
    contract
        Hash of the feature set it was computed for.
    mem, index
        Kernel memory in use, and its index.
    journal, verdicts
        Encoded events by sequence number, and what is known of each.
    event_ids
        Ids by sequence number.
    texts
        Numbers of texts, by field.
    waiting
        Labels whose time has not come: rows of (known_at, sequence number, fraud).
    latest, floor
        Latest ingest time, and the instant before which events are refused.
    answers
        Vectors of the latest events, in order.
    """

    contract: str
    mem: Any
    index: Any
    journal: Any
    verdicts: Any
    event_ids: list[int | str]
    texts: dict[str, dict[str, int]]
    waiting: Any
    latest: int
    floor: int
    answers: Any


def save_snapshot(path: Path, snapshot: Snapshot) -> None:
    """Write a snapshot; a killed process leaves the previous file as it was."""
    payload = io.BytesIO()
    np.savez(payload, **{name: getattr(snapshot, name) for name in _ARRAYS})
    arrays = payload.getvalue()
    about = {
        "format": _FORMAT,
        "contract": snapshot.contract,
        "event_ids": snapshot.event_ids,
        "texts": snapshot.texts,
        "latest": snapshot.latest,
        "floor": snapshot.floor,
        "arrays_sha256": hashlib.sha256(arrays).hexdigest(),
    }
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        archive.writestr("state.json", json.dumps(about))
        archive.writestr("arrays.npz", arrays)


def load_snapshot(path: Path, contract: str) -> Snapshot:
    """Snapshot from a file.

    Raises
    ------
    StateError
        If it cannot be read, is damaged, or belongs to another contract.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            about = json.loads(archive.read("state.json"))
            arrays = archive.read("arrays.npz")
    except FileNotFoundError:
        raise StateError("no such snapshot", where=str(path)) from None
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise StateError(
            f"this is no readable snapshot ({error})",
            where=str(path),
            hint="rebuild the state by replaying the events",
        ) from error
    if about.get("format") != _FORMAT:
        raise StateError("the snapshot has another format", where=str(path), hint="rebuild it")
    if hashlib.sha256(arrays).hexdigest() != about["arrays_sha256"]:
        raise StateError("the snapshot is damaged", where=str(path), hint="rebuild it")
    if about["contract"] != contract:
        raise StateError(
            f"the snapshot was written for contract {about['contract'][:12]}, not {contract[:12]}",
            where=str(path),
            hint="replay the events with the new features",
        )
    with np.load(io.BytesIO(arrays), allow_pickle=False) as loaded:
        return Snapshot(
            contract=about["contract"],
            event_ids=about["event_ids"],
            texts=about["texts"],
            latest=about["latest"],
            floor=about["floor"],
            **{name: loaded[name] for name in _ARRAYS},
        )
