"""Synthetic events for a service that has none: simulated, then decided on like any other."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from lagmark.apps.api.fields import Body, Name
from lagmark.apps.api.problems import Fault, Problem
from lagmark.atomic import replacing
from lagmark.clock import stopwatch
from lagmark.errors import ConfigError
from lagmark.schema.events import Event
from lagmark.schema.records import LabelRecord
from lagmark.schema.time import DAY, from_micros, parse_instant, to_micros

if TYPE_CHECKING:
    from lagmark.apps.api.command import Command, Tell
    from lagmark.apps.api.context import Context
    from lagmark.apps.api.jobs import Work
    from lagmark.schema.events import EventBatch

__all__ = ["Generation", "generating"]

_TOGETHER = 16
"""Events that are decided together: more would keep other requests waiting."""
_SLICE = 512
"""Rows that are made into events at once."""
_ROOM = 10**9
"""Ids of one generation."""


class Generation(Body):
    """What to simulate."""

    scenario: Name | None = Field(
        None, description="World to simulate, of the domain served; its plainest when absent."
    )
    users: int | None = Field(None, ge=1, le=1_000_000, description="People in it.")
    events: int | None = Field(
        None, ge=1, le=1_000_000, description="About how many events; needs a scenario."
    )
    days: int = Field(30, ge=1, le=730, description="Days of history.")
    start: date | None = Field(
        None, strict=False, description="First day; so that the last is yesterday when absent."
    )
    fraud_rate: float | None = Field(
        None, gt=0, lt=0.5, description="Share of fraud; needs a scenario."
    )
    seed: int = Field(0, ge=0, lt=2**31)


def generating(asked: Generation, context: Context, command: Command, data: Path, by: str) -> Work:
    """Work of a job that simulates events and has the service decide on them.

    Events and labels take the path that real ones take, each at its own time; labels that are not
    known yet today are left out. What was decided before must be older than the first day.

    Parameters
    ----------
    asked
        What to simulate.
    context
        The service.
    command
        Runs the simulation.
    data
        Directory of the service.
    by
        Name of the key that asked, for the labels.

    Raises
    ------
    Problem
        422 if there is no such simulation of this domain, 409 if later events were decided already.
    """
    now = to_micros(context.clock())
    start = now // DAY * DAY - asked.days * DAY
    if asked.start is not None:
        start = to_micros(parse_instant(asked.start.isoformat()))
    if start + asked.days * DAY > now + DAY:
        fault = Fault("start", "the days are not over yet", "begin earlier, or ask for fewer days")
        raise Problem(422, "events of the future", errors=[fault])
    first_day = from_micros(start).date().isoformat()
    arguments, content = _simulation(asked, context.domain.name, first_day)
    latest = context.service.state.latest
    if latest >= start:
        raise Problem(
            409,
            f"events until {from_micros(latest).isoformat()} were decided already; begin after "
            "that, or clear the data first",
        )
    folder = data / "jobs" / "generated"

    async def work(tell: Tell) -> dict[str, Any]:
        # One job at a time: what an earlier one left behind is nobody's.
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        try:
            await asyncio.to_thread(_write, folder, content)
            out = folder / ("payments.parquet" if content is None else "history")
            source = [] if content is None else ["--scenario", str(folder / "scenario.yaml")]
            await command.run(
                ["simulate", "--out", str(out), "--seed", str(asked.seed), *source, *arguments],
                lambda share, text: tell(0.3 * share, text),
                steps=1 if content is not None else 2,
            )
            batch = await asyncio.to_thread(_read, out, context, now)
            sent = await _send(batch, context, start // DAY, by, tell)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        last_day = from_micros(start + (asked.days - 1) * DAY).date().isoformat()
        return {**sent, "first_day": first_day, "last_day": last_day, "seed": asked.seed}

    return work


def _simulation(
    asked: Generation, domain: str, first_day: str
) -> tuple[list[str], dict[str, Any] | None]:
    """Options of the command, and the scenario to simulate, if it is one."""
    from lagmark.simulator import load_scenario, scenarios

    fitting = [name for name, each in scenarios().items() if each.domain == domain]
    chosen = asked.scenario
    if chosen is None and domain == "handbook":
        for name in ("events", "fraud_rate"):
            if getattr(asked, name) is not None:
                hint = "say how many users, and for how many days"
                fault = Fault(name, "the handbook's payments have their own", hint)
                raise Problem(422, f"{name} needs a scenario", errors=[fault])
        users = asked.users or 1_000
        return [
            "--customers", str(users), "--terminals", str(2 * users), "--days", str(asked.days),
            "--start", first_day,
        ], None  # fmt: skip
    if chosen is None:
        plain = f"{domain}_stable"
        chosen = plain if plain in fitting else None
    if chosen not in fitting:
        there = f"choose of {', '.join(fitting)}" if fitting else "send events of your own"
        fault = Fault("scenario", "there is none of this domain", there)
        raise Problem(422, f"nothing of this kind is simulated for {domain!r}", errors=[fault])
    over: dict[str, Any] = {"days": asked.days, "start": first_day}
    over |= {
        name: value for name in ("users", "events") if (value := getattr(asked, name)) is not None
    }
    if asked.fraud_rate is not None:
        over["fraud"] = {"rate": asked.fraud_rate}
    try:
        return [], load_scenario(chosen, **over).model_dump(mode="json")
    except ConfigError as problem:
        raise Problem(422, str(problem)) from None


def _write(folder: Path, content: dict[str, Any] | None) -> None:
    import yaml

    folder.mkdir(parents=True)
    if content is not None:
        with replacing(folder / "scenario.yaml") as draft:
            draft.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def _read(path: Path, context: Context, now: int) -> EventBatch:
    from lagmark.apps.jobs.labelled import read_labelled

    return read_labelled(
        path,
        context.domain,
        dead_letters=path.parent / "dead.jsonl",
        reporter=_Silent(),
        as_of=now,
    ).batch


class _Silent:
    @contextmanager
    def progress(
        self, description: str, unit: str = "events"
    ) -> Iterator[Callable[[int, int], None]]:
        del description, unit
        yield lambda _done, _total: None

    def line(self, text: str) -> None:
        del text


async def _send(
    batch: EventBatch, context: Context, day: int, by: str, tell: Tell
) -> dict[str, Any]:
    """Have the service decide on events in the order of arrival, told each label in its time."""
    service, total = context.service, len(batch)
    names = [field.name for field in context.domain.fields]
    ids = [_renamed(each, day) for each in batch.events["event_id"].to_list()]
    labels = batch.labels.select("row", "known_at", "fraud", "source")
    told = frauds = 0
    for begin in range(0, total, _SLICE):
        rows = await asyncio.to_thread(batch.events.slice(begin, _SLICE).rows, named=True)
        for first in range(0, len(rows), _TOGETHER):
            events = [
                Event(
                    ids[begin + first + i],
                    row["event_time"],
                    row["ingest_time"],
                    {name: row[name] for name in names},
                )
                for i, row in enumerate(rows[first : first + _TOGETHER])
            ]
            # A label waits in the service for its event and for its time.
            until = int(labels["known_at"].search_sorted(events[-1].ingest_time, side="right"))
            if until > told:
                spoken = [
                    LabelRecord(ids[row], known_at, fraud, source, by=by)
                    for row, known_at, fraud, source in labels.slice(told, until - told).rows()
                ]
                await service.append(spoken)
                told, frauds = until, frauds + sum(each.fraud for each in spoken)
            started = stopwatch()
            await asyncio.gather(
                *(service.decide(each, started, explained=False) for each in events)
            )
        tell(0.3 + 0.7 * min(begin + _SLICE, total) / total, "Decide on the events")
    rest = [
        LabelRecord(ids[row], known_at, fraud, source, by=by)
        for row, known_at, fraud, source in labels.slice(told).rows()
    ]
    for begin in range(0, len(rest), _SLICE):
        await service.append(rest[begin : begin + _SLICE])
    frauds += sum(each.fraud for each in rest)
    return {"events": total, "labels": labels.height, "frauds": frauds}


def _renamed(event_id: int | str, day: int) -> int | str:
    """Id that no other generation uses: none begins on the same day."""
    if isinstance(event_id, int):
        return day * _ROOM + event_id
    return f"{from_micros(day * DAY).date().isoformat()}-{event_id}"
