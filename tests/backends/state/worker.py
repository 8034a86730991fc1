"""A worker process over shared state: reads events from its input, answers vectors."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
from tests.features.catalogue import draw, feature_set

from lagmark.backends.ledger.sqlite import SqliteLedger
from lagmark.backends.state.redis import RedisState


def main() -> None:
    """Serve until the input ends."""
    seed, url, ledger_path, patience = sys.argv[1:]
    features = feature_set(draw(np.random.default_rng(int(seed)), 60))
    state = RedisState(features, subject="customer", url=url, patience=int(patience), timeout=60.0)
    ledger = SqliteLedger(Path(ledger_path), subject="customer", amount="amount", read_only=True)

    def answer(what: Any) -> None:
        pickle.dump(what, sys.stdout.buffer)
        sys.stdout.buffer.flush()

    state.recover(ledger)
    answer("ready")
    while True:
        try:
            verb, argument = pickle.load(sys.stdin.buffer)
        except EOFError:
            break
        try:
            if verb == "take":
                reading = state.take(argument)
                answer((np.array(reading.vectors), reading.ingest_times))
            elif verb == "recover":
                answer(state.recover(ledger))
            elif verb == "place":
                answer(state.place)
            else:
                answer(getattr(state, verb)(argument))
        except Exception as problem:  # noqa: BLE001 - whatever it is, the test says so
            answer(problem)
    state.close()
    ledger.close()


if __name__ == "__main__":
    main()
