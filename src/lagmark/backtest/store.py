"""Results of finished units on disk: whole or not there, and of one set of inputs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lagmark.atomic import replacing
from lagmark.errors import StateError

__all__ = ["ResultStore", "fingerprint", "write_json"]

_FORMAT = 1


def fingerprint(inputs: Mapping[str, Any]) -> str:
    """SHA-256 over inputs, hexadecimal."""
    text = json.dumps(inputs, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a document atomically: same content, same bytes."""
    with replacing(path) as draft:
        text = json.dumps(content, indent=1, allow_nan=False)
        draft.write_text(text + "\n", encoding="utf-8", newline="\n")


class ResultStore:
    """Folder with ``manifest.json`` and, per unit, ``decisions.parquet`` and ``result.json``.

    A unit is finished when its ``result.json`` is there: it is written last, at once.

    Parameters
    ----------
    folder
        Where; made if absent.
    inputs
        Everything that the results follow from.

    Raises
    ------
    StateError
        If the folder holds results of other inputs, or other things.
    """

    def __init__(self, folder: Path, inputs: Mapping[str, Any]) -> None:
        self.folder = folder
        inputs = {"format": _FORMAT, **inputs}
        self.fingerprint = fingerprint(inputs)
        manifest = folder / "manifest.json"
        if manifest.is_file():
            self._check(manifest, inputs)
        elif folder.is_dir() and any(not each.name.startswith(".") for each in folder.iterdir()):
            raise StateError(
                "the folder holds other things than a backtest",
                where=str(folder),
                hint="choose an empty folder or a new one",
            )
        else:
            write_json(manifest, {"fingerprint": self.fingerprint, "inputs": inputs})

    def _check(self, manifest: Path, inputs: Mapping[str, Any]) -> None:
        try:
            found = json.loads(manifest.read_text(encoding="utf-8"))
            before, same = found["inputs"], found["fingerprint"] == self.fingerprint
        except (ValueError, KeyError, TypeError) as problem:
            raise StateError(
                "the manifest cannot be read", where=str(manifest), hint="choose another folder"
            ) from problem
        if not same:
            changed = sorted(
                name for name in {*before, *inputs} if before.get(name) != inputs.get(name)
            )
            raise StateError(
                f"the folder holds a backtest of other inputs ({', '.join(changed)} differ)",
                where=str(self.folder),
                hint="choose another folder, or repeat the command that began this one",
            )

    def unit(self, policy: str, seed: int) -> Path:
        """Folder of a unit."""
        return self.folder / "units" / policy / f"seed-{seed}"

    def finished(self, policy: str, seed: int) -> bool:
        """Whether a unit has its result."""
        return (self.unit(policy, seed) / "result.json").is_file()

    def clean(self, policy: str, seed: int) -> None:
        """Remove drafts of a unit that a kill left behind."""
        for draft in self.unit(policy, seed).glob(".*.tmp"):
            draft.unlink(missing_ok=True)

    def save(self, policy: str, seed: int, result: Mapping[str, Any]) -> None:
        """Keep the result of a unit, which is finished by that."""
        write_json(self.unit(policy, seed) / "result.json", result)

    def load(self, policy: str, seed: int) -> dict[str, Any]:
        """Result of a finished unit.

        Raises
        ------
        StateError
            If it cannot be read.
        """
        path = self.unit(policy, seed) / "result.json"
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as problem:
            raise StateError(
                "the result of a unit cannot be read",
                where=str(path),
                hint="remove the file and repeat the command",
            ) from problem
        return found
