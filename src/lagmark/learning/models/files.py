"""The part of storing a model and of checking its input that all kinds share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.errors import ConfigError, DataError, StateError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = [
    "check_training",
    "check_values",
    "check_width",
    "log_odds",
    "merged",
    "not_fitted",
    "read_header",
    "sigmoid",
    "unreadable",
    "write_header",
]

_HEADER = "model.json"


def merged(
    kind: str,
    defaults: Mapping[str, Any],
    given: Mapping[str, Any] | None,
    more: Sequence[str] = (),
) -> dict[str, Any]:
    """Defaults of a kind with the given parameters over them.

    Raises
    ------
    ConfigError
        If a given parameter is in neither the defaults nor ``more``.
    """
    known = set(defaults) | set(more)
    for name in given or {}:
        if name not in known:
            raise ConfigError(
                f"{kind} has no parameter {name!r}",
                where="model",
                hint=f"choose among: {', '.join(sorted(known))}",
            )
    return {**defaults, **(given or {})}


def check_training(
    X: NDArray[np.float64],
    y: NDArray[np.int8],
    names: Sequence[str],
    weights: NDArray[np.float64] | None,
) -> None:
    """Refuse what no model can be fitted on.

    Raises
    ------
    DataError
        Shapes that disagree, infinite values, repeated names, a missing class.
    """
    check_values(X, names)
    if len(set(names)) != len(names):
        raise DataError("feature names repeat", where="training set")
    if y.shape != (X.shape[0],) or (weights is not None and weights.shape != y.shape):
        raise DataError("values, labels and weights differ in length", where="training set")
    frauds = int((y == 1).sum())
    if frauds == 0 or frauds == y.shape[0] or bool(((y != 0) & (y != 1)).any()):
        raise DataError(
            f"{y.shape[0]} examples with {frauds} frauds cannot be learnt from",
            where="training set",
            hint="choose a longer training range; both classes are needed",
        )


def check_values(X: NDArray[np.float64], names: Sequence[str]) -> None:
    """Refuse a matrix that is not one column per name, or holds infinity.

    Raises
    ------
    StateError
        Without names: the model is not fitted.
    DataError
        Wrong shape or infinite values.
    """
    if not names:
        raise not_fitted()
    if X.ndim != 2 or X.shape[1] != len(names):
        raise DataError(
            f"values have shape {X.shape}, expected (n, {len(names)})",
            where="model",
            hint="compute the features of the contract this model was trained on",
        )
    if bool(np.isinf(X).any()):
        column = int(np.flatnonzero(np.isinf(X).any(axis=0))[0])
        raise DataError("infinite value", where=f"feature {names[column]}", hint="use NaN")


def write_header(
    directory: Path,
    kind: str,
    params: Mapping[str, Any],
    names: Sequence[str],
    **state: Any,
) -> None:
    """Write what is common to all kinds, and further JSON state of this one."""
    header = {"kind": kind, "params": dict(params), "names": list(names), **state}
    (directory / _HEADER).write_text(json.dumps(header, indent=1, allow_nan=False) + "\n")


def read_header(directory: Path, kind: str) -> dict[str, Any]:
    """What :func:`write_header` wrote.

    Raises
    ------
    StateError
        If the file is missing, no JSON, or of another kind.
    """
    path = directory / _HEADER
    try:
        header = json.loads(path.read_text())
        if header["kind"] == kind and header["params"] is not None and header["names"]:
            return dict(header)
        found = header["kind"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise unreadable(path, error) from error
    raise StateError(f"holds a model of kind {found!r}, expected {kind!r}", where=str(path))


def check_width(features: int, header: Mapping[str, Any]) -> None:
    """Refuse a model file that does not go with its header.

    Raises
    ------
    ValueError
        If it does not hold one feature per name.
    """
    if features != len(header["names"]):
        raise ValueError(f"holds {features} features, the header {len(header['names'])}")


def not_fitted() -> StateError:
    """Error for a model that is used before it is fitted."""
    return StateError("the model is not fitted", where="model", hint="call fit first")


def unreadable(path: Path, error: Exception) -> StateError:
    """Error for a model file that cannot be read."""
    first = next(iter(str(error).splitlines()), "")
    return StateError(
        f"unreadable model file ({type(error).__name__}: {first[:120]})",
        where=str(path),
        hint="restore the directory or train again",
    )


def sigmoid(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of log-odds, without overflow."""
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, e) / (1.0 + e)


def log_odds(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-odds of probabilities, kept finite by clipping 1e-9 from either end."""
    clipped = np.clip(p, 1e-9, 1.0 - 1e-9)
    return np.log(clipped) - np.log1p(-clipped)
