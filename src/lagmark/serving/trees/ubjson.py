"""Universal Binary JSON, as far as XGBoost writes it."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

__all__ = ["loads"]

_NUMBERS = {
    b"i": ">i1", b"U": ">u1", b"I": ">i2", b"l": ">i4", b"L": ">i8", b"d": ">f4", b"D": ">f8",
}  # fmt: skip
_CONSTANTS = {b"T": True, b"F": False, b"Z": None, b"N": None}
_DEEPEST = 64


def loads(data: bytes) -> Any:
    r"""Value that a document holds; arrays of one type of number come as NumPy arrays.

    Raises
    ------
    ValueError
        If it is none, breaks off, or goes on.

    Examples
    --------
    >>> loads(b"{i\x01aU\x05}")
    {'a': 5}
    """
    reader = _Reader(data)
    try:
        value = reader.value(reader.take(1), 0)
    except (struct.error, KeyError, IndexError, UnicodeDecodeError) as error:
        raise ValueError(f"no UBJSON ({type(error).__name__})") from error
    if reader.at != len(data):
        raise ValueError("goes on after its end")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self.at = data, 0

    def take(self, size: int) -> bytes:
        end = self.at + size
        if size < 0 or end > len(self._data):
            raise ValueError("breaks off")
        part, self.at = self._data[self.at : end], end
        return part

    def value(self, marker: bytes, depth: int) -> Any:
        if depth > _DEEPEST:
            raise ValueError("is too deep")
        if marker in _NUMBERS:
            kind = np.dtype(_NUMBERS[marker])
            return np.frombuffer(self.take(kind.itemsize), kind)[0].item()
        if marker in _CONSTANTS:
            return _CONSTANTS[marker]
        if marker in (b"S", b"C"):
            return self._text() if marker == b"S" else self.take(1).decode()
        if marker == b"{":
            return self._object(depth)
        if marker == b"[":
            return self._array(depth)
        raise ValueError(f"has an unknown marker {marker!r}")

    def _size(self) -> int:
        size = self.value(self.take(1), 0)
        if type(size) is not int or size < 0:
            raise ValueError("has a length that is none")
        return size

    def _text(self) -> str:
        return self.take(self._size()).decode()

    def _peek(self, marker: bytes) -> bool:
        if self._data[self.at : self.at + 1] != marker:
            return False
        self.at += 1
        return True

    def _object(self, depth: int) -> dict[str, Any]:
        found = {}
        while not self._peek(b"}"):
            name = self._text()
            found[name] = self.value(self.take(1), depth + 1)
        return found

    def _array(self, depth: int) -> Any:
        if self._peek(b"$"):
            kind = np.dtype(_NUMBERS[self.take(1)])
            if self.take(1) != b"#":
                raise ValueError("has a typed array without a length")
            return np.frombuffer(self.take(self._size() * kind.itemsize), kind).astype(
                kind.newbyteorder("=")
            )
        if self._peek(b"#"):
            size = self._size()
            if size > len(self._data) - self.at:
                raise ValueError("breaks off")
            return [self.value(self.take(1), depth + 1) for _ in range(size)]
        found = []
        while not self._peek(b"]"):
            found.append(self.value(self.take(1), depth + 1))
        return found
