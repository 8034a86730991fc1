"""Arrays of a fitted model in one file that holds nothing else."""

from __future__ import annotations

import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.learning.models.files import unreadable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["ARRAYS", "read_arrays", "write_arrays"]

ARRAYS = "arrays.npz"
"""Name of the file."""


def write_arrays(directory: Path, **arrays: NDArray[Any]) -> None:
    """Write named arrays of numbers."""
    # The stubs take the names for options of savez.
    np.savez(directory / ARRAYS, **arrays)  # type: ignore[arg-type]


def read_arrays(directory: Path, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The arrays of :func:`write_arrays` by name.

    Raises
    ------
    StateError
        If the file is missing or damaged, lacks one of them, or holds objects or what is not
        finite.
    """
    path = directory / ARRAYS
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            found = {name: np.array(stored[name]) for name in names}
        for name, values in found.items():
            if not bool(np.isfinite(values).all()):
                raise ValueError(f"{name} is not finite")  # noqa: TRY301 - one way out
    # zipfile raises NotImplementedError for a file packed in a way it does not know.
    except (
        OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error,
        NotImplementedError,
    ) as error:  # fmt: skip
        raise unreadable(path, error) from error
    return found
