"""A trained model as one object, and as one directory that is whole or absent."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lagmark.errors import ConfigError, StateError
from lagmark.learning.calibration import Calibration, score
from lagmark.learning.models import model_type
from lagmark.learning.reasons import Reason, top_reasons
from lagmark.schema.time import from_micros

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from lagmark.learning.models import Model

__all__ = ["CALIBRATION", "MANIFEST", "MODEL", "TrainedModel", "checked_manifest", "read_manifest"]

MANIFEST = "manifest.json"
_FORMAT = 1
MODEL, CALIBRATION = "model", "calibration.json"
"""What a bundle holds beside its manifest: a folder and a file."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainedModel:
    """A fitted model, its calibration, and what both were made from.

    Parameters
    ----------
    model
        The fitted model.
    calibration
        Map to calibrated probabilities.
    contract_hash
        Definition hash of the features it reads.
    as_of
        The instant it was trained at, microseconds since 1970 UTC.
    fingerprint
        Hash of the training data.
    seed
        Seed it was fitted with.
    train_start, train_end
        Half-open range of event times it learnt from.
    train_events, train_frauds
        Size of the training data.
    policy
        Maturity policy that chose the examples; empty where they came with their labels.
    share_known
        Share of the final fraud labels of the examples that was to be expected known at
        ``as_of``; ``None`` where nobody estimated it.
    """

    model: Model
    calibration: Calibration
    contract_hash: str
    as_of: int
    fingerprint: str
    seed: int
    train_start: int
    train_end: int
    train_events: int
    train_frauds: int
    policy: str = ""
    share_known: float | None = None

    @property
    def kind(self) -> str:
        """Kind of the model."""
        return self.model.kind

    @property
    def names(self) -> tuple[str, ...]:
        """Feature names in column order."""
        return self.model.names

    def probability(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated probability of fraud, shape (n,)."""
        return self.calibration.apply(self.model.predict_proba(X))

    def score(self, X: NDArray[np.float64]) -> NDArray[np.int64]:
        """Score 1 to 99, shape (n,); see :func:`lagmark.learning.calibration.score`."""
        return score(self.probability(X))

    def reasons(self, X: NDArray[np.float64], k: int = 3) -> list[tuple[Reason, ...]]:
        """Top reasons of each row; see :func:`lagmark.learning.reasons.top_reasons`."""
        return top_reasons(self.names, X, self.model.contributions(X), k)

    def save(self, path: Path, *, texts: Mapping[str, str] | None = None) -> None:
        """Write the bundle as a new directory.

        It is written beside ``path`` and renamed, so that a killed process leaves no half bundle.

        Parameters
        ----------
        path
            Directory to make.
        texts
            Further files by name, such as the model card; the manifest covers them too.

        Raises
        ------
        StateError
            If ``path`` exists.
        """
        if path.exists():
            raise StateError(
                "there is something already", where=str(path), hint="choose a new directory"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
        try:
            (draft / MODEL).mkdir()
            self.model.save(draft / MODEL)
            (draft / CALIBRATION).write_text(self.calibration.to_json())
            for name, text in (texts or {}).items():
                (draft / name).write_text(text, encoding="utf-8")
            manifest = {**self.facts(), "format": _FORMAT, "files": _digests(draft)}
            (draft / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
            draft.chmod(0o755)
            draft.rename(path)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise

    def facts(self) -> dict[str, Any]:
        """What the model is made from, as JSON values."""
        return {
            "kind": self.kind,
            "params": self.model.params,
            "unit": self.model.unit,
            "names": list(self.names),
            "contract_hash": self.contract_hash,
            "as_of": self.as_of,
            "as_of_text": from_micros(self.as_of).isoformat(),
            "fingerprint": self.fingerprint,
            "seed": self.seed,
            "train_start": self.train_start,
            "train_end": self.train_end,
            "train_events": self.train_events,
            "train_frauds": self.train_frauds,
            "calibration": self.calibration.method,
            "policy": self.policy,
            "share_known": self.share_known,
        }

    @classmethod
    def load(cls, path: Path, *, contract_hash: str | None = None) -> TrainedModel:
        """Bundle from its directory, every byte checked before it is used.

        Parameters
        ----------
        path
            Directory written by :meth:`save`.
        contract_hash
            The features that will be fed to it; not compared when absent.

        Raises
        ------
        StateError
            If a file is missing, added or altered, or the model reads other features.
        """
        manifest = checked_manifest(path, contract_hash=contract_hash)
        try:
            model = model_type(manifest["kind"]).load(path / MODEL)
        except ConfigError as error:
            raise StateError(error.what, where=str(path), hint=error.hint) from error
        if list(model.names) != manifest["names"]:
            raise StateError("feature names differ from the manifest", where=str(path))
        return cls(
            model=model,
            calibration=Calibration.from_json((path / CALIBRATION).read_text()),
            **{name: manifest[name] for name in _KEPT},
            **{name: manifest[name] for name in _LATER if name in manifest},
        )


_KEPT: tuple[str, ...] = (
    "contract_hash",
    "as_of",
    "fingerprint",
    "seed",
    "train_start",
    "train_end",
    "train_events",
    "train_frauds",
)

_LATER = ("policy", "share_known")
"""What manifests of the first version lack."""


def read_manifest(path: Path) -> dict[str, Any]:
    """Manifest of a bundle directory.

    Raises
    ------
    StateError
        If it is missing, unreadable, or of a format this version does not know.
    """
    where = str(path / MANIFEST)
    try:
        manifest = json.loads((path / MANIFEST).read_text())
        missing = {*_KEPT, "kind", "names", "files", "format"} - set(manifest)
    except (OSError, ValueError, TypeError) as error:
        raise StateError(
            f"no readable model bundle ({type(error).__name__})",
            where=where,
            hint="give the directory of a trained model",
        ) from error
    if missing:
        raise StateError(f"lacks {', '.join(sorted(missing))}", where=where, hint="train again")
    if manifest["format"] != _FORMAT:
        raise StateError(
            f"format {manifest['format']}, this version reads {_FORMAT}",
            where=where,
            hint="train again",
        )
    return dict(manifest)


def checked_manifest(path: Path, *, contract_hash: str | None = None) -> dict[str, Any]:
    """Manifest of a bundle directory, every file compared with it.

    Raises
    ------
    StateError
        As :meth:`TrainedModel.load`.
    """
    manifest = read_manifest(path)
    if contract_hash is not None and manifest["contract_hash"] != contract_hash:
        raise StateError(
            f"model reads features {manifest['contract_hash'][:12]}, "
            f"these are {contract_hash[:12]}",
            where=str(path),
            hint="use the feature set it was trained on, or train again",
        )
    found = _digests(path)
    for name in sorted(set(found) | set(manifest["files"])):
        if found.get(name) != manifest["files"].get(name):
            what = "is missing" if name not in found else "differs from the manifest"
            raise StateError(
                f"file {name} {what}", where=str(path), hint="restore it or train again"
            )
    return manifest


def _digests(path: Path) -> dict[str, str]:
    return {
        file.relative_to(path).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(path.rglob("*"))
        if file.is_file() and file != path / MANIFEST
    }
