"""The right to do something that one process at a time may do, until it gives it back or dies."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO

__all__ = ["claim"]


def claim(path: Path) -> IO[bytes] | None:
    """File whose being open is the right; ``None`` while another has it.

    Parameters
    ----------
    path
        File to lock, made if need be; its content means nothing.

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
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+b")
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file
