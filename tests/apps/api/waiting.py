"""Jobs of a running service, waited for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

DEADLINE = 240.0


def job_of(http: httpx.Client, answer: httpx.Response) -> dict[str, Any]:
    """A job once it has ended, from the answer to who asked for it."""
    assert answer.status_code == 202, answer.text
    place = answer.headers["Location"]
    deadline, seen = time.monotonic() + DEADLINE, -1.0
    while time.monotonic() < deadline:
        job: dict[str, Any] = http.get(place).raise_for_status().json()
        assert job["progress"] >= seen
        seen = job["progress"]
        if job["state"] not in ("queued", "running"):
            return job
        time.sleep(0.1)
    raise AssertionError(f"it stayed {job}")
