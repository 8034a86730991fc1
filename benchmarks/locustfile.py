"""Load of many kinds on a running service, for Locust: single events, batches, questions.

    locust -f benchmarks/locustfile.py --host http://127.0.0.1:8000 --key KEY
    LAGMARK_KEY=KEY locust -f benchmarks/locustfile.py --host ... --headless -u 50 -r 10 -t 1m

The key needs the scopes decide and read. Without ``--events`` the payments are those of domain
``handbook``, made up; with it, rows of a JSON lines file are sent again and again, each time under
a new name and at the present time.
"""

from __future__ import annotations

import json
import random
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from locust import FastHttpUser, between, constant_throughput, events, task

if TYPE_CHECKING:
    from locust.argument_parser import LocustArgumentParser

BATCH = 100


@events.init_command_line_parser.add_listener
def options(parser: LocustArgumentParser) -> None:
    """What this file asks for beside Locust's own options."""
    parser.add_argument("--key", env_var="LAGMARK_KEY", default="", is_secret=True, help="API key")
    parser.add_argument("--events", default="", help="JSON lines file with events of the domain")


class Service(FastHttpUser):
    """What all users have in common: a key, and events to send."""

    abstract = True
    rows: ClassVar[list[dict[str, Any]]] = []
    """Rows of ``--events``, read once by the first user."""

    def on_start(self) -> None:
        """Take what the command line says."""
        given = self.environment.parsed_options
        self.headers = {"Authorization": f"Bearer {given.key}"}
        if given.events and not Service.rows:
            lines = Path(given.events).read_text(encoding="utf-8").splitlines()
            Service.rows = [json.loads(line) for line in lines]

    def event(self) -> dict[str, Any]:
        """A new event."""
        now = datetime.now(UTC).isoformat()
        if not Service.rows:
            return {
                "event_id": random.getrandbits(52),
                "event_time": now,
                "customer": random.randrange(5_000),
                "terminal": random.randrange(10_000),
                "amount": round(random.lognormvariate(3.5, 0.8), 2),
            }
        row = random.choice(Service.rows)
        numbered = isinstance(row.get("event_id"), int)
        fresh = random.getrandbits(52) if numbered else uuid.uuid4().hex
        kept = {name: value for name, value in row.items() if name != "ingest_time"}
        return {**kept, "event_id": fresh, "event_time": now}


class Checkout(Service):
    """Asks about one payment at a time, ten times a second."""

    weight = 8
    wait_time = constant_throughput(10)

    @task
    def decide(self) -> None:
        """One event."""
        self.client.post("/v1/decisions", json=self.event(), headers=self.headers)


class Settlement(Service):
    """Sends what came together, once a second."""

    weight = 1
    wait_time = constant_throughput(1)

    @task
    def decide_together(self) -> None:
        """A batch; an event refused in it is a failure, although the answer's status is 200."""
        body = {"events": [self.event() for _ in range(BATCH)]}
        with self.client.post(
            "/v1/decisions:batch", json=body, headers=self.headers, catch_response=True
        ) as answer:
            if answer.status_code == 200:
                refused = [each for each in answer.json()["results"] if "error" in each]
                if refused:
                    answer.failure(f"{len(refused)} events refused: {refused[0]['error']}")


class Analyst(Service):
    """Looks at what was decided."""

    weight = 1
    wait_time = between(0.2, 1.0)

    @task(3)
    def latest(self) -> None:
        """A page, and the first decision on it in full."""
        page = self.client.get("/v1/decisions?limit=50", headers=self.headers)
        rows = page.json()["decisions"] if page.status_code == 200 else []
        if rows:
            self.client.get(
                f"/v1/decisions/{rows[0]['decision_id']}",
                headers=self.headers,
                name="/v1/decisions/[decision_id]",
            )

    @task
    def statistics(self) -> None:
        """Counts and sums."""
        self.client.get("/v1/decisions:statistics", headers=self.headers)
