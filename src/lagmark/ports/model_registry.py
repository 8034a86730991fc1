"""Where runs are recorded, models are kept, and the one in charge is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

__all__ = ["Alias", "LoggedRun", "ModelRegistry", "ModelVersion", "Ruling", "RunReport"]


class Alias(StrEnum):
    """Names that a version of a model may carry; each stands on at most one version."""

    CHAMPION = "champion"
    """Decides."""
    CHALLENGER = "challenger"
    """Is compared with the champion."""
    SHADOW = "shadow"
    """Scores beside the champion and is logged, without any claim to its place."""
    PREVIOUS = "previous"
    """Was champion before; a rollback returns to it."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """What one training run was and how it went.

    Parameters
    ----------
    domain
        Domain name; runs and model versions are kept by domain.
    name
        Name for people.
    feature_set
        Feature set name.
    names
        Feature names in column order.
    contract_hash
        Definition hash of the features.
    fingerprint
        Hash of the training data.
    as_of
        The instant the model was trained at, ISO 8601.
    params
        Settings of the run.
    metrics
        Figures; ``None`` where one has no meaning.
    tags
        Further facts.
    """

    domain: str
    name: str
    feature_set: str
    names: Sequence[str]
    contract_hash: str
    fingerprint: str
    as_of: str
    params: Mapping[str, Any]
    metrics: Mapping[str, float | None]
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """A recorded run.

    Parameters
    ----------
    run_id
        Its unique id.
    domain, name
        Domain, and name for people.
    started
        ISO 8601.
    params, metrics, tags
        As reported; absent metrics are left out.
    version
        Version it was registered as, ``None`` if it was not.
    """

    run_id: str
    domain: str
    name: str
    started: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    version: int | None = None


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A registered model.

    Parameters
    ----------
    domain, version
        Domain, and number counted from 1.
    run_id
        The run it came from.
    aliases
        Names it carries now, sorted.
    tags
        Facts, among them the reasons of its promotions.
    """

    domain: str
    version: int
    run_id: str
    aliases: tuple[str, ...]
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True, order=True)
class Ruling:
    """What was once ruled about a model, and why.

    Parameters
    ----------
    at
        When, ISO 8601.
    what
        ``promoted``, ``challenges``, ``rolled_back`` or ``refused``.
    reason
        Why.
    """

    at: str
    what: str
    reason: str

    def as_dict(self) -> dict[str, str]:
        """Record for JSON."""
        return {"at": self.at, "what": self.what, "reason": self.reason}


class ModelRegistry(Protocol):
    """Runs, versions and aliases, by domain.

    A run is whole or marked failed; what it reports never changes afterwards. Versions are numbered
    in the order of registration and never reused. Several processes may use one registry at once;
    changes of aliases are serialised. Nothing expires, and the place it is kept in may be moved as
    a whole. A run, version, alias or domain that does not exist is a
    :class:`~lagmark.errors.RegistryError`, except where ``None`` or an empty list is promised.
    """

    def log_run(self, report: RunReport, bundle: Path) -> LoggedRun:
        """Record a run with its model bundle; logging the same again makes another run."""

    def runs(self, domain: str, *, limit: int = 100) -> list[LoggedRun]:
        """Runs by falling ``pr_auc``, then latest first; those without one last.

        Empty for an unknown domain.
        """

    def domains(self) -> list[str]:
        """Domains with runs, sorted."""

    def run(self, run_id: str) -> LoggedRun:
        """Run by id."""

    def register(self, run_id: str) -> ModelVersion:
        """Version made from a run; the existing one if it was registered before."""

    def versions(self, domain: str) -> list[ModelVersion]:
        """Versions, latest first; empty for an unknown domain."""

    def version_of(self, domain: str, alias: Alias) -> ModelVersion | None:
        """Version that carries an alias, ``None`` if none does."""

    def set_alias(self, domain: str, alias: Alias, version: int) -> ModelVersion:
        """Move an alias to a version; repeating it changes nothing."""

    def promote(self, domain: str, candidate: str | int, *, reason: str) -> ModelVersion:
        """Make a run (by id, registered if need be) or version the champion.

        The champion until then becomes ``previous``. Promoting the champion changes nothing.
        A reason must be given.
        """

    def challenge(self, domain: str, candidate: str | int, *, reason: str) -> ModelVersion:
        """Make a run or version the challenger; like :meth:`promote`, but nothing decides anew."""

    def rollback(self, domain: str, *, reason: str) -> ModelVersion:
        """Exchange ``champion`` and ``previous``; refused if there is no previous one."""

    def refuse(self, run_id: str, *, reason: str) -> Ruling:
        """Record that a run was not promoted, and why; it gets no version, and no alias moves."""

    def rulings(self, run_id: str) -> list[Ruling]:
        """Promotions, refusals and rollbacks of a run, oldest first."""

    def bundle(self, domain: str, alias: Alias = Alias.CHAMPION) -> Path:
        """Local directory of the bundle that an alias stands on, to read only."""

    def bundle_of(self, run_id: str) -> Path:
        """Local directory of a run's bundle, to read only."""
