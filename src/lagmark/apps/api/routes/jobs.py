"""Jobs: how they go, what came of them, and their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import Field

from lagmark.apps.api.answers import Answer
from lagmark.apps.api.context import declared
from lagmark.apps.api.fields import Instant  # noqa: TC001 -- Pydantic reads it when it runs
from lagmark.apps.api.keys import Scope
from lagmark.apps.api.problems import Problem

if TYPE_CHECKING:
    from lagmark.apps.api.context import Context
    from lagmark.apps.api.jobs import Job, Jobs

__all__ = ["JobAnswer", "accepted", "router"]

JobId = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="Id that the job was given.")]


class JobAnswer(Answer):
    """A job."""

    id: str
    kind: str = Field(description="`train` or `generate`.")
    by: str = Field(description="Name of the key that asked for it.")
    state: str = Field(
        description="`queued`, `running`, `done`, `failed`, `cancelled`, or `lost` if the service "
        "ended before it did."
    )
    progress: float = Field(description="Share that is done, 0 to 1.")
    text: str = Field(description="What is being done.")
    result: dict[str, Any] | None = Field(description="What came of it, once it is done.")
    error: str = Field(description="Why it ended otherwise; empty if it did not.")
    created_at: Instant
    started_at: Instant | None
    ended_at: Instant | None

    @classmethod
    def of(cls, job: Job) -> JobAnswer:
        """Answer of a job."""
        return cls(**{name: getattr(job, name) for name in cls.model_fields})


class JobList(Answer):
    """Jobs, latest first."""

    jobs: list[JobAnswer]


def accepted(job: Job, response: Response) -> JobAnswer:
    """Answer 202 to who asked for a job, with the place where it can be watched."""
    response.status_code = 202
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return JobAnswer.of(job)


def router(_: Context, jobs: Jobs) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["jobs"])

    @routes.get("/v1/jobs", **declared("Jobs", Scope.READ))
    async def list_jobs() -> JobList:
        """The last hundred that ended, and those that have not; latest first."""
        return JobList(jobs=[JobAnswer.of(job) for job in await jobs.listed()])

    @routes.get("/v1/jobs/{job_id}", **declared("One job", Scope.READ, errors=(404,)))
    async def one_job(job_id: JobId) -> JobAnswer:
        """How far it is, and what came of it."""
        job = await jobs.find(job_id)
        if job is None:
            raise _unknown()
        return JobAnswer.of(job)

    @routes.delete(
        "/v1/jobs/{job_id}",
        status_code=202,
        **declared("Cancel a job", Scope.TRAIN, errors=(404, 409)),
    )
    async def cancel_job(job_id: JobId, response: Response) -> JobAnswer:
        """Its process ends within moments; what it had finished by then stays."""
        job = await jobs.cancel(job_id)
        if job is None:
            raise _unknown()
        if job.state.ended:
            raise Problem(409, f"this job has ended: {job.state}")
        return accepted(job, response)

    return routes


def _unknown() -> Problem:
    return Problem(404, "there is no such job")
