"""Model registry on MLflow with a local SQLite file."""

from __future__ import annotations

import json
import math
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse
from urllib.request import url2pathname

from lagmark.backends.lineup import Place, write_lineup
from lagmark.backends.mlflow_flavor import BUNDLE, FLAVOR, write_model
from lagmark.backends.mlflow_sqlite import LOCK, open_client
from lagmark.clock import utc_now
from lagmark.errors import RegistryError, StateError
from lagmark.locks import exclusive
from lagmark.ports.model_registry import Alias, LoggedRun, ModelVersion, Ruling, RunReport
from lagmark.schema.time import from_micros

if TYPE_CHECKING:
    from collections.abc import Mapping

    import mlflow.entities
    import mlflow.entities.model_registry

    from lagmark.clock import Clock

__all__ = ["MlflowRegistry"]

_MODEL = "lagmark.model_id"
_VERSION = "lagmark.version"
_LONGEST = 4000
"""Characters of a reason that are kept: MLflow refuses tags beyond 5,000."""
_RULING = re.compile(r"lagmark\.(promoted|challenges|rolled_back|refused)\.(.+)")
"""Tags of rulings: what and when. MLflow takes no ``+`` in their names."""
_MLFLOW_OWN = "Default"
"""Experiment that MLflow makes for itself."""


