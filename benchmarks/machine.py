"""The machine, and how fast it moves memory."""

from __future__ import annotations

import os
import platform
import time
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

__all__ = ["bandwidth", "facts", "floor_bytes"]

LIBRARIES = ("numpy", "numba", "polars", "duckdb", "pandas", "pyarrow", "river")


def facts() -> dict[str, Any]:
    """Processor, cores, load, Python and versions."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        model = next((x.split(":", 1)[1].strip() for x in lines if "model name" in x), model)
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
    }


def bandwidth(megabytes: int = 400, repeats: int = 5) -> float:
    """Bytes per CPU second that one thread moves, read and written, copying a large array."""
    import numpy as np

    source = np.ones(megabytes * 1_000_000 // 8)
    target = np.zeros_like(source)
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        np.copyto(target, source)
        seconds.append(time.process_time() - start)
    return 2 * source.nbytes / median(seconds)


def floor_bytes(rows: int) -> int:
    """Least bytes to be moved for the twelve features.

    Read once: event time, ingest time, customer, terminal, amount, and of the label its row and
    instant (8 bytes each) and the verdict (counted as one byte); written once: twelve float64.
    """
    return rows * (7 * 8 + 1 + 12 * 8)
