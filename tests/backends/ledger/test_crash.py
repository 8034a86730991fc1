"""Processes killed, disks full or read only: what was acknowledged is there, the rest is not."""

from __future__ import annotations

import ctypes
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lagmark.backends.ledger.chain import check_chain
from lagmark.backends.ledger.sqlite import SqliteLedger
from lagmark.errors import LedgerError
from lagmark.schema.records import LabelRecord
from lagmark.schema.time import DAY

WRITER = Path(__file__).with_name("writer.py")
BLOB = "x" * 3000


def start(path: Path | str, task: str = "append") -> subprocess.Popen[str]:
    command = [sys.executable, str(WRITER), str(path), task]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def opened(path: Path, **options: Any) -> SqliteLedger:
    return SqliteLedger(path, subject="customer", amount="amount", **options)


def sound(ledger: SqliteLedger) -> int:
    """Entries of a ledger that is whole."""
    entries = list(ledger.entries())
    assert check_chain(entries) is None
    assert ledger.check_index() is None
    return len(entries)


def kill_while_appending(path: Path, rounds: int) -> None:
    draw = random.Random(rounds)
    opened(path).close()
    for _ in range(rounds):
        process = start(path)
        assert process.stdout is not None
        acknowledged = int(process.stdout.readline())
        deadline = time.monotonic() + draw.random() * 0.15
        while time.monotonic() < deadline:
            acknowledged = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().splitlines()
        process.stdout.close()
        process.wait()
        # The last line may have been cut off by the kill.
        for line in rest[:-1]:
            acknowledged = int(line)
        ledger = opened(path)
        assert ledger.head().position >= acknowledged
        sound(ledger)
        assert [ledger.labels(n) != () for n in range(acknowledged)] == [True] * acknowledged
        ledger.close()
        # Each round on a ledger that stays small: the checks read all of it.
        if acknowledged > 20_000:
            for each in path.parent.glob(f"{path.name}*"):
                each.unlink()
            opened(path).close()


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    kill_while_appending(tmp_path / "ledger.sqlite", 25)


@pytest.mark.slow
def test_what_was_acknowledged_survives_a_hundred_kills(tmp_path: Path) -> None:
    kill_while_appending(tmp_path / "ledger.sqlite", 100)


def test_a_move_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger = opened(path)
    for day in range(40):
        group = [LabelRecord(day, n, fraud=True, source="x" * 300) for n in range(300)]
        ledger.append(group, at=day * DAY)
    before = [entry.digest for entry in ledger.entries()]
    ledger.close()
    draw = random.Random(1)
    cut = 0
    for _ in range(6):
        process = start(path, "retain")
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(draw.random() * 0.8)  # the moment of the kill is what is drawn here
        process.kill()
        cut += process.stdout.read() == ""
        process.stdout.close()
        process.wait()
        ledger = opened(path)
        assert [entry.digest for entry in ledger.entries()] == before
        sound(ledger)
        ledger.close()
    assert cut, "no kill came in time"
    ledger = opened(path)
    ledger.retain(before=2**60, folder=f"{path}.moved")
    assert [entry.digest for entry in ledger.entries()] == before
    ledger.close()


def test_the_second_writer_is_refused_and_death_gives_the_right_up(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    writer = start(path)
    assert writer.stdout is not None
    writer.stdout.readline()
    said = start(path, "claim").communicate(timeout=60)[0]
    assert "another process writes to it" in said
    reader = opened(path, read_only=True)
    seen = reader.head().position
    deadline = time.monotonic() + 20
    while reader.head().position == seen:
        assert time.monotonic() < deadline
    assert check_chain(reader.entries()) is None
    reader.close()
    writer.kill()
    writer.communicate()
    ledger = opened(path)
    sound(ledger)
    ledger.close()


def fill_until_refused(ledger: SqliteLedger) -> tuple[int, LedgerError]:
    """Appends until one is refused; how many records were acknowledged."""
    count = ledger.head().position
    while count < 100_000:
        group = [LabelRecord(count + n, 0, fraud=True, source=BLOB) for n in range(8)]
        try:
            ledger.append(group, at=0)
        except LedgerError as problem:
            return count, problem
        count += 8
    raise AssertionError("the disk never filled")


def test_a_file_that_may_not_grow_is_refused_and_goes_on_later(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            # The limit holds for this child only.
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            own = opened(tmp_path / "ledger.sqlite")
            soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, hard))
            count, problem = fill_until_refused(own)
            assert "the disk refused" in str(problem)
            assert sound(own) == count
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            own.append([LabelRecord(-1, 0, fraud=True, source="x")], at=0)
            assert sound(own) == count + 1
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of four megabytes, where the system lets us mount one."""
    folder.mkdir()
    if _mount(b"none", folder, b"tmpfs", 0, b"size=4m") != 0:
        pytest.skip("no right to mount a small disk here")
    try:
        yield folder
    finally:
        ctypes.CDLL(None).umount2(bytes(folder), 2)


def _mount(source: bytes, folder: Path, kind: bytes, flags: int, data: bytes) -> int:
    result: int = ctypes.CDLL(None).mount(source, bytes(folder), kind, flags, data)
    return result


def test_a_full_disk_is_refused_and_goes_on_later(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(1_500_000))
        ledger = opened(disk / "ledger.sqlite")
        count, problem = fill_until_refused(ledger)
        assert "the disk is full" in str(problem)
        assert "free some room" in problem.hint
        again, _ = fill_until_refused(ledger)
        assert again == count == sound(ledger)
        ballast.unlink()
        more, _ = fill_until_refused(ledger)
        assert more > count
        assert sound(ledger) == more
        ledger.close()
        reopened = opened(disk / "ledger.sqlite", read_only=True)
        assert sound(reopened) == more
        reopened.close()


def test_a_read_only_disk_is_refused_for_writing_and_read(tmp_path: Path) -> None:
    read_only_again = 1 | 32  # MS_RDONLY | MS_REMOUNT
    with small_disk(tmp_path / "disk") as disk:
        ledger = opened(disk / "ledger.sqlite")
        ledger.append([LabelRecord(1, 0, fraud=True, source="x")], at=0)
        ledger.close()
        assert _mount(b"none", disk, b"tmpfs", read_only_again, b"") == 0
        with pytest.raises(LedgerError, match="read-only file system"):
            opened(disk / "ledger.sqlite")
        reader = opened(disk / "ledger.sqlite", read_only=True)
        assert sound(reader) == 1
        reader.close()
        assert _mount(b"none", disk, b"tmpfs", 32, b"") == 0
        ledger = opened(disk / "ledger.sqlite")
        ledger.append([LabelRecord(2, 0, fraud=True, source="x")], at=0)
        assert sound(ledger) == 2
        ledger.close()
