"""Connections that are kept open between questions."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Idle"]


class _Closes(Protocol):
    def close(self) -> None: ...


C = TypeVar("C", bound=_Closes)


class Idle(Generic[C]):
    """Connections that nobody uses now; as many are open as were ever used at once.

    Parameters
    ----------
    connect
        Opens one.
    """

    def __init__(self, connect: Callable[[], C]) -> None:
        self._connect = connect
        self._idle: deque[C] = deque()
        self._closed = False

    @contextmanager
    def borrowed(self) -> Iterator[C]:
        """A connection for one thread; one that failed is not used again."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            # What was lost under one connection may be lost under all.
            self._drop()
            raise
        self._idle.append(connection)
        if self._closed:
            self._drop()

    def close(self) -> None:
        """Close all, those in use when they come back."""
        self._closed = True
        self._drop()

    def _drop(self) -> None:
        with suppress(IndexError):
            while True:
                self._idle.pop().close()
