"""The log: one JSON object a line, with nothing in it that a request said."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from lagmark.clock import Clock

__all__ = ["Log"]


class Log(logging.Handler):
    """Writes JSON lines; as a handler it also takes what libraries log.

    A line has ``at``, ``level`` and ``event``, then what belongs to the event. Of an error it says
    the type and the places in the code, not the message, which may hold values.

    Parameters
    ----------
    clock
        Answers the present instant.
    stream
        Where to write, unbuffered; stderr when ``None``.
    context
        Answers what every line written now ends with.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        stream: BinaryIO | None = None,
        context: Callable[[], dict[str, str]] = dict,
    ) -> None:
        super().__init__(logging.INFO)
        self._clock = clock
        # Past the buffers: what these cannot write they keep, and fail with again at the end.
        self._stream = (
            getattr(sys.stderr.buffer, "raw", sys.stderr.buffer) if stream is None else stream
        )
        self._context = context
        self._turn = threading.Lock()
        self._encoder = msgspec.json.Encoder()

    def write(self, event: str, *, level: str = "info", **parts: Any) -> None:
        """Write one line."""
        line = self._encoder.encode(
            {
                "at": self._clock().isoformat(),
                "level": level,
                "event": event,
                **parts,
                **self._context(),
            }
        )
        # Where the log cannot be written, decisions go on.
        with self._turn, contextlib.suppress(OSError):
            self._stream.write(line + b"\n")

    def request(
        self, *, request_id: bytes, method: str, route: str, status: int, seconds: float, key: str
    ) -> None:
        """Line of an answered request.

        Parameters
        ----------
        request_id
            Its id.
        method, route
            What was asked: the template of the path, not the path, which may name a customer.
        status
            HTTP status.
        seconds
            From the first byte read to the last one sent.
        key
            Id of the key, empty where none was asked for.
        """
        self.write(
            "request",
            level="error" if status >= 500 else "info",
            request_id=request_id.decode(),
            method=method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 3),
            key=key,
        )

    def error(self, problem: BaseException, *, request_id: bytes = b"") -> None:
        """Line of an error that nobody foresaw."""
        frames = traceback.extract_tb(problem.__traceback__)
        self.write(
            "error",
            level="error",
            request_id=request_id.decode(),
            type=type(problem).__name__,
            at_code=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-8:]],
        )

    def emit(self, record: logging.LogRecord) -> None:
        """Line of what a library logs."""
        if record.exc_info and record.exc_info[1] is not None:
            self.error(record.exc_info[1])
        else:
            self.write(record.name, level=record.levelname.lower(), text=record.getMessage())
