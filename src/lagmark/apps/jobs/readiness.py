"""Job: whether a data directory is fit to be served, found out without starting a service."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.apps.bench.gates import Gate, at_least, at_most
from lagmark.clock import stopwatch
from lagmark.errors import ConfigError, LagmarkError
from lagmark.ports.ledger import DecisionQuery
from lagmark.schema.records import DecisionRecord
from lagmark.schema.time import DAY

if TYPE_CHECKING:
    from pathlib import Path

    from lagmark.apps.jobs.reporter import Reporter
    from lagmark.ports.ledger import Ledger, Statistics
    from lagmark.settings import ServeSettings
    from lagmark.wiring.serving import Served

__all__ = ["Readiness", "readiness"]

_AGAIN = 1_000
"""Latest decisions that are made again."""
_LATEST = 10_000
"""Latest decisions whose latency and origin are looked at."""
_PART = 20_000
"""Entries that are searched at a time."""
_DAYS = 7
"""Whole days whose alerts are counted."""
_RESTART_SECONDS = 5
_P99_MS = 10
_AGE_DAYS = 90
_BY_RULES = 0.1
_ROOM_GB = 1.0
"""Room that must be free at least; as much as the ledger takes, if that is more."""


@dataclass(slots=True)
class Readiness:
    """What was found about a data directory.

    Parameters
    ----------
    data
        The directory.
    domain, feature_set
        What it serves.
    gates
        What has to hold.
    statistics
        Counts over all decisions with the labels known now, ``None`` without a ledger.
    head
        Last entry of the ledger: its position and digest.
    backup
        How to keep a copy.
    """

    data: Path
    domain: str
    feature_set: str
    gates: list[Gate] = field(default_factory=list)
    statistics: Statistics | None = None
    head: dict[str, Any] | None = None
    backup: str = ""

    @property
    def ready(self) -> bool:
        """Whether everything holds."""
        return all(gate.passed for gate in self.gates)

    def as_dict(self) -> dict[str, Any]:
        """Record for JSON."""
        import msgspec

        return {
            "command": "readiness",
            "data": str(self.data),
            "domain": self.domain,
            "feature_set": self.feature_set,
            "gates": [gate.as_dict() for gate in self.gates],
            "statistics": msgspec.to_builtins(self.statistics),
            "head": self.head,
            "backup": self.backup,
            "ready": self.ready,
        }


def readiness(settings: ServeSettings, *, now: int, reporter: Reporter) -> Readiness:
    """Go or no-go for a data directory.

    Nothing in it is changed, and a service may be using it meanwhile.

    Parameters
    ----------
    settings
        Which directory.
    now
        The present instant, microseconds since 1970 UTC.
    reporter
        Told about progress.

    Raises
    ------
    ConfigError
        If there is no such directory, or it does not say what it serves.
    """
    from lagmark.wiring.serving import open_ledger, resolve

    if not settings.data.is_dir():
        raise ConfigError(
            "there is no such directory",
            where=f"--data {settings.data}",
            hint="lagmark demo or lagmark serve makes one",
        )
    served = resolve(settings)
    found = Readiness(settings.data, served.domain.name, served.feature_set.name)
    found.gates += [_champion(served), *_keys(settings, now), _room(settings)]
    if settings.profile == "cluster":
        found.backup = "pg_dump of the ledger's database; keep the head beside it"
    else:
        copy = f"{settings.data / 'ledger.sqlite'} \".backup '/backup/ledger.sqlite'\""
        found.backup = f"sqlite3 {copy}, also while it is served; registry/ and keys.json as files"
    try:
        ledger = open_ledger(settings, served.domain, read_only=True)
    except LagmarkError as problem:
        found.gates.append(Gate("ledger", str(problem), "opens", passed=False,
                                hint="start the service once, and send it history"))  # fmt: skip
        return found
    try:
        _ledger(found, ledger, settings, served, now, reporter)
    except LagmarkError as problem:
        found.gates.append(Gate("ledger", str(problem), "can be read", passed=False,
                                hint="restore it from a backup"))  # fmt: skip
    finally:
        ledger.close()
    return found


def _ledger(
    found: Readiness,
    ledger: Ledger,
    settings: ServeSettings,
    served: Served,
    now: int,
    reporter: Reporter,
) -> None:
    head = ledger.head()
    found.head = {"position": head.position, "digest": head.digest.hex()}
    found.gates.append(at_least("ledger_entries", head.position, 1))
    intact, again = _verified(settings, ledger, reporter)
    found.gates += [intact, again]
    if not intact.passed:
        # What else it says cannot be trusted, or even read.
        return
    if settings.profile != "cluster":
        found.gates.append(_restart(settings, served, ledger, reporter))
    with reporter.progress("Look at the latest decisions", ""):
        latest = _latest(ledger)
        found.statistics = ledger.statistics(DecisionQuery(as_of=now))
        found.gates += [
            *_latencies(latest),
            _alerts(ledger, served, latest),
            _precision(found.statistics),
            _age(served, latest[-1].ingest_time if latest else now),
        ]


def _champion(served: Served) -> Gate:
    from lagmark.wiring.serving import load_lineup

    wanted = "loads and reads the features served"
    lineup = load_lineup(served)
    if lineup.champion is None:
        why = lineup.failed or "there is none"
        hint = "lagmark train and lagmark promote; until then rules answer"
        return Gate("champion", why, wanted, passed=False, hint=hint)
    text = f"version {lineup.champion.version}, {lineup.champion.kind}"
    return Gate("champion", text, wanted, passed=True)


def _keys(settings: ServeSettings, now: int) -> list[Gate]:
    from lagmark.apps.api.keys import KeyFile, Scope
    from lagmark.apps.api.server import KEYS

    path = settings.data / KEYS
    try:
        keys = KeyFile(path).list() if path.exists() else ()
    except LagmarkError as problem:
        return [Gate("decide_keys", str(problem), ">= 1", passed=False)]
    usable = sum(
        bool({Scope.DECIDE, Scope.ADMIN} & key.scopes) and not key.refusal(now) for key in keys
    )
    hint = "" if usable else "lagmark keys create --scope decide"
    gates = [at_least("decide_keys", usable, 1, hint)]
    if path.exists() and sys.platform != "win32":
        mode = path.stat().st_mode & 0o777
        gates.append(Gate("keys_file_mode", f"{mode:o}", "600", passed=not mode & 0o077,
                          hint="only its owner may read keys.json"))  # fmt: skip
    return gates


def _room(settings: ServeSettings) -> Gate:
    taken = sum(file.stat().st_size for file in settings.data.glob("ledger.sqlite*"))
    free = shutil.disk_usage(settings.data).free / 1e9
    return at_least("free_disk_gb", round(free, 2), round(max(_ROOM_GB, taken / 1e9), 2),
                    f"the ledger takes {taken / 1e9:,.2f} GB")  # fmt: skip


def _verified(settings: ServeSettings, ledger: Ledger, reporter: Reporter) -> tuple[Gate, Gate]:
    """Whether the ledger is what was written, and whether its decisions come out again."""
    from lagmark.apps.jobs.verify_ledger import verify_ledger

    again = ledger.query(DecisionQuery(), limit=_AGAIN).rows
    first = again[-1].position if again else 1
    check = verify_ledger(settings, first=first, last=None, reporter=reporter)
    intact = not check.problems
    return (
        Gate("ledger_intact", "yes" if intact else check.problems[0], "chain and indexes agree",
             passed=intact, hint="" if intact else "restore it from a backup"),
        # A ledger that is not what was written is not decided on again.
        at_most("decisions_that_differ", check.differing if intact and again else None, 0,
                f"of the last {len(again):,}, made again; lagmark verify lists them"),
    )  # fmt: skip


def _latest(ledger: Ledger) -> list[DecisionRecord]:
    """The latest decisions, oldest first."""
    found: list[DecisionRecord] = []
    end = ledger.head().position
    while end > 0 and len(found) < _LATEST:
        records = [each.record for each in ledger.entries(after=max(0, end - _PART), until=end)]
        found[:0] = [record for record in records if isinstance(record, DecisionRecord)]
        end -= _PART
    return found[-_LATEST:]


def _restart(settings: ServeSettings, served: Served, ledger: Ledger, reporter: Reporter) -> Gate:
    from lagmark.wiring.serving import open_state

    state = open_state(settings, served)
    with reporter.progress("Recover the state", ""):
        begun = stopwatch()
        entries = state.recover(ledger)
        seconds = stopwatch() - begun
    state.close()
    hint = f"{entries:,} entries since the last snapshot; a service that is stopped writes one"
    return at_most("restart_seconds", seconds, _RESTART_SECONDS, hint)


def _latencies(latest: list[DecisionRecord]) -> list[Gate]:
    p99 = by_rules = None
    if latest:
        p99 = float(np.percentile([each.latency_us for each in latest], 99)) / 1000
        by_rules = sum(bool(each.decision.fallback) for each in latest) / len(latest)
    count = f"of the last {len(latest):,} decisions"
    return [
        at_most("latency_p99_ms", p99, _P99_MS, f"{count}; one in a batch takes as long as it"),
        at_most("fallback_share", by_rules, _BY_RULES, f"{count}, those that rules made"),
    ]


def _alerts(ledger: Ledger, served: Served, latest: list[DecisionRecord]) -> Gate:
    from lagmark.wiring.policies import load_policy

    budget = load_policy(served, ledger).file.budget.alerts
    # The last day is not over.
    end = latest[-1].ingest_time // DAY * DAY if latest else 0
    days = [
        ledger.statistics(DecisionQuery(since=end - n * DAY, until=end - (n - 1) * DAY))
        for n in range(1, _DAYS + 1)
    ]
    reviews = [day.by_action.get("review", 0) for day in days if day.decisions]
    mean = sum(reviews) / len(reviews) if reviews else None
    return at_most("alerts_per_day", mean, budget,
                   f"over the last {len(reviews)} whole days; the policy's budget")  # fmt: skip


def _precision(found: Statistics) -> Gate:
    """Alerts must be frauds more often than any payment is; recall then beats chance as well."""
    flagged = found.true_positives + found.false_positives
    precision = found.true_positives / flagged if flagged else None
    rate = found.frauds / found.labelled if found.labelled else 0.0
    hint = "labels first: lagmark labels, or POST /v1/labels"
    if precision is not None and found.frauds:
        recall = found.true_positives / found.frauds
        hint = f"recall {recall:.1%}, of {found.labelled:,} labelled as of now"
    passed = precision is not None and precision > rate
    return Gate("precision", precision, f"> {rate:.4f}, the share of fraud", passed, hint)


def _age(served: Served, until: int) -> Gate:
    from lagmark.backends.lineup import Places, read_lineup
    from lagmark.learning.bundle import read_manifest

    name, hint = "champion_age_days", "from its as_of to the last event; then train again"
    registry = served.data / "registry"
    try:
        places = read_lineup(registry).get(served.domain.name, Places())
        champion = places.aliases.get("champion")
        as_of = read_manifest(registry / champion.bundle)["as_of"] if champion else None
    except LagmarkError as problem:
        return Gate(name, str(problem), f"<= {_AGE_DAYS}", passed=False, hint=hint)
    days = None if as_of is None else max(0.0, (until - as_of) / DAY)
    return at_most(name, days, _AGE_DAYS, hint)
