"""Arrays of a fitted model in one file that holds nothing else."""

from __future__ import annotations

import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.learning.models.files import not_fitted, unreadable, write_header

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from lagmark.learning.models.interface import Model

__all__ = ["ARRAYS", "read_arrays", "save_arrays"]

ARRAYS = "arrays.npz"
"""Name of the file."""


def save_arrays(
    directory: Path, model: Model, arrays: Mapping[str, NDArray[Any]], **state: float
) -> None:
    """Write a fitted model that is named arrays of numbers and a few numbers more.

    Raises
    ------
    StateError
        If the model is not fitted.
    """
    if not model.names:
        raise not_fitted()
    # The stubs take the names for options of savez.
    np.savez(directory / ARRAYS, **arrays)  # type: ignore[arg-type]
    write_header(directory, model.kind, model.params, model.names, **state)


def read_arrays(directory: Path, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The arrays of :func:`save_arrays` by name.

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
