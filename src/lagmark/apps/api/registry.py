"""The model registry as the service sees it: through commands, which load what it must not."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import Field

from lagmark.apps.api.answers import Answer
from lagmark.apps.api.fields import Body, Instant, Name, Text
from lagmark.apps.api.problems import Fault, Problem
from lagmark.backends.lineup import LINEUP
from lagmark.schema.time import from_micros

if TYPE_CHECKING:
    from lagmark.apps.api.command import Command, Tell
    from lagmark.apps.api.jobs import Work
    from lagmark.apps.api.lineups import Lineups
    from lagmark.serving.service import DecisionService
    from lagmark.wiring.serving import Served

__all__ = ["ModelAnswer", "Placed", "Registry", "Training"]

_REGISTRY = "registry"
_MOST = 1000
"""Runs that are listed."""


class ModelAnswer(Answer):
    """A model of the registry."""

    version: int | None = Field(description="Null for a run that nobody registered.")
    run_id: str
    name: str
    kind: str
    feature_set: str | None
    contract: str | None = Field(description="Hash of the features that it reads.")
    as_of: str | None = Field(description="Nothing that became known later went into it.")
    aliases: list[str]
    loaded: str | None = Field(description="Role it has in the service now; null for none.")
    pr_auc: float | None
    roc_auc: float | None
    card_precision_at_100: float | None
    trained_at: str


class Training(Body):
    """What to train, and on what."""

    model: Name | None = Field(None, description="Kind; the domain's first when absent.")
    params: dict[Name, bool | int | float | str] = Field(
        default_factory=dict, description="Parameters over the kind's defaults; need `model`."
    )
    feature_set: Name | None = Field(None, description="The one that is served when absent.")
    train_days: int | None = Field(None, ge=1, le=36_600)
    as_of: Instant | None = Field(
        None, description="Use only what had arrived and was known by then; all when absent."
    )
    maturity: Name | None = Field(None, description="What to make of events without a label.")
    delay: Annotated[str, Field(pattern=r"^[0-9]{1,6}[a-z]{1,3}$")] | None = Field(
        None, description="Age that a label must have, such as `7d`; the domain's when absent."
    )
    seed: int | None = Field(None, ge=0, lt=2**31)
    events: Text | None = Field(
        None,
        description="File or folder of events in the data directory; the ledger when absent.",
    )


class Placed(NamedTuple):
    """A model that got a place.

    Parameters
    ----------
    version
        Its version.
    run_id
        The run it came from.
    """

    version: int
    run_id: str


class Registry:
    """Models of the domain that is served.

    Parameters
    ----------
    command
        Runs commands.
    served
        What is served.
    service
        Whose models they are.
    lineups
        Puts them in charge.
    """

    def __init__(
        self, command: Command, served: Served, service: DecisionService, lineups: Lineups
    ) -> None:
        self._command = command
        self._served = served
        self._service = service
        self._lineups = lineups
        self._home = served.data / _REGISTRY
        self._listing = asyncio.Lock()
        self._seen: tuple[tuple[int, int], ...] | None = None
        self._runs: list[dict[str, Any]] = []

    async def models(self) -> list[ModelAnswer]:
        """All models, the best PR-AUC first, those without one last.

        Raises
        ------
        LagmarkError
            If the registry cannot be read.
        """
        roles = {
            scorer.version: role
            for role, scorer in (
                ("champion", self._service.decider.lineup.champion),
                *self._service.decider.lineup.others,
            )
            if scorer is not None
        }
        return [
            ModelAnswer(
                version=run["version"],
                run_id=run["run_id"],
                name=run["name"],
                kind=run["kind"],
                feature_set=run["feature_set"],
                contract=run["contract_hash"],
                as_of=run["as_of"],
                aliases=[part for part in run["aliases"].split(", ") if part],
                loaded=roles.get(str(run["version"])),
                pr_auc=run["pr_auc"],
                roc_auc=run["roc_auc"],
                card_precision_at_100=run["card_precision_at_100"],
                trained_at=run["started"],
            )
            for run in await self._listed()
        ]

    async def stand(self, model: str, alias: str, reason: str) -> Placed:
        """Give a model a place, and come back when it is in it.

        Parameters
        ----------
        model
            Version, or id of a run.
        alias
            ``champion``, ``challenger`` or ``shadow``.
        reason
            Why.

        Raises
        ------
        Problem
            404 if there is no such model, 409 if it reads other features than are served, or
            cannot be loaded.
        LagmarkError
            If the registry refuses.
        """
        run = await self._run(model)
        contract = self._service.state.contract.hash
        if run["contract_hash"] != contract:
            raise Problem(
                409,
                f"this model reads the feature set {run['feature_set']!r} "
                f"({run['contract_hash'][:12]}), and {contract[:12]} is served",
            )
        found = await self._command.run(
            ["promote", run["run_id"], "--alias", alias, "--reason", reason, *self._options()]
        )
        return await self._loaded(found)

    async def rollback(self, reason: str) -> Placed:
        """Make the previous champion champion again, and come back when it decides.

        Raises
        ------
        Problem
            409 if it cannot be loaded.
        LagmarkError
            If there is none.
        """
        if not await asyncio.to_thread((self._home / LINEUP).exists):
            raise Problem(409, "there is no champion yet")
        found = await self._command.run(["rollback", "--reason", reason, *self._options()])
        return await self._loaded(found)

    async def reload(self) -> None:
        """Read the models again, and come back when they are in charge."""
        await self._lineups.reload()

    def training(self, asked: Training) -> Work:
        """Work of a job that trains a model.

        Raises
        ------
        Problem
            422 if the request contradicts itself, or leads out of the data directory.
        """
        if asked.params and asked.model is None:
            fault = Fault("params", "without a model", "name the kind they belong to")
            raise Problem(422, "params need a model", errors=[fault])
        events = None if asked.events is None else self._path(asked.events)

        async def work(tell: Tell) -> dict[str, Any]:
            if events is not None:
                return await self._train(asked, events, asked.as_of, tell)
            # One job at a time: what an earlier one left behind is nobody's.
            folder = self._served.data / "jobs" / "history"
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            try:
                until = [] if asked.as_of is None else ["--as-of", _iso(asked.as_of)]
                exported = await self._command.run(
                    ["export", "--data", str(self._served.data), "--out", str(folder), *until],
                    lambda share, text: tell(0.3 * share, text),
                )
                found = await self._train(
                    asked,
                    folder,
                    exported["as_of"],
                    lambda share, text: tell(0.3 + 0.7 * share, text),
                )
            finally:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            return {**found, "position": exported["position"], "digest": exported["digest"]}

        return work

    async def _train(
        self, asked: Training, events: Path, as_of: int | str | None, tell: Tell
    ) -> dict[str, Any]:
        given = {
            "--as-of": _iso(as_of) if isinstance(as_of, int) else as_of,
            "--feature-set": asked.feature_set or self._served.feature_set.name,
            "--model": asked.model,
            "--train-days": asked.train_days,
            "--maturity": asked.maturity,
            "--delay": asked.delay,
            "--seed": asked.seed,
        }
        options = [
            part
            for name, value in given.items()
            if value is not None
            for part in (name, str(value))
        ]
        for name, value in asked.params.items():
            options += ["--param", f"{name}={json.dumps(value)}"]
        return await self._command.run(
            ["train", "--events", str(events), *options, *self._options()], tell, steps=3
        )

    async def _listed(self) -> list[dict[str, Any]]:
        """Runs as the command lists them; asked again when the registry has changed."""
        async with self._listing:
            seen = await asyncio.to_thread(self._mark)
            if not seen:
                return []
            if seen != self._seen:
                found = await self._command.run(["runs", "--limit", str(_MOST), *self._options()])
                self._seen, self._runs = await asyncio.to_thread(self._mark), found["runs"]
            return self._runs

    async def _run(self, name: str) -> dict[str, Any]:
        """Run by its id or version; what is asked of it never changes, so it may be known."""

        def found(runs: list[dict[str, Any]]) -> dict[str, Any] | None:
            names = (each for each in runs if name in (each["run_id"], str(each["version"])))
            return next(names, None)

        run = found(self._runs) or found(await self._listed())
        if run is None:
            raise Problem(404, "there is no such model")
        return run

    async def _loaded(self, found: dict[str, Any]) -> Placed:
        await self._lineups.reload()
        failed = self._service.decider.lineup.failed
        if failed:
            raise Problem(409, f"the champion cannot be loaded: {failed}; another one decides")
        return Placed(found["version"], found["run_id"])

    def _mark(self) -> tuple[tuple[int, int], ...]:
        """What changes whenever the registry does; empty where there is none."""
        found = []
        for name in ("mlflow.db", "mlflow.db-wal", LINEUP):
            try:
                facts = (self._home / name).stat()
            except OSError:
                continue
            found.append((facts.st_mtime_ns, facts.st_size))
        return tuple(found)

    def _path(self, text: str) -> Path:
        """Path within the data directory."""
        root = self._served.data.resolve()
        path = (root / text).resolve()
        if root not in path.parents or not path.exists():
            fault = Fault("events", "not in the data directory", "give a path relative to it")
            raise Problem(422, "there are no such events", errors=[fault])
        return path

    def _options(self) -> list[str]:
        return ["--domain", self._served.name, "--home", str(self._served.data)]


def _iso(micros: int) -> str:
    return from_micros(micros).isoformat()
