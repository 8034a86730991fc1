"""Models: which there are, which decide, and new ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from lagmark.apps.api.answers import Answer
from lagmark.apps.api.context import CallerOf, declared, read_json
from lagmark.apps.api.fields import Body, Text
from lagmark.apps.api.keys import Scope
from lagmark.apps.api.registry import ModelAnswer, Training
from lagmark.apps.api.routes.jobs import JobAnswer, accepted
from lagmark.schema.records import HumanRecord

if TYPE_CHECKING:
    from lagmark.apps.api.context import Context
    from lagmark.apps.api.jobs import Jobs
    from lagmark.apps.api.registry import Placed, Registry
    from lagmark.apps.api.security import Caller

__all__ = ["router"]

Model = Annotated[
    str,
    Path(pattern="^([1-9][0-9]{0,4}|[0-9a-f]{32})$", description="Version, or id of a run."),
]
_EXAMPLE = {"reason": "better in August"}


class Why(Body):
    """Why something is done; it is kept with the model and in the ledger."""

    reason: Text


class ModelList(Answer):
    """Models, the best PR-AUC first; those that were never measured last."""

    domain: str
    models: list[ModelAnswer]


class Standing(Answer):
    """Models in charge."""

    domain: str
    champion: str | None = Field(description="Version that decides; null where rules do.")
    others: list[str] = Field(description="Roles and versions that score beside it.")
    failed: str = Field(description="Why the champion of the registry was not loaded.")


class CompatibleJob(Answer):
    """A training that has begun."""

    status: str
    job_id: str
    message: str


class CompatibleReload(Answer):
    """Models after a reload."""

    status: str
    model_version: str | None
    message: str


class CompatibleTraining(Body):
    """What to train; all of it may be left out."""

    max_depth: int | None = Field(None, ge=1, le=64, description="Of an XGBoost model.")
    training_window_days: int | None = Field(None, ge=1, le=36_600)


def router(context: Context, registry: Registry, jobs: Jobs) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["models"])
    service = context.service

    def standing() -> Standing:
        lineup = service.decider.lineup
        return Standing(
            domain=context.domain.name,
            champion=None if lineup.champion is None else lineup.champion.version,
            others=[f"{role} {scorer.version}" for role, scorer in lineup.others],
            failed=lineup.failed,
        )

    async def placed(
        what: str, caller: Caller, reason: str, make: Callable[[], Awaitable[Placed]]
    ) -> Standing:
        """Change the line-up and put that on record."""
        found = await make()
        details: dict[str, Any] = {"reason": reason, "run_id": found.run_id}
        target = f"model {found.version}"
        await service.append([HumanRecord(caller.name, what, target, details)])
        return standing()

    async def trained(asked: Training, caller: Caller) -> Any:
        return await jobs.submit("train", registry.training(asked), by=caller.name)

    @routes.get("/v1/models", **declared("Models", Scope.READ, errors=(409,)))
    async def list_models() -> ModelList:
        """Runs and versions of the registry. The first list after a change takes seconds."""
        return ModelList(domain=context.domain.name, models=await registry.models())

    @routes.post(
        "/v1/models:train",
        status_code=202,
        **declared(
            "Train a model",
            Scope.TRAIN,
            body=Training,
            example={"model": "xgboost", "train_days": 28},
            errors=(503,),
        ),
    )
    async def train_model(request: Request, caller: CallerOf, response: Response) -> JobAnswer:
        """A job: the ledger as it was known at `as_of`, or a file, becomes a registered model.

        Its result names the version. Nothing decides by it until it is promoted.
        """
        return accepted(await trained(await read_json(request, Training), caller), response)

    def place(what: str, alias: str, summary: str, text: str) -> None:
        @routes.post(
            f"/v1/models/{{version}}:{what}",
            name=f"{what}_model",
            description=text,
            **declared(summary, Scope.ADMIN, body=Why, example=_EXAMPLE, errors=(404, 409, 503)),
        )
        async def stand(request: Request, caller: CallerOf, version: Model) -> Standing:
            given = await read_json(request, Why)
            reason = given.reason
            return await placed(
                what, caller, reason, lambda: registry.stand(version, alias, reason)
            )

    place(
        "promote",
        "champion",
        "Make a model the champion",
        "It decides from the next event on when this is answered; the champion until then is kept "
        "for a rollback, and no request fails meanwhile.",
    )
    place(
        "challenge",
        "challenger",
        "Make a model the challenger",
        "It scores beside the champion, and its scores are on record with each decision.",
    )
    place(
        "shadow",
        "shadow",
        "Make a model a shadow",
        "It scores beside the champion without a claim to its place.",
    )

    @routes.post(
        "/v1/models:rollback",
        **declared(
            "Go back to the previous champion",
            Scope.ADMIN,
            body=Why,
            example={"reason": "false alarms"},
            errors=(409, 503),
        ),
    )
    async def rollback_model(request: Request, caller: CallerOf) -> Standing:
        """It decides again, exactly as before, from the next event on when this is answered."""
        reason = (await read_json(request, Why)).reason
        return await placed("rollback", caller, reason, lambda: registry.rollback(reason))

    @routes.post("/v1/models:reload", **declared("Load the models again", Scope.ADMIN))
    async def reload_models() -> Standing:
        """What the registry says is in charge when this is answered. It is followed anyway."""
        await registry.reload()
        return standing()

    optional = declared(
        "Train a model",
        Scope.TRAIN,
        body=CompatibleTraining,
        example={"max_depth": 6, "training_window_days": 30},
        errors=(503,),
    )
    optional["openapi_extra"]["requestBody"]["required"] = False

    @routes.post("/train", status_code=202, tags=["compatibility"], **optional)
    async def train(request: Request, caller: CallerOf, response: Response) -> CompatibleJob:
        """As `/v1/models:train`; the body may be empty, or a JSON object.

        `max_depth` and `training_window_days` are understood.
        """
        given = CompatibleTraining()
        if await request.body():
            given = await read_json(request, CompatibleTraining)
        asked = Training(train_days=given.training_window_days)
        if given.max_depth is not None:
            asked = asked.model_copy(
                update={"model": "xgboost", "params": {"max_depth": given.max_depth}}
            )
        job = await trained(asked, caller)
        accepted(job, response)
        return CompatibleJob(
            status="accepted", job_id=job.id, message=f"watch it at /v1/jobs/{job.id}"
        )

    @routes.post(
        "/reload-model",
        tags=["compatibility"],
        **declared("Load the champion again", Scope.ADMIN),
    )
    async def reload_model() -> CompatibleReload:
        """As `/v1/models:reload`."""
        await registry.reload()
        found = standing()
        message = found.failed or (
            "rules decide: there is no champion"
            if found.champion is None
            else f"version {found.champion} decides"
        )
        return CompatibleReload(
            status="failed" if found.failed else "reloaded",
            model_version=found.champion,
            message=message,
        )

    return routes
