"""What a run may be told: one typed record, from a file, the environment and flags."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

__all__ = ["ENV_PREFIX", "ModelSettings", "Protocol", "RunSettings", "ServeSettings"]

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


class _Layered(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", frozen=True)

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


class RunSettings(_Layered):
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


class ServeSettings(_Layered):
    """Settings of a decision service.

    Parameters
    ----------
    data
        Directory of everything that is kept: ledger, feature state, models, keys.
    host, port
        Address to listen on.
    domain
        What is served. When absent: what the directory served before, else the domain of its only
        champion, else ``handbook``.
    feature_set
        What is computed; the champion's when absent, ``default`` without one.
    profile
        ``embedded``: SQLite and memory, one process. ``cluster``: Postgres and Redis.
    workers
        Processes; more than one needs ``cluster``.
    ledger_url, state_url
        Addresses of Postgres and Redis, for ``cluster``. They may hold passwords: give them in the
        environment.
    time
        Where ingest times come from when an event says none: ``wall`` is the clock, ``event`` the
        event's own time, for history that is played again.
    keys
        Whether a key is asked for; without, only this machine is answered.
    reasons
        Reasons in an answer.
    lateness
        How late an event may be before it is refused, ``"30d"``.
    """

    data: Path = Path(".lagmark")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65_535)
    domain: str | None = None
    feature_set: str | None = None
    profile: Literal["embedded", "cluster"] = "embedded"
    workers: int = Field(default=1, ge=1, le=256)
    ledger_url: SecretStr | None = None
    state_url: SecretStr | None = None
    time: Literal["wall", "event"] = "wall"
    keys: bool = True
    reasons: int = Field(default=3, ge=0, le=20)
    lateness: str = "30d"

    @model_validator(mode="after")
    def _alone_or_cluster(self) -> ServeSettings:
        if self.workers > 1 and self.profile != "cluster":
            raise ValueError("several workers need profile cluster: memory is not shared")
        if not self.keys and self.host not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError("without keys only this machine is answered: take host 127.0.0.1")
        return self
