"""``python -m benchmarks.ledger``: what a decision costs to keep, and a question to answer.

CPU time is that of the appending thread: waits for the disk are no part of it, what the system
does to write is. ``--no-sync`` leaves the wait out of the times of the groups too.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.backends.ledger.sqlite import SqliteLedger
from lagmark.ports.ledger import DecisionQuery
from lagmark.schema.decision import Action, Decision, Fallback, Level, OtherScore, Reason
from lagmark.schema.records import DecisionRecord, LabelRecord, body_of

if TYPE_CHECKING:
    from lagmark.backends.ledger.keeping import SqlLedger

START = 1_700_000_000_000_000


def decisions(count: int, *, random_ids: bool, seed: int = 0) -> Iterator[DecisionRecord]:
    """Card payments with 60 features and four reasons."""
    draw = np.random.default_rng(seed)
    for n in range(count):
        event_id = f"evt-{draw.integers(2**62):016x}" if random_ids else seed * 10**9 + n
        reasons = tuple(
            Reason(f"customer_amount_mean_7d_{k}", 12.5 * k, 0.1234 * k, _TEXT) for k in range(4)
        )
        decision = Decision(
            hashlib.sha256(str(event_id).encode()).hexdigest()[:32],
            event_id,
            START + n,
            50,
            0.1234,
            Level.LOW,
            Action.REVIEW if n % 50 == 0 else Action.ALLOW,
            Action.ALLOW,
            1.0,
            reasons,
            ("velocity",),
            Fallback.NONE,
            "card-17",
            "a" * 16,
            "b" * 16,
            (OtherScore("challenger", "card-18", 0.2),),
        )
        values = {
            "customer": int(draw.integers(100_000)),
            "card": int(draw.integers(200_000)),
            "merchant": int(draw.integers(5_000)),
            "amount": int(draw.integers(100_000)),
            "category": "grocery",
            "country": "FR",
            "lat": 48_856_613,
            "lon": 2_352_222,
            "declined": False,
            "device": f"dev{draw.integers(1000)}",
        }
        vector = draw.random(60).tobytes()
        yield DecisionRecord(event_id, START + n, START + n, values, vector, decision, 1234)


_TEXT = "amount is 3.2 times the customer's mean of 7 days"


def append(ledger: SqlLedger, records: list[DecisionRecord], group: int) -> dict[str, float]:
    """Microseconds of CPU a record, and milliseconds that groups took."""
    waits = []
    cpu = time.thread_time()
    for first in range(0, len(records), group):
        began = time.perf_counter()
        ledger.append(records[first : first + group], at=START)
        waits.append((time.perf_counter() - began) * 1e3)
    cpu = (time.thread_time() - cpu) / len(records) * 1e6
    p50, p99 = np.percentile(waits, [50, 99])
    return {"group": group, "cpu_us": cpu, "p50_ms": float(p50), "p99_ms": float(p99)}


def asked(ledger: SqlLedger, some: DecisionRecord) -> dict[str, float]:
    """Milliseconds of each question."""
    customer: Any = some.values["customer"]
    questions = {
        "decision on an event": lambda: ledger.decision_on(some.event_id),
        "decision by its id": lambda: ledger.decision(some.decision.decision_id),
        "page, latest": lambda: ledger.query(DecisionQuery(), limit=50),
        "page, one customer": lambda: ledger.query(DecisionQuery(subject=customer), limit=50),
        "page, frauds": lambda: ledger.query(DecisionQuery(fraud=True), limit=50),
        "statistics": lambda: ledger.statistics(DecisionQuery()),
        "statistics, as of": lambda: ledger.statistics(DecisionQuery(as_of=START + 10_000)),
    }
    times = {}
    for name, question in questions.items():
        question()
        began = time.perf_counter()
        question()
        times[name] = (time.perf_counter() - began) * 1e3
    return times


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ledger", description=__doc__)
    parser.add_argument("--before", type=int, default=200_000, help="decisions already there")
    parser.add_argument("--postgres", help="address of a server; else an SQLite file")
    parser.add_argument("--folder", help="where to put the file; else a temporary folder")
    parser.add_argument("--no-sync", action="store_true", help="SQLite: do not wait for the disk")
    parser.add_argument("--random-ids", action="store_true", help="event ids in no order")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        ledger: SqlLedger
        if arguments.postgres:
            from lagmark.backends.ledger.postgres import PostgresLedger

            ledger = PostgresLedger(arguments.postgres, subject="customer", amount="amount")
        else:
            path = Path(folder) / "ledger.sqlite"
            ledger = SqliteLedger(path, subject="customer", amount="amount")
            if arguments.no_sync:
                ledger._file._writer.execute("PRAGMA synchronous = OFF")  # noqa: SLF001
        random_ids = arguments.random_ids
        part: list[Any] = []
        for record in decisions(arguments.before, random_ids=random_ids):
            part.append(record)
            if len(part) % 50 == 0:
                part.append(LabelRecord(record.event_id, START, len(part) % 100 == 0, "analyst"))
            if len(part) >= 5000:
                ledger.append(part, at=START)
                part = []
        some = record
        runs = []
        for repeat in range(3):
            for group in (1, 16, 64, 1000):
                seed = 1 + repeat * 10_000 + group
                fresh = list(decisions(min(4000, group * 100), random_ids=random_ids, seed=seed))
                runs.append(append(ledger, fresh, group))
        best = {}
        for run in runs:
            kept = best.get(run["group"])
            if kept is None or run["cpu_us"] < kept["cpu_us"]:
                best[run["group"]] = run
        found = {
            "body_bytes": len(body_of(some)),
            "append": list(best.values()),
            "asked_ms": asked(ledger, some),
        }
        ledger.close()
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
