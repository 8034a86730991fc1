"""A process that appends until it is killed, and says what was acknowledged."""

from __future__ import annotations

import sys
from pathlib import Path

# The folder of a program is where it finds its neighbours.
from records import decided, said

from lagmark.backends.ledger.sqlite import SqliteLedger
from lagmark.errors import LedgerError
from lagmark.schema.records import LabelRecord

__all__: list[str] = []


def decide(url: str, worker: int, events: int) -> None:
    """Decide on the same events as other workers do; prints how often this one was first."""
    from lagmark.backends.ledger.postgres import PostgresLedger

    ledger = PostgresLedger(url, subject="customer", amount="amount")
    won, equal = 0, True
    for first in range(0, events, 5):
        group = [decided(n, worker) for n in range(first, first + 5)]
        stood = ledger.append([*group, said(first, worker)], at=worker)[:5]
        won += sum(isinstance(each, int) for each in stood)
        kept = ledger.decisions_on(range(first, first + 5))
        equal &= list(kept.values()) == [
            a if isinstance(b, int) else b for a, b in zip(group, stood, strict=True)
        ]
    ledger.close()
    sys.stdout.write(f"{won} {equal}\n")


def main(path: str, task: str) -> None:
    if task == "claim":
        try:
            SqliteLedger(Path(path), subject="customer", amount="amount")
        except LedgerError as problem:
            sys.stdout.write(f"{problem}\n")
        return
    if task.startswith("decide"):
        decide(path, *map(int, task.split(":")[1:]))
        return
    ledger = SqliteLedger(Path(path), subject="customer", amount="amount")
    if task == "retain":
        sys.stdout.write("start\n")
        sys.stdout.flush()
        sys.stdout.write(f"{ledger.retain(before=2**60, folder=f'{path}.moved')}\n")
        return
    while True:
        head = ledger.head().position
        group = [
            LabelRecord(n, n, fraud=True, source="x" * (n % 900))
            for n in range(head, head + 1 + head % 40)
        ]
        ledger.append(group, at=head)
        sys.stdout.write(f"{head + len(group)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
