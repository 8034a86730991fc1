"""A thread that copies SQLite's log into its file, so that no commit has to wait for that."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Checkpoints"]

_PAUSE = 0.5
"""Seconds from a commit to its copy: longer makes longer waits, shorter copies pages more often."""


class Checkpoints:
    """Copies what was committed, half a second later, while commits go on.

    A commit that finds the log too long copies it itself, and whoever waits for it waits for that
    too: with sixty-four requests in flight that was the slowest hundredth of them. What cannot be
    copied stays in the log, where it is as durable.

    Parameters
    ----------
    connect
        Opens a connection to the file.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._written = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="checkpoints", daemon=True)
        self._thread.start()

    def written(self) -> None:
        """Say that there is something to copy."""
        self._written.set()

    def end(self) -> None:
        """Come back when the thread is gone."""
        self._ended.set()
        self._written.set()
        self._thread.join()

    def _work(self) -> None:
        while True:
            self._written.wait()
            # Before it looks whether this is the end, which may be told at any moment.
            self._written.clear()
            if self._ended.wait(_PAUSE):
                return
            with suppress(sqlite3.Error), closing(self._connect()) as connection:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
