"""The reasons of a decision in words, with their values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lagmark.schema.decision import Reason
from lagmark.serving.phrases import Phrases

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.features import FeatureSet

__all__ = ["Wording"]


class Wording:
    """Sentences about the features of a set, prepared once.

    Parameters
    ----------
    features
        The feature set.
    event
        What an event is called, such as ``payment``.

    Examples
    --------
    >>> from lagmark.features import Count, FeatureSet
    >>> from lagmark.schema.fields import Field, Kind
    >>> fields = [Field("customer", Kind.ENTITY)]
    >>> features = FeatureSet("f", fields, [Count("customer", window="1h")])
    >>> Wording(features, "payment").text(0, 5.0)
    '5 payments of this customer within 1 h'
    """

    def __init__(self, features: FeatureSet, event: str = "event") -> None:
        phrases = Phrases({field.name: field for field in features.fields}, event)
        self.names = features.names
        self._say = [phrases.sentence(feature) for feature in features.features]
        self._none = [f"{phrases.title(feature)}: none" for feature in features.features]

    def text(self, column: int, value: float | None) -> str:
        """Sentence about the value of a feature, ``None`` or NaN where it is absent."""
        if value is None or value != value:  # noqa: PLR0124 - NaN differs from itself
            return self._none[column]
        return self._say[column](value)

    def reasons(
        self,
        values: NDArray[Any],
        columns: NDArray[Any],
        contributions: NDArray[Any],
    ) -> tuple[Reason, ...]:
        """Reasons of one row from what a scorer's ``top_contributions`` says of it.

        Parameters
        ----------
        values
            Features, shape (F,).
        columns, contributions
            Shape (k,); a column of -1 ends them.
        """
        found = []
        for column, part in zip(columns.tolist(), contributions.tolist(), strict=True):
            if column < 0:
                break
            number = float(values[column])
            value = None if math.isnan(number) else number
            found.append(Reason(self.names[column], value, part, self.text(column, value)))
        return tuple(found)
