"""Gradient-boosted trees by LightGBM."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from lagmark.errors import ConfigError
from lagmark.learning.models.files import (
    check_training,
    check_values,
    check_width,
    merged,
    not_fitted,
    read_header,
    unreadable,
    write_header,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import lightgbm
    from numpy.typing import NDArray

__all__ = ["FILE", "LightGBM"]

_DEFAULTS: dict[str, Any] = {
    "n_estimators": 100,
    "learning_rate": 0.1,
    "num_leaves": 31,
    "min_child_samples": 20,
}
_MORE = (
    "colsample_bytree",
    "max_bin",
    "max_depth",
    "min_child_weight",
    "min_split_gain",
    "reg_alpha",
    "reg_lambda",
    "scale_pos_weight",
    "subsample",
    "subsample_freq",
)
FILE = "model.txt"
"""Name of the file of the trees."""


class LightGBM:
    """LightGBM with logistic loss; absent values take the learnt direction of each split.

    Parameters
    ----------
    params
        LightGBM's own names over its own defaults (100 trees, rate 0.1, 31 leaves).
    """

    kind: ClassVar[str] = "lightgbm"
    unit: ClassVar[str] = "log-odds"

    def __init__(self, params: Mapping[str, Any] | None = None) -> None:
        self.params = merged(self.kind, _DEFAULTS, params, _MORE)
        self.names: tuple[str, ...] = ()
        self._booster: lightgbm.Booster | None = None

    @property
    def booster(self) -> lightgbm.Booster | None:
        """LightGBM's own object, ``None`` until fitted."""
        return self._booster

    def fit(
        self,
        X: NDArray[np.float64],
        y: NDArray[np.int8],
        *,
        names: Sequence[str],
        weights: NDArray[np.float64] | None = None,
        seed: int = 0,
        n_jobs: int = 1,
    ) -> Self:
        """See :meth:`Model.fit`."""
        import lightgbm

        check_training(X, y, names, weights)
        params = {k: v for k, v in self.params.items() if k != "n_estimators"}
        params |= {
            "objective": "binary",
            "seed": seed,
            "num_threads": n_jobs,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }
        try:
            data = lightgbm.Dataset(X, label=y, weight=weights, params=params)
            self._booster = lightgbm.train(params, data, int(self.params["n_estimators"]))
        except (lightgbm.basic.LightGBMError, ValueError) as error:
            raise ConfigError(f"LightGBM refuses its parameters: {error}", where="model") from error
        self.names = tuple(names)
        return self

    def predict_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """See :meth:`Model.predict_proba`."""
        check_values(X, self.names)
        return self._predict(X)

    def contributions(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """See :meth:`Model.contributions`."""
        check_values(X, self.names)
        return self._predict(X, pred_contrib=True)

    def _predict(self, X: NDArray[np.float64], **options: bool) -> NDArray[np.float64]:
        # One row at a time is the serving case, and two threads cost more there than they save.
        return np.asarray(self._fitted().predict(X, num_threads=1, **options), dtype=np.float64)

    def _fitted(self) -> lightgbm.Booster:
        if self._booster is None:
            raise not_fitted()
        return self._booster

    def save(self, directory: Path) -> None:
        """See :meth:`Model.save`."""
        text = self._fitted().model_to_string()
        (directory / FILE).write_text(text)
        write_header(directory, self.kind, self.params, self.names, sha256=_digest(text))

    @classmethod
    def load(cls, directory: Path) -> Self:
        """See :meth:`Model.load`."""
        import lightgbm

        header = read_header(directory, cls.kind)
        model = cls(header["params"])
        path = directory / FILE
        try:
            text = path.read_text()
            # LightGBM ends the whole process on a file that breaks off, so it may not see one.
            if _digest(text) != header.get("sha256"):
                raise ValueError("differs from its checksum")  # noqa: TRY301 - one way out
            booster = lightgbm.Booster(model_str=text)
            check_width(booster.num_feature(), header)
        except (lightgbm.basic.LightGBMError, ValueError, OSError) as error:
            raise unreadable(path, error) from error
        model._booster, model.names = booster, tuple(header["names"])
        return model


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
