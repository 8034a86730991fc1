"""Jobs: one at a time, watched from anywhere, cancelled, and remembered as what they became."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lagmark.apps.api.command import Command
from lagmark.apps.api.jobs import Job, Jobs, State
from lagmark.apps.api.log import Log
from lagmark.clock import utc_now
from lagmark.errors import ConfigError, RegistryError, UnavailableError
from lagmark.settings import ServeSettings

if TYPE_CHECKING:
    import httpx

    from lagmark.apps.api.command import Tell

DEADLINE = 60.0


def jobs_of(folder: Path, log: io.BytesIO | None = None) -> Jobs:
    return Jobs(folder, clock=utc_now, log=Log(clock=utc_now, stream=log or io.BytesIO()))


async def until(jobs: Jobs, job: Job, wanted: Callable[[Job], bool]) -> Job:
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        found = await jobs.find(job.id)
        assert found is not None
        if wanted(found):
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"it stayed {found}")


async def ended(jobs: Jobs, job: Job) -> Job:
    return await until(jobs, job, lambda found: found.state.ended)


def held(
    gate: asyncio.Event, result: dict[str, Any]
) -> Callable[[Tell], Awaitable[dict[str, Any]]]:
    async def work(tell: Tell) -> dict[str, Any]:
        tell(0.25, "waiting")
        await gate.wait()
        return result

    return work


def test_one_at_a_time_in_the_order_asked(tmp_path: Path) -> None:
    async def run() -> None:
        jobs, gates = jobs_of(tmp_path), [asyncio.Event() for _ in range(3)]
        made = [
            await jobs.submit("train", held(gate, {"number": i}), by="ann")
            for i, gate in enumerate(gates)
        ]
        for i, gate in enumerate(gates):
            running = await until(jobs, made[i], lambda job: job.progress == 0.25)
            assert (running.state, running.text) == (State.RUNNING, "waiting")
            states = [job.state for job in reversed(await jobs.listed())]
            done, left = [State.DONE] * i, [State.QUEUED] * (2 - i)
            assert states == [*done, State.RUNNING, *left]
            gate.set()
            found = await ended(jobs, made[i])
            assert (found.state, found.result, found.progress) == (State.DONE, {"number": i}, 1.0)
            assert found.started_at is not None
            assert found.ended_at is not None
            assert found.created_at <= found.started_at <= found.ended_at

    asyncio.run(run())


def test_two_processes_share_one_turn_and_all_jobs(tmp_path: Path) -> None:
    async def run() -> None:
        one, other = jobs_of(tmp_path), jobs_of(tmp_path)
        first, second = asyncio.Event(), asyncio.Event()
        a = await one.submit("train", held(first, {}), by="ann")
        await until(other, a, lambda job: job.state is State.RUNNING)
        b = await other.submit("train", held(second, {}), by="bob")
        # Cancelled by the process that does not work on it.
        await other.cancel(a.id)
        assert (await ended(one, a)).state is State.CANCELLED
        await until(one, b, lambda job: job.state is State.RUNNING)
        second.set()
        assert (await ended(one, b)).state is State.DONE

    asyncio.run(run())


def test_a_waiting_job_can_be_cancelled(tmp_path: Path) -> None:
    async def run() -> None:
        jobs, gate = jobs_of(tmp_path), asyncio.Event()
        first = await jobs.submit("train", held(gate, {}), by="ann")
        second = await jobs.submit("train", held(gate, {}), by="ann")
        await jobs.cancel(second.id)
        found = await ended(jobs, second)
        assert (found.state, found.started_at) == (State.CANCELLED, None)
        gate.set()
        assert (await ended(jobs, first)).state is State.DONE
        assert await jobs.cancel("0" * 16) is None
        assert await jobs.find("../../keys") is None

    asyncio.run(run())


def test_failures_say_why_and_defects_do_not(tmp_path: Path) -> None:
    async def refuse(_: Tell) -> dict[str, Any]:
        raise ConfigError("no such model", where="/secret/place", hint="see the list")

    async def break_(_: Tell) -> dict[str, Any]:
        raise KeyError("secret")

    async def run() -> None:
        log = io.BytesIO()
        jobs = jobs_of(tmp_path, log)
        found = await ended(jobs, await jobs.submit("train", refuse, by="ann"))
        assert (found.state, found.error) == (State.FAILED, "no such model; see the list")
        found = await ended(jobs, await jobs.submit("train", break_, by="ann"))
        assert found.state is State.FAILED
        assert "secret" not in found.error
        assert b"KeyError" in log.getvalue()

    asyncio.run(run())


def test_too_many_are_refused_and_old_ones_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lagmark.apps.api.jobs._MOST", 2)
    monkeypatch.setattr("lagmark.apps.api.jobs._KEPT", 3)

    async def run() -> None:
        jobs, gate = jobs_of(tmp_path), asyncio.Event()
        made = [await jobs.submit("train", held(gate, {}), by="ann") for _ in range(3)]
        with pytest.raises(UnavailableError, match="too many jobs wait"):
            await jobs.submit("train", held(gate, {}), by="ann")
        gate.set()
        for job in made:
            await ended(jobs, job)
        for _ in range(4):
            await ended(jobs, await jobs.submit("train", held(gate, {}), by="ann"))
        assert len(await jobs.listed()) == 4
        assert await jobs.find(made[0].id) is None

    # The end of the loop waits for what was begun.
    asyncio.run(run())
    assert list(tmp_path.glob("*.lock")) == [tmp_path / ".turn.lock"]


def test_a_drained_service_leaves_lost_jobs(tmp_path: Path) -> None:
    async def run() -> None:
        jobs = jobs_of(tmp_path)
        job = await jobs.submit("train", held(asyncio.Event(), {}), by="ann")
        await until(jobs, job, lambda found: found.state is State.RUNNING)
        await jobs.close()
        found = await jobs_of(tmp_path).find(job.id)
        assert found is not None
        assert (found.state, found.error) == (State.LOST, "the service ended")

    asyncio.run(run())


PROGRAM = """
import asyncio, sys
from pathlib import Path
from lagmark.apps.api.jobs import Jobs
from lagmark.apps.api.log import Log
from lagmark.clock import utc_now

