"""A decision service put together from its settings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lagmark.atomic import replacing
from lagmark.backends.lineup import Places, read_lineup
from lagmark.errors import ConfigError, RegistryError, StateError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from opentelemetry.trace import Tracer

    from lagmark.backends.lineup import Place
    from lagmark.clock import Clock
    from lagmark.domains.domain import Domain
    from lagmark.features import FeatureSet
    from lagmark.ports.feature_state import FeatureState
    from lagmark.ports.ledger import Ledger
    from lagmark.ports.scorer import Scorer
    from lagmark.serving.judge import Judge, Lineup
    from lagmark.serving.service import DecisionService
    from lagmark.settings import ServeSettings

__all__ = [
    "Served",
    "build_judge",
    "build_service",
    "load_lineup",
    "load_version",
    "open_ledger",
    "open_state",
    "resolve",
]

_SERVED = "service.json"
_LEDGER = "ledger.sqlite"
_STATE = "state"
_REGISTRY = "registry"
_BESIDE = ("challenger", "shadow")
_FALLBACK_DOMAIN = "handbook"
_RECALL = 8_192
"""Vectors that are kept for repeated events: those being decided, the ledger has the others."""


@dataclass(frozen=True, slots=True)
class Served:
    """What a data directory serves.

    Parameters
    ----------
    domain
        The domain.
    feature_set
        What is computed of its events.
    data
        The directory.
    name
        Name of the domain, or the Python file that defines it, as it was asked for.
    """

    domain: Domain
    feature_set: FeatureSet
    data: Path
    name: str


def resolve(settings: ServeSettings, *, keep: bool = False) -> Served:
    """Domain and features of a data directory.

    Parameters
    ----------
    settings
        What was asked for.
    keep
        Whether the directory remembers the answer.

    Raises
    ------
    ConfigError
        If the directory serves another domain, or several could be meant.
    """
    from lagmark.domains.registry import load_domain

    told = _told(settings.data)
    places = read_lineup(settings.data / _REGISTRY)
    champions = sorted(name for name, there in places.items() if "champion" in there.aliases)
    name = settings.domain or told.get("domain")
    if name is None and len(champions) > 1:
        raise ConfigError(
            f"there are champions of {', '.join(champions)}",
            where=str(settings.data),
            hint="say which to serve with --domain",
        )
    name = name or (champions[0] if champions else _FALLBACK_DOMAIN)
    if told and told["domain"] != name:
        raise ConfigError(
            f"this directory serves {told['domain']!r}, not {name!r}",
            where=str(settings.data),
            hint="give each domain a directory of its own",
        )
    domain = load_domain(name)
    champion = places.get(domain.name, Places()).aliases.get("champion")
    wanted = settings.feature_set or (champion.feature_set if champion else None)
    feature_set = domain.feature_set(wanted or told.get("feature_set") or "default")
    if keep:
        settings.data.mkdir(parents=True, exist_ok=True)
        content = {"domain": name, "feature_set": feature_set.name}
        if content != told:
            with replacing(settings.data / _SERVED) as draft:
                draft.write_text(json.dumps(content) + "\n", encoding="utf-8")
    return Served(domain, feature_set, settings.data, name)


def _told(data: Path) -> dict[str, str]:
    path = data / _SERVED
    try:
        found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        return {"domain": found["domain"], "feature_set": found["feature_set"]}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise StateError(
            f"it cannot be read ({type(problem).__name__})",
            where=str(path),
            hint="remove it, and name the domain with --domain",
        ) from problem


def open_ledger(settings: ServeSettings, domain: Domain, *, read_only: bool = False) -> Ledger:
    """Ledger of a data directory, or the shared one.

    Raises
    ------
    ConfigError
        If a cluster's has no address.
    LedgerError
        If it cannot be opened.
    """
    if settings.profile == "cluster":
        from lagmark.backends.ledger.postgres import PostgresLedger

        return PostgresLedger(
            _address(settings, "ledger_url"),
            subject=domain.subject,
            amount=domain.amount,
            read_only=read_only,
        )
    from lagmark.backends.ledger.sqlite import SqliteLedger

    return SqliteLedger(
        settings.data / _LEDGER, subject=domain.subject, amount=domain.amount, read_only=read_only
    )


def open_state(settings: ServeSettings, served: Served) -> FeatureState:
    """Feature state, empty until it recovers.

    Raises
    ------
    ConfigError
        If a cluster's has no address.
    """
    from lagmark.schema.time import parse_duration

    lateness = parse_duration(settings.lateness)
    if settings.profile == "cluster":
        from lagmark.backends.state.redis import RedisState

        return RedisState(
            served.feature_set,
            subject=served.domain.subject,
            url=_address(settings, "state_url"),
            folder=settings.data / _STATE,
            lateness=lateness,
            recall=_RECALL,
        )
    from lagmark.backends.state.process import ProcessState

    return ProcessState(
        served.feature_set,
        subject=served.domain.subject,
        folder=settings.data / _STATE,
        lateness=lateness,
        recall=_RECALL,
    )


def _address(settings: ServeSettings, name: str) -> str:
    url = getattr(settings, name)
    if url is None:
        raise ConfigError(
            f"profile cluster needs {name}",
            where="settings",
            hint=f"set LAGMARK_{name.upper()} in the environment",
        )
    return str(url.get_secret_value())


def load_lineup(served: Served) -> Lineup:
    """Models that stand in a place now, ready to answer.

    A champion that cannot be loaded, or reads other features, leaves its place empty with the
    reason: rules answer then. Another model that cannot be loaded is left out.
    """
    from lagmark.serving.judge import Lineup

    registry = served.data / _REGISTRY
    try:
        places = read_lineup(registry).get(served.domain.name, Places()).aliases
    except StateError as problem:
        return Lineup(failed=str(problem))
    champion, failed, others = None, "", []
    for role in ("champion", *_BESIDE):
        place = places.get(role)
        if place is None:
            continue
        try:
            scorer = _load(served, place)
            _warm(scorer)
        except Exception as problem:  # noqa: BLE001 - whatever a bundle holds, others answer
            failed = str(problem) if role == "champion" else failed
        else:
            if role == "champion":
                champion = scorer
            else:
                others.append((role, scorer))
    return Lineup(champion=champion, others=tuple(others), failed=failed)


def load_version(served: Served, version: str) -> Scorer:
    """Model that stands or once stood somewhere, by its version.

    Raises
    ------
    LagmarkError
        If it is unknown, or cannot be loaded.
    """
    places = read_lineup(served.data / _REGISTRY).get(served.domain.name, Places())
    for number, place in places.versions.items():
        if str(number) == version:
            return _load(served, place)
    raise RegistryError(
        f"version {version} never stood anywhere", where=str(served.data / _REGISTRY)
    )


def _load(served: Served, place: Place) -> Scorer:
    from lagmark.wiring.scorers import open_scorer

    return open_scorer(
        served.data / _REGISTRY / place.bundle,
        version=str(place.version),
        contract_hash=served.feature_set.contract.hash,
    )


def build_judge(served: Served, *, reasons: int) -> Judge:
    """What decides on events whose features are known."""
    from lagmark.serving.judge import Judge
    from lagmark.serving.reasons import Wording

    return Judge(
        domain=served.domain.name,
        contract=served.feature_set.contract.hash,
        wording=Wording(served.feature_set, served.domain.noun),
        reasons=reasons,
    )


def _warm(scorer: Scorer) -> None:
    """Have it answer once: what must be compiled is, and a model that cannot answer shows it."""
    import numpy as np

    row = np.zeros((1, len(scorer.names)))
    scorer.probabilities(row)
    scorer.top_contributions(row, 1)


def build_service(
    settings: ServeSettings,
    *,
    clock: Clock,
    tell: Callable[..., None] | None = None,
    tracer: Tracer | None = None,
) -> tuple[Served, DecisionService]:
    """A service that only needs to be started.

    Parameters
    ----------
    settings
        What was asked for.
    clock
        Answers the present instant.
    tell
        Told whenever the service stops or goes on.
    tracer
        Has spans made of what the parts do; without, nothing stands between them.

    Raises
    ------
    LagmarkError
        If a part cannot be had.
    """
    from lagmark.serving.decider import Decider
    from lagmark.serving.service import DecisionService
    from lagmark.wiring.policies import load_policy

    served = resolve(settings, keep=True)
    ledger = open_ledger(settings, served.domain)
    state = open_state(settings, served)
    make_decider: Callable[..., Decider] = Decider
    make_service: Callable[..., DecisionService] = DecisionService
    if tracer is not None:
        from lagmark.wiring.traced import Spans, TracedDecider, TracedService

        spans = Spans(tracer)
        ledger, state = spans.ledger(ledger), spans.state(state)
        make_decider, make_service = partial(TracedDecider, spans), partial(TracedService, spans)
    decider = make_decider(
        state=state,
        judge=build_judge(served, reasons=settings.reasons),
        lineup=load_lineup(served),
        policy=load_policy(served, ledger),
        clock=clock,
    )
    service = make_service(decider=decider, state=state, ledger=ledger, clock=clock, tell=tell)
    return served, service
