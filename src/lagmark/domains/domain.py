"""What one kind of data needs to become decisions: mapping, checks, features, label delay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lagmark.errors import ConfigError
from lagmark.schema.fields import Field, Kind
from lagmark.schema.time import DAY

if TYPE_CHECKING:
    import polars as pl

    from lagmark.decisions.rules import PythonRule
    from lagmark.features import FeatureSet

__all__ = ["Check", "Domain", "Evaluation", "LabelColumn", "ModelChoice", "TimeColumn"]


@dataclass(frozen=True, slots=True)
class TimeColumn:
    """Where an instant is read from.

    Parameters
    ----------
    source
        Column name.
    zone
        Zone of values that carry none, an IANA name.
    unit
        ``None`` for timestamps and ISO 8601 text; ``"s"``, ``"min"``, ``"h"`` or ``"d"`` for
        numbers counted from ``origin``.
    origin
        ISO date that numbers count from.
    first
        Number that means ``origin`` itself; smaller ones are out of range.
    """

    source: str
    zone: str = "UTC"
    unit: str | None = None
    origin: str = "1970-01-01"
    first: int = 0


@dataclass(frozen=True, slots=True)
class LabelColumn:
    """Where the truth of an event is read from, and how late it is by default.

    Parameters
    ----------
    source
        Column of 0/1 or booleans; absent values mean "no label yet".
    delay
        Microseconds after the event at which the label becomes known when the source has no
        ``known_at``.
    known_at
        Column with the instant it became known, if there is one.
    """

    source: str
    delay: int = 7 * DAY
    known_at: TimeColumn | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """A rule that rows of this domain obey.

    Parameters
    ----------
    name
        Short name for the report.
    holds
        Maps nothing to a boolean polars expression over the *source* columns of the domain's
        fields, label and number-valued times; false marks a row, null does not. Whatever the
        file's own types, money, quantities and counted times come as Float64 in the source's
        units, identifiers as Int64 or String, categories as String, flags and the label as
        Boolean.
    fatal
        Whether a marked row goes to the dead letters, or is only counted.
    text
        What the rule says, for people.
    """

    name: str
    holds: Callable[[], pl.Expr]
    text: str
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model to try.

    Parameters
    ----------
    kind
        Kind of model.
    params
        Parameters over the kind's defaults.
    name
        Name in results; the kind when empty.
    preset
        Whether the settings of the published result are meant, instead of ``params``.
    """

    kind: str
    params: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    preset: bool = False

    @property
    def label(self) -> str:
        """Name in results."""
        return self.name or self.kind


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How models of a domain are measured: test periods, and what is trained before each.

    Parameters
    ----------
    train_days, test_days
        Lengths of the training and test ranges.
    folds
        Consecutive test ranges, the last of them beginning at ``test_start``.
    test_start
        ISO date; the last whole range whose labels are all known when ``None``, and where the
        events do not cover it.
    feature_sets
        Feature sets that are compared.
    models
        Models that are compared.
    compromised_days
        A subject with a fraud this many days before the newest usable label, or later, is known
        to be compromised and left out of the test once that fraud's label is known; ``None``
        leaves nobody out.
    caveats
        Feature sets whose figures must not be believed, with the reason; their models are shown
        and never registered.
    """

    train_days: int = 28
    test_days: int = 7
    folds: int = 1
    test_start: str | None = None
    feature_sets: tuple[str, ...] = ("default",)
    models: tuple[ModelChoice, ...] = (ModelChoice("xgboost"),)
    compromised_days: int | None = None
    caveats: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Domain:
    """One kind of data: a bundle of definitions, nothing that runs.

    Parameters
    ----------
    name, title
        Short name for commands, and one line for people.
    noun
        What reasons call an event.
    fields
        The fields of an event, in order.
    event_time, ingest_time
        When it happened; when we saw it (the same when absent).
    event_id
        Source column of the id; row numbers of the source, from 0, when ``None``.
    integer_id
        Whether ids are whole numbers (stored as Int64) or text.
    id_optional
        Whether row numbers stand in when the source has no column ``event_id``.
    label
        Where the label is read from; ``None`` if events come unlabelled.
    subject
        Entity field that is investigated: the card or customer of card precision. ``None`` where
        an entity hardly ever returns, so that the figure has no meaning.
    amount
        Money field that a fraud costs.
    category
        Category field that the exploratory report splits fraud by, if any.
    feature_sets
        Feature sets by name, built on demand; ``"default"`` must be one of them.
    checks
        Rules beyond the fields' own bounds.
    rules
        Rules written in Python, asked after those of the policy file.
    evaluation
        How its models are measured.
    published
        How the published result for this data was measured, if there is one.
    """

    name: str
    title: str
    fields: tuple[Field, ...]
    event_time: TimeColumn
    feature_sets: Mapping[str, Callable[[], FeatureSet]]
    subject: str | None
    amount: str
    event_id: str | None = None
    ingest_time: TimeColumn | None = None
    label: LabelColumn | None = None
    category: str | None = None
    checks: tuple[Check, ...] = field(default=())
    integer_id: bool = False
    id_optional: bool = False
    noun: str = "payment"
    rules: tuple[PythonRule, ...] = field(default=())
    evaluation: Evaluation = field(default_factory=Evaluation)
    published: Evaluation | None = None

    def feature_set(self, name: str) -> FeatureSet:
        """Feature set of this domain by name.

        Raises
        ------
        ConfigError
            If the domain has no such feature set.
        """
        if name not in self.feature_sets:
            raise ConfigError(
                f"domain {self.name!r} has no feature set {name!r}",
                hint=f"choose one of: {', '.join(self.feature_sets)}",
            )
        return self.feature_sets[name]()

    def field_named(self, name: str) -> Field:
        """Field by name.

        Raises
        ------
        ConfigError
            If the domain has no such field.
        """
        for candidate in self.fields:
            if candidate.name == name:
                return candidate
        raise ConfigError(
            f"domain {self.name!r} has no field {name!r}",
            hint=f"its fields are: {', '.join(f.name for f in self.fields)}",
        )

    @property
    def entities(self) -> tuple[str, ...]:
        """Names of the entity fields."""
        return tuple(f.name for f in self.fields if f.kind is Kind.ENTITY)
