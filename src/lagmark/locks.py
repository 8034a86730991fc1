"""The right to do something that one process at a time may do, until it gives it back or dies."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

__all__ = ["claim", "exclusive"]


def claim(path: Path) -> IO[bytes] | None:
    """File whose being open is the right; ``None`` while another has it.

    Parameters
    ----------
    path
        File to lock, made if need be, for its owner alone; its content means nothing.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "turn.lock"
    >>> mine = claim(place)
    >>> claim(place) is None
    True
    >>> mine.close()
    >>> with claim(place):
    ...     print("mine again")
    mine again
    """
    file = _opened(path)
    try:
        _lock(file, wait=False)
    except OSError:
        file.close()
        return None
    return file


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Only process in the block, for which it waits; see :func:`claim`."""
    with _opened(path) as file:
        _lock(file, wait=True)
        yield


def _opened(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Whoever could open it could keep the right to himself.
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")


def _lock(file: IO[bytes], *, wait: bool) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
