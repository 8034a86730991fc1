"""One contender for the twelve features."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any


class Worker:
    def __init__(self, folder: Path, *, name: str, share: float) -> None:
        from benchmarks.contenders import contender

        self._folder, self._name = folder, name
        self._contender = contender(name, folder, share=share)
        self.ready: dict[str, Any] = {"scale": float(getattr(self._contender, "scale", 1.0))}

    def check(self) -> dict[str, Any]:
        """Leave the columns in the folder; what is compiled or cached is, after this."""
        import numpy as np

        path = self._folder / f"{self._name}.npy"
        np.save(path, self._contender.columns(self._contender.run()))
        return {"path": str(path)}

    def run(self) -> dict[str, Any]:
        """CPU seconds of all threads of one run."""
        start = time.process_time()
        result = self._contender.run()
        seconds = time.process_time() - start
        del result
        return {"seconds": seconds * self.ready["scale"]}