async def work(tell):
    tell(0.5, "half")
    await asyncio.Event().wait()

async def main():
    jobs = Jobs(Path(sys.argv[1]), clock=utc_now, log=Log(clock=utc_now))
    await jobs.submit("train", work, by="ann")
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_a_job_of_a_killed_process_is_lost(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path)])

    async def run() -> None:
        jobs, deadline = jobs_of(tmp_path), time.monotonic() + DEADLINE
        try:
            while not any(job.progress == 0.5 for job in await jobs.listed()):
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        (found,) = await jobs.listed()
        assert (found.state, found.progress, found.text) == (State.LOST, 0.5, "half")
        gate = asyncio.Event()
        gate.set()
        # It took its turn with it.
        next_one = await ended(jobs, await jobs.submit("train", held(gate, {}), by="bob"))
        assert next_one.state is State.DONE

    asyncio.run(run())


@pytest.mark.slow
def test_a_command_answers_refuses_and_tells_how_far_it_is(tmp_path: Path) -> None:
    told: list[tuple[float, str]] = []
    command = Command(ServeSettings(data=tmp_path))

    async def run() -> None:
        out = str(tmp_path / "payments.parquet")
        found = await command.run(
            ["simulate", "--customers", "20", "--terminals", "20", "--days", "3", "--out", out],
            lambda share, text: told.append((share, text)),
            steps=2,
        )
        assert found["events"] > 0
        with pytest.raises(RegistryError, match="no run"):
            await command.run(["card", "0" * 32, "--home", str(tmp_path)])

    asyncio.run(run())
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] >= 0.5
    assert next(text for _, text in told) == "simulating"


@pytest.mark.slow
def test_a_cancelled_command_is_gone(tmp_path: Path) -> None:
    async def run() -> None:
        begun = asyncio.Event()
        command = Command(ServeSettings(data=tmp_path))
        arguments = ["simulate", "--scenario", "card_stable", "--events", "2000000"]
        task = asyncio.create_task(
            command.run(
                [*arguments, "--out", str(tmp_path / "world")], lambda _share, _text: begun.set()
            )
        )
        await asyncio.wait_for(begun.wait(), DEADLINE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        # What it had begun is removed, or lies beside under a name that says so.
        assert not (tmp_path / "world").exists()

    asyncio.run(run())


def test_routes_know_what_there_is_not(http: httpx.Client) -> None:
    assert http.get("/v1/jobs/0123456789abcdef").status_code == 404
    assert http.delete("/v1/jobs/0123456789abcdef").status_code == 404
    assert http.get("/v1/jobs/x").status_code == 422
    assert isinstance(http.get("/v1/jobs").json()["jobs"], list)
