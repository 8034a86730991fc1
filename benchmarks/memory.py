"""``python -m benchmarks memory``: the memory of the decision service over a million requests.

One event a request, sixty features, 300 trees, durable ledger, a label for one event in a hundred.
The events are a minute apart: windows keep to their size, and what grows is kept for no reason.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from benchmarks import machine
from benchmarks.results import Section, Target, as_json, as_text, heading
from benchmarks.service import lagmark_server, prepare
from lagmark.apps.bench.load import closed_loop, measure
from lagmark.client import Client

if TYPE_CHECKING:
    from lagmark.apps.bench.load import Target as Address

__all__ = ["main", "memory_section"]

PARTS = 20
CONNECTIONS = 64
BOUND = 100
"""Bytes a request, over the second half: the smallest thing kept for each would take more."""
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


def main(argv: list[str]) -> int:
    """Run, print, and say whether the target is met (exit status 0) or not (1)."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks memory", description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000, help="default 1,000,000")
    parser.add_argument("--trees", type=int, default=300, help="trees (default 300)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--out", type=Path, help="also write the JSON document to a file")
    arguments = parser.parse_args(argv)
    if arguments.requests < PARTS or arguments.trees < 1:
        parser.error(f"--requests must be at least {PARTS}, --trees at least 1")
    facts = machine.facts()
    with tempfile.TemporaryDirectory(prefix="lagmark-bench-") as name:
        folder = Path(name)
        prepare(folder, customers=500, trees=arguments.trees)
        cores = sorted(os.sched_getaffinity(0))
        with lagmark_server(folder, cores[0]) as (address, pid):
            section = memory_section(_sizes(address, psutil.Process(pid), arguments.requests))
    document = as_json(facts, [section])
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if arguments.json:
        print(json.dumps(document, indent=2))
    else:
        print(heading(facts), as_text(section), sep="\n")
    return 0 if document["met"] else 1


def _sizes(address: Address, process: psutil.Process, requests: int) -> dict[int, int]:
    """Resident bytes by requests answered."""
    found = {0: process.memory_info().rss}
    done = 0
    with Client(f"http://{address.host}:{address.port}", key=address.key, timeout=120.0) as client:
        for part in range(1, PARTS + 1):
            numbers = range(done, requests * part // PARTS)
            bodies = [_event(number) for number in numbers]
            load = measure(closed_loop(address, bodies, connections=CONNECTIONS))
            if load.failed:
                raise SystemExit(f"{load.failed:,} of {len(bodies):,} requests failed")
            done = numbers.stop
            client.labels([_label(number, known_at=_instant(done)) for number in numbers[::100]])
            found[done] = process.memory_info().rss
            sys.stderr.write(f"{done:>12,} requests  {found[done] >> 20:,} MB\n")
    return found


def _instant(number: int) -> datetime:
    return BEGIN + timedelta(minutes=number)


def _label(number: int, *, known_at: datetime) -> dict[str, Any]:
    fraud = number % 300 == 0
    return {"event_id": number, "fraud": fraud, "source": "chargeback", "known_at": known_at}


def _event(number: int) -> bytes:
    at = _instant(number).isoformat()
    return json.dumps(
        {
            "event_id": number,
            "event_time": at,
            "ingest_time": at,
            "customer": number % 997,
            "terminal": number % 101,
            "amount": number % 1000 / 4,
        }
    ).encode()


def memory_section(sizes: dict[int, int]) -> Section:
    """Growth over the second half, held against its bound.

    Parameters
    ----------
    sizes
        Resident bytes by requests answered, in order.
    """
    answered = list(sizes)
    middle, last = answered[len(answered) // 2], answered[-1]
    growth = (sizes[last] - sizes[middle]) / (last - middle)
    return Section(
        f"Resident memory of the service, {CONNECTIONS} requests in flight",
        ("requests", "MB"),
        [(f"{each:,}", f"{sizes[each] >> 20:,}") for each in answered[::2]],
        targets=[
            Target(
                f"second half: at most {BOUND} bytes a request",
                f"{growth:.1f} bytes",
                growth <= BOUND,
            )
        ],
        raw={"benchmark": "service_memory", "bytes": {str(k): v for k, v in sizes.items()}},
    )
