"""What a run may be told: one typed record, from a file, the environment and flags."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

__all__ = ["ENV_PREFIX", "ModelSettings", "Protocol", "RunSettings"]

ENV_PREFIX = "LAGMARK_"

Protocol = Literal["default", "published"]


class ModelSettings(BaseModel):
    """A model to train.

    Parameters
    ----------
    kind
        Kind of model.
    name
        Name in results; the kind when empty.
    params
        Parameters over the kind's defaults.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str = Field(min_length=1)
    name: str = ""
    params: dict[str, Any] = Field(default_factory=dict)


def _listed(value: object) -> object:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _models(value: object) -> object:
    listed = _listed(value)
    if not isinstance(listed, list | tuple):
        return listed
    return [{"kind": one} if isinstance(one, str) else one for one in listed]


class RunSettings(BaseSettings):
    """Settings of one run; everything that is ``None`` is the domain's to say.

    Instances are made by :func:`lagmark.wiring.load_settings` alone, which gives each value its
    place: flags over the environment (``LAGMARK_HOME`` and so on) over the run file.

    Parameters
    ----------
    domain
        Name of a domain, or a Python file that defines one.
    events
        File or folder of events.
    home
        Directory of everything that is kept.
    protocol
        ``"default"``, or ``"published"`` for the way the domain's published result was measured.
    feature_sets, models
        What to compare; a comma-separated text also does.
    folds, train_days, test_days, test_start
        Test ranges, see :class:`lagmark.domains.domain.Evaluation`.
    delay
        Age a label must have to be used, ``"7d"``; the domain's label delay when absent.
    alerts_per_day, alert_share, review_cost
        The alert budget, see :class:`lagmark.learning.metrics.evaluate.Budget`.
    resamples
        Bootstrap resamples behind each interval; 0 for none.
    seed
        Seed of everything random.
    threads
        Threads to train with; one fewer than the machine's cores, at most eight, when absent.
    parity
        Whether to recompute the features event by event and compare.
    register_best
        Whether the best model enters the registry.
    """

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", frozen=True)

    domain: str = Field(min_length=1)
    events: Path
    home: Path = Path(".lagmark")
    protocol: Protocol = "default"
    feature_sets: Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(_listed)] = None
    models: Annotated[tuple[ModelSettings, ...] | None, NoDecode, BeforeValidator(_models)] = None
    folds: int | None = Field(default=None, ge=1, le=366)
    train_days: int | None = Field(default=None, ge=1, le=36_600)
    test_days: int | None = Field(default=None, ge=1, le=36_600)
    test_start: str | None = None
    delay: str | None = None
    alerts_per_day: int = Field(default=100, ge=1)
    alert_share: float = Field(default=0.005, gt=0, le=1)
    review_cost: float = Field(default=5.0, ge=0)
    resamples: int = Field(default=200, ge=0, le=100_000)
    seed: int = Field(default=0, ge=0, lt=2**31)
    threads: int | None = Field(default=None, ge=1, le=1024)
    parity: bool = True
    register_best: bool = True

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what it is made with: its maker merges the sources and remembers which said what."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)