class MlflowRegistry:
    """Registry in ``directory/mlflow.db``, with the files of the models in ``artifacts`` beside it.

    A domain is an MLflow experiment and a registered model of that name. What it writes,
    MLflow's own tools can show, and ``mlflow.pyfunc.load_model("models:/DOMAIN@champion")`` can
    load.

    Parameters
    ----------
    directory
        Directory of the registry; made if need be.
    clock
        Answers the instant of promotions.

    Notes
    -----
    Implements :class:`~lagmark.ports.model_registry.ModelRegistry`. MLflow's usage reports are
    switched off.
    """

    def __init__(self, directory: Path, *, clock: Clock = utc_now) -> None:
        self._directory = Path(directory)
        self._clock = clock
        self._client = open_client(self._directory)

    @property
    def tracking_uri(self) -> str:
        """Address to give to MLflow's own tools."""
        return str(self._client.tracking_uri)

    def log_run(self, report: RunReport, bundle: Path) -> LoggedRun:
        """See :meth:`ModelRegistry.log_run`."""
        from mlflow.entities import Metric, Param

        facts = {
            "lagmark.domain": report.domain,
            "lagmark.feature_set": report.feature_set,
            "lagmark.contract_hash": report.contract_hash,
            "lagmark.fingerprint": report.fingerprint,
            "lagmark.as_of": report.as_of,
            **report.tags,
        }
        experiment = self._experiment(report.domain)
        run = self._client.create_run(experiment.experiment_id, run_name=report.name, tags=facts)
        run_id = run.info.run_id
        try:
            self._client.log_batch(
                run_id,
                metrics=[
                    Metric(name, float(value), run.info.start_time, 0)
                    for name, value in report.metrics.items()
                    if value is not None and math.isfinite(value)
                ],
                params=[Param(name, _text(value)) for name, value in report.params.items()],
            )
            self._log_model(experiment.experiment_id, run_id, report, bundle, facts)
        except BaseException:
            self._client.set_terminated(run_id, "FAILED")
            raise
        self._client.set_terminated(run_id, "FINISHED")
        return self._logged(self._client.get_run(run_id))

    def _log_model(
        self,
        experiment_id: str,
        run_id: str,
        report: RunReport,
        bundle: Path,
        facts: dict[str, str],
    ) -> None:
        logged = self._client.create_logged_model(
            experiment_id, name=FLAVOR, source_run_id=run_id, tags=facts, model_type=FLAVOR
        )
        with tempfile.TemporaryDirectory() as draft:
            write_model(Path(draft), bundle, report.names, logged.model_id)
            self._client.log_model_artifacts(logged.model_id, draft)
        self._client.finalize_logged_model(logged.model_id, "READY")
        self._client.set_tag(run_id, _MODEL, logged.model_id)

    def runs(self, domain: str, *, limit: int = 100) -> list[LoggedRun]:
        """See :meth:`ModelRegistry.runs`."""
        experiment = self._client.get_experiment_by_name(domain)
        if experiment is None:
            return []
        found = self._client.search_runs(
            [experiment.experiment_id],
            filter_string="attributes.status = 'FINISHED'",
            order_by=["metrics.pr_auc DESC", "attributes.start_time DESC"],
            max_results=limit,
        )
        return [self._logged(run) for run in found]

    def domains(self) -> list[str]:
        """See :meth:`ModelRegistry.domains`."""
        found = self._client.search_experiments()
        return sorted(e.name for e in found if e.name != _MLFLOW_OWN)

    def run(self, run_id: str) -> LoggedRun:
        """See :meth:`ModelRegistry.run`."""
        return self._logged(self._run(run_id))

    def register(self, run_id: str) -> ModelVersion:
        """See :meth:`ModelRegistry.register`."""
        with exclusive(self._directory / LOCK):
            return self._register(run_id)

    def _register(self, run_id: str) -> ModelVersion:
        run = self._run(run_id)
        tags = run.data.tags
        domain, model_id = tags.get("lagmark.domain"), tags.get(_MODEL)
        if domain is None or model_id is None or run.info.status != "FINISHED":
            raise RegistryError(f"run {run_id} holds no finished model", hint="see: lagmark runs")
        if _VERSION in tags:
            return self._version(domain, int(tags[_VERSION]))
        if not self._client.search_registered_models(filter_string=f"name='{domain}'"):
            self._client.create_registered_model(domain)
        made = self._client.create_model_version(
            domain,
            source=self._client.get_logged_model(model_id).artifact_location,
            run_id=run_id,
            tags={k: v for k, v in tags.items() if k.startswith("lagmark.")},
            model_id=model_id,
        )
        self._client.set_tag(run_id, _VERSION, str(made.version))
        return self._version(domain, int(made.version))

    def versions(self, domain: str) -> list[ModelVersion]:
        """See :meth:`ModelRegistry.versions`."""
        found = self._client.search_model_versions(f"name='{_checked(domain)}'")
        numbers = sorted((int(v.version) for v in found), reverse=True)
        return [self._version(domain, number) for number in numbers]

    def version_of(self, domain: str, alias: Alias) -> ModelVersion | None:
        """See :meth:`ModelRegistry.version_of`."""
        from mlflow.exceptions import MlflowException

        try:
            return _as_version(self._client.get_model_version_by_alias(domain, alias.value))
        except MlflowException as error:
            if error.error_code in ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"):
                return None
            raise

    def set_alias(self, domain: str, alias: Alias, version: int) -> ModelVersion:
        """See :meth:`ModelRegistry.set_alias`."""
        self._version(domain, version)
        self._client.set_registered_model_alias(domain, alias.value, str(version))
        self._publish(domain)
        return self._version(domain, version)

    def _publish(self, domain: str) -> None:
        """Write the line-up that services follow, which do not load MLflow."""
        found = {alias: self.version_of(domain, alias) for alias in Alias}
        here = self._directory.absolute()
        write_lineup(
            self._directory,
            domain,
            {
                alias.value: Place(
                    version=version.version,
                    bundle=self._files(version.tags[_MODEL]).relative_to(here).as_posix(),
                    feature_set=version.tags["lagmark.feature_set"],
                    contract_hash=version.tags["lagmark.contract_hash"],
                )
                for alias, version in found.items()
                if version is not None
            },
        )

    def promote(self, domain: str, candidate: str | int, *, reason: str) -> ModelVersion:
        """See :meth:`ModelRegistry.promote`."""
        self._require(reason)
        with exclusive(self._directory / LOCK):
            chosen = self._chosen(domain, candidate)
            champion = self.version_of(domain, Alias.CHAMPION)
            if champion is not None and champion.version == chosen.version:
                return champion
            if champion is not None:
                self.set_alias(domain, Alias.PREVIOUS, champion.version)
            self._note(domain, chosen.version, "promoted", reason)
            return self.set_alias(domain, Alias.CHAMPION, chosen.version)

    def challenge(self, domain: str, candidate: str | int, *, reason: str) -> ModelVersion:
        """See :meth:`ModelRegistry.challenge`."""
        self._require(reason)
        with exclusive(self._directory / LOCK):
            chosen = self._chosen(domain, candidate)
            self._note(domain, chosen.version, "challenges", reason)
            return self.set_alias(domain, Alias.CHALLENGER, chosen.version)

    def _chosen(self, domain: str, candidate: str | int) -> ModelVersion:
        chosen = (
            self._version(domain, candidate)
            if isinstance(candidate, int)
            else self._register(candidate)
        )
        if chosen.domain != domain:
            raise RegistryError(
                f"run {candidate} belongs to domain {chosen.domain!r}", where=domain
            )
        return chosen

    def rollback(self, domain: str, *, reason: str) -> ModelVersion:
        """See :meth:`ModelRegistry.rollback`."""
        self._require(reason)
        with exclusive(self._directory / LOCK):
            champion = self.version_of(domain, Alias.CHAMPION)
            previous = self.version_of(domain, Alias.PREVIOUS)
            if champion is None or previous is None:
                raise RegistryError(
                    "there is no previous champion", where=domain, hint="promote a run instead"
                )
            self._note(domain, champion.version, "rolled_back", reason)
            # Previous first: between the two steps the champion is still the old one.
            self.set_alias(domain, Alias.PREVIOUS, champion.version)
            return self.set_alias(domain, Alias.CHAMPION, previous.version)

    def refuse(self, run_id: str, *, reason: str) -> Ruling:
        """See :meth:`ModelRegistry.refuse`."""
        self._require(reason)
        self._run(run_id)
        key, text = self._ruling("refused", reason)
        self._client.set_tag(run_id, key, text)
        return _rulings({key: text})[0]

    def rulings(self, run_id: str) -> list[Ruling]:
        """See :meth:`ModelRegistry.rulings`."""
        run = self._logged(self._run(run_id))
        tags = dict(run.tags)
        if run.version is not None:
            tags |= self._version(run.domain, run.version).tags
        return _rulings(tags)

    def bundle(self, domain: str, alias: Alias = Alias.CHAMPION) -> Path:
        """See :meth:`ModelRegistry.bundle`."""
        version = self.version_of(domain, alias)
        if version is None:
            raise RegistryError(
                f"no model is {alias.value}", where=domain, hint="promote a run first"
            )
        return self._files(version.tags[_MODEL])

    def bundle_of(self, run_id: str) -> Path:
        """See :meth:`ModelRegistry.bundle_of`."""
        tags = self._run(run_id).data.tags
        if _MODEL not in tags:
            raise RegistryError(f"run {run_id} holds no finished model", hint="see: lagmark runs")
        return self._files(tags[_MODEL])

    def _files(self, model_id: str) -> Path:
        logged = self._client.get_logged_model(model_id)
        path = Path(url2pathname(urlparse(logged.artifact_location).path)) / BUNDLE
        if not path.is_dir():
            raise StateError(
                "the files of the model are gone", where=str(path), hint="promote another run"
            )
        return path

    def _experiment(self, domain: str) -> mlflow.entities.Experiment:
        _checked(domain)
        with exclusive(self._directory / LOCK):
            found = self._client.get_experiment_by_name(domain)
            if found is not None:
                return found
            location = (self._directory.absolute() / "artifacts" / domain).as_uri()
            made = self._client.create_experiment(domain, artifact_location=location)
            return self._client.get_experiment(made)

    def _run(self, run_id: str) -> mlflow.entities.Run:
        from mlflow.exceptions import MlflowException

        try:
            return self._client.get_run(run_id)
        except MlflowException as error:
            raise RegistryError(f"there is no run {run_id}", hint="see: lagmark runs") from error

    def _version(self, domain: str, version: int) -> ModelVersion:
        from mlflow.exceptions import MlflowException

        try:
            return _as_version(self._client.get_model_version(domain, str(version)))
        except MlflowException as error:
            raise RegistryError(
                f"there is no version {version}", where=domain, hint="see: lagmark runs"
            ) from error

    def _note(self, domain: str, version: int, what: str, reason: str) -> None:
        self._client.set_model_version_tag(domain, str(version), *self._ruling(what, reason))

    def _ruling(self, what: str, reason: str) -> tuple[str, str]:
        key = f"lagmark.{what}.{self._clock().isoformat().replace('+', '_')}"
        return key, reason[:_LONGEST]

    @staticmethod
    def _require(reason: str) -> None:
        if not reason.strip():
            raise RegistryError("no reason given", hint="say why, for those who come later")

    @staticmethod
    def _logged(run: mlflow.entities.Run) -> LoggedRun:
        tags = dict(run.data.tags)
        return LoggedRun(
            run_id=run.info.run_id,
            domain=tags.get("lagmark.domain", ""),
            name=run.info.run_name or "",
            started=from_micros(run.info.start_time * 1000).isoformat(),
            params=dict(run.data.params),
            metrics=dict(run.data.metrics),
            tags=tags,
            version=int(tags[_VERSION]) if _VERSION in tags else None,
        )


def _checked(domain: str) -> str:
    # The name becomes a directory and part of MLflow's filter language.
    if not re.fullmatch(r"[A-Za-z0-9_-]+", domain):
        raise RegistryError(
            f"{domain!r} cannot name a model", hint="use letters, digits, - and _ only"
        )
    return domain


def _as_version(found: mlflow.entities.model_registry.ModelVersion) -> ModelVersion:
    return ModelVersion(
        domain=found.name,
        version=int(found.version),
        run_id=found.run_id or "",
        aliases=tuple(sorted(found.aliases)),
        tags=dict(found.tags),
    )


def _rulings(tags: Mapping[str, str]) -> list[Ruling]:
    found = ((_RULING.fullmatch(key), reason) for key, reason in tags.items())
    return sorted(Ruling(m[2].replace("_", "+"), m[1], reason) for m, reason in found if m)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
