"""A disk that is full or may only be read: a clear refusal, nothing lost, and it goes on."""

from __future__ import annotations

import contextlib
import ctypes
import json
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from .running import TLS, Service, until, verify
from .traffic import Traffic, opened

Serve = Callable[..., Service]
READ_ONLY, REMOUNT, BIND = 1, 32, 4096


def mount(source: Path | str, folder: Path, flags: int, data: bytes = b"") -> bool:
    name = str(source).encode()
    return ctypes.CDLL(None).mount(name, bytes(folder), b"tmpfs", flags, data) == 0


def unmount(folder: Path) -> None:
    ctypes.CDLL(None).umount2(bytes(folder), 2)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of eight megabytes, where the system lets us mount one."""
    folder.mkdir()
    if not mount("none", folder, 0, b"size=8m"):
        pytest.skip("no right to mount a small disk here")
    try:
        yield folder
    finally:
        unmount(folder)


def fill(path: Path) -> None:
    """Leave no room, not even for a small record."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1024))


def load_until_refused(service: Service, traffic: Traffic) -> None:
    """Load until events are refused."""
    until(lambda: traffic.load(service, count=600) or traffic.refused, "an event was refused")


def check_refusals(service: Service, traffic: Traffic, why: str) -> None:
    """Everything that is asked meanwhile is answered in plain words."""
    until(lambda: service.health() == 503, "it is not ready")
    for path, body in (
        ("/v1/decisions", traffic.event()),
        ("/v1/labels", b'{"event_id": 1, "fraud": true, "source": "analyst"}'),
    ):
        found = service.post(body, path)
        assert found.status_code == 503, found.text
        assert found.headers["content-type"] == "application/problem+json"
        assert int(found.headers["retry-after"]) >= 1
        assert found.json()["title"] == "Service Unavailable"
        assert "ledger" in found.json()["detail"]
    ready = httpx.get(f"{service.url}/health/ready", verify=TLS)
    assert ready.status_code == 503
    assert ready.headers["retry-after"]
    assert "the ledger cannot be used" in ready.json()["detail"]
    assert service.health("/health/live") == 200
    assert any(why in line["why"] for line in service.said("lost") + service.said("not ready"))
    # What stands there can be read all the while.
    number, text = next(iter(traffic.answers.items()))
    assert json.loads(text)["event_id"] == number
    found = httpx.get(
        f"{service.url}/v1/decisions/{json.loads(text)['decision_id']}", verify=TLS, timeout=30
    )
    assert found.status_code == 200, found.text


def check_goes_on(service: Service, traffic: Traffic) -> None:
    """It takes events again by itself, and has lost none that it acknowledged."""
    until(lambda: service.health() == 200, "it is ready again")
    traffic.send(service, list(traffic.bodies.values()))
    with opened(service.data) as ledger:
        traffic.check(ledger)


def test_a_full_and_a_read_only_disk_lose_nothing(serve: Serve, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(5_000_000))
        service = serve(disk / "data", log=tmp_path / "log").ready()
        traffic = Traffic(11)
        load_until_refused(service, traffic)
        fill(disk / "rest")
        check_refusals(service, traffic, "the disk is full")

        # The file system turns read only as well, then there is room, then it can be written.
        assert mount(service.data, service.data, BIND)
        assert mount("none", service.data, BIND | REMOUNT | READ_ONLY)
        ballast.unlink()
        (disk / "rest").unlink()

        def met() -> bool:
            # It may have found room for its note meanwhile, and be ready: then an event tells it.
            traffic.load(service, count=5)
            return any("can only be read" in line["why"] for line in service.said("not ready"))

        until(met, "it met the read-only disk")
        check_refusals(service, traffic, "can only be read")
        unmount(service.data)

        check_goes_on(service, traffic)
        assert service.stop() == 0
        found = verify(service.data)
        assert found["ok"], found
        assert found["decisions"] == len(traffic.bodies)


def test_a_file_that_may_not_grow_loses_nothing(serve: Serve) -> None:
    service = serve().ready()
    traffic = Traffic(12)
    traffic.load(service, count=200)
    assert service.process is not None
    _, hard = resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (3_000_000, hard))
    load_until_refused(service, traffic)
    check_refusals(service, traffic, "the disk refused")
    resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    check_goes_on(service, traffic)
    assert service.stop() == 0
    assert verify(service.data)["ok"]


def test_a_log_that_cannot_be_written_stops_nothing(serve: Serve) -> None:
    # Buffered as it is for users: what a buffer keeps fails once more when the process ends.
    service = serve(log=Path("/dev/full"), environment={"PYTHONUNBUFFERED": ""})
    until(lambda: service.health() == 200, "it is ready")
    traffic = Traffic(13)
    traffic.load(service, count=100)
    assert (traffic.refused, traffic.broken) == (0, 0)
    assert service.stop() == 0
    with opened(service.data) as ledger:
        traffic.check(ledger)
