"""Features as inert, typed records: what to compute, of which key, over which window."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from lagmark.errors import ConfigError, DefinitionError
from lagmark.features.columns import Column, Columns
from lagmark.features.feature import Feature
from lagmark.schema.time import format_duration, parse_duration

if TYPE_CHECKING:
    from lagmark.features.predicates import Predicate

__all__ = [
    "Aggregation",
    "FieldAggregation",
    "FraudAggregation",
    "Key",
    "PlaceAggregation",
]

Key = str | tuple[str, ...]
"""One field name, or up to three that form a key together."""

NAN = float("nan")


@dataclass(frozen=True)
class Aggregation(Feature):
    """Base of all features over the log of a key.

    Parameters
    ----------
    key
        Field, or up to three fields together, whose events are aggregated.
    window
        Width of the window, ``None`` for all history.
    delay
        How long before the event the window ends.
    resolution
        Multiple that event times are floored to (tiled windows for very hot keys).
    include_current
        Whether the event itself counts; ``None`` leaves it to the aggregation.
    where
        Predicate that entries must satisfy.
    default
        Value for an empty selection; ``None`` leaves it to the aggregation.

    Raises
    ------
    DefinitionError
        If the parameters contradict each other.
    """

    key: Key
    _: KW_ONLY
    window: str | timedelta | None = None
    delay: str | timedelta = "0s"
    resolution: str | timedelta | None = None
    include_current: bool | None = None
    where: Predicate | None = None
    default: float | None = None

    OP: ClassVar[int]
    """Number under which the registry's ``read`` finds the aggregation."""
    empty: ClassVar[float] = NAN
    """Default for an empty selection."""
    current: ClassVar[bool | None] = None
    """The one sensible ``include_current``, where there is just one."""
    additive: ClassVar[bool] = False
    """Whether all history can be read after its rows were compacted away."""
    latest: ClassVar[bool] = False
    """Whether only the latest entry is read."""
    tileable: ClassVar[bool] = False
    windowless: ClassVar[bool] = False
    plain: ClassVar[bool] = False
    """Whether predicates make no sense."""
    needs_where: ClassVar[bool] = False
    labelled: ClassVar[bool] = False
    """Whether it reads labels."""
    stateful: ClassVar[bool] = False
    """Whether the head keeps state for it."""
    numeric: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse contradictions as soon as they are written down."""
        keys = self.keys
        self._refuse(not 1 <= len(keys) <= 3, "a key has one to three fields")
        self._refuse(len(set(keys)) != len(keys), "a key names a field twice")
        delay = self._micros(self.delay)
        self._refuse(
            self.window is not None and self._micros(self.window) <= 0, "its window is empty"
        )
        self._refuse(delay < 0, "its delay is negative")
        self._refuse(self.windowless and self.window is not None, "it takes no window")
        self._refuse(self.windowless and delay > 0, "it takes no delay")
        self._refuse(
            self.resolution is not None and not self.tileable,
            "it cannot be tiled; only count, sum, mean, std and rate can",
        )
        self._refuse(
            self.resolution is not None and self._micros(self.resolution) <= 0,
            "its resolution is not positive",
        )
        self._refuse(self.plain and self.where is not None, "it takes no predicate")
        self._refuse(self.needs_where and self.where is None, "it needs where=")
        self._refuse(
            self.current is not None and self.include_current not in (None, self.current),
            f"include_current is always {self.current} for it",
        )
        self._refuse(
            self.include_current is True and delay > 0,
            "a delayed window cannot include the current event",
        )

    def _refuse(self, wrong: bool, why: str) -> None:
        if wrong:
            raise DefinitionError(
                f"{type(self).__name__} over {self.key!r}: {why}", where=self.name
            )

    def _micros(self, duration: str | timedelta) -> int:
        try:
            return parse_duration(duration)
        except ConfigError as error:
            raise DefinitionError(
                f"{type(self).__name__} over {self.key!r}: {error.what}",
                where=self.name,
                hint=error.hint,
            ) from None

    @property
    def keys(self) -> tuple[str, ...]:
        """Fields of the key."""
        return (self.key,) if isinstance(self.key, str) else self.key

    @property
    def skips_current(self) -> bool:
        """Whether the event itself is left out."""
        if self.current is not None:
            return not self.current
        return self.include_current is False

    @property
    def argument(self) -> float:
        """A number that the reader needs beyond the definition's fields."""
        return 0.0

    @property
    def places(self) -> tuple[str, ...]:
        """Fields of the current event that the reader takes."""
        return ()

    @property
    def value_if_empty(self) -> float:
        """Value for an empty selection."""
        return self.empty if self.default is None else float(self.default)

    @property
    def suffix(self) -> str:
        """Last part of the automatic name."""
        if self.windowless:
            return ""
        return "all" if self.window is None else format_duration(parse_duration(self.window))

    @property
    def automatic_name(self) -> str:
        """Key, selection, aggregation, field and window, joined."""
        delay = parse_duration(self.delay)
        parts = [
            "_".join(self.keys),
            _snake(type(self).__name__),
            *self.places,
            self.where.label if self.where is not None else "",
            f"{self.argument:g}".replace(".", "") if self.argument else "",
            self.suffix,
            f"delay_{format_duration(delay)}" if delay else "",
        ]
        return "_".join(part for part in parts if part)

    def columns(self) -> Columns:
        """Columns that the log must keep."""
        raise TypeError("use one of the aggregations, not their base")

    def counter(self) -> Column | None:
        """Column that counts selected entries; ``None`` where every row is selected."""
        return None if self.where is None else Column.sum(None, self.where)


@dataclass(frozen=True)
class FieldAggregation(Aggregation):
    """Base of aggregations of one field.

    Parameters
    ----------
    field
        Field that is aggregated; entries without it are skipped.
    """

    field: str

    @property
    def places(self) -> tuple[str, ...]:
        """The aggregated field."""
        return (self.field,)

    def counter(self) -> Column | None:
        """Column that counts the entries that have the field and are selected."""
        return Column("count", self.field, self.where)


@dataclass(frozen=True)
class PlaceAggregation(Aggregation):
    """Base of aggregations of a place in degrees.

    Parameters
    ----------
    latitude, longitude
        Fields with the coordinates.
    """

    latitude: str
    longitude: str

    @property
    def places(self) -> tuple[str, ...]:
        """The coordinates."""
        return (self.latitude, self.longitude)


@dataclass(frozen=True)
class FraudAggregation(Aggregation):
    """Base of aggregations of the frauds known when the event arrives.

    The event itself is never among them.
    """

    current: ClassVar[bool | None] = False
    labelled: ClassVar[bool] = True
    plain: ClassVar[bool] = True


def _snake(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")
