"""A process of its own for each contender: one thread, its own memory, its own clock.

Started as ``python -m benchmarks.child KIND NAME FOLDER OPTIONS`` and told on standard input what
to do, a line each; answers on standard output, one JSON document a line.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["Child"]

ONE_THREAD = dict.fromkeys(
    (
        "POLARS_MAX_THREADS",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMBA_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    ),
    "1",
)
"""Set before any library is imported."""


class Child:
    """A worker process, seen from the parent.

    Parameters
    ----------
    kind
        Module of :mod:`benchmarks.workers`.
    folder
        Where the payments are, and where results go.
    options
        Handed to the worker.
    """

    def __init__(self, kind: str, folder: Path, **options: Any) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.child", kind, str(folder), json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **ONE_THREAD},
            cwd=Path(__file__).resolve().parent.parent,
        )
        self.ready: dict[str, Any] = self._answer()

    def ask(self, what: str, **arguments: Any) -> dict[str, Any]:
        """The worker's answer to one command."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([what, arguments]) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the worker ended with status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the worker."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def main() -> None:
    """Serve commands until standard input ends."""
    kind, folder, options = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not look like an answer
    worker = importlib.import_module(f"benchmarks.workers.{kind}").Worker(
        Path(folder), **json.loads(options)
    )
    print(json.dumps(worker.ready), file=answers, flush=True)
    for line in sys.stdin:
        what, arguments = json.loads(line)
        print(json.dumps(getattr(worker, what)(**arguments)), file=answers, flush=True)


if __name__ == "__main__":
    main()
