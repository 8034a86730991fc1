"""Job: a nowcast of a folder of events and labels, as of an instant."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lagmark.apps.jobs.history import read_history
from lagmark.apps.jobs.nowcast_decisions import Decisions, decide, read_decisions
from lagmark.monitoring.nowcast import Nowcast, NowcastSettings, Observed, nowcast

if TYPE_CHECKING:
    from lagmark.apps.jobs.history import History
    from lagmark.apps.jobs.reporter import Reporter

__all__ = ["NowcastRun", "observe", "run_nowcast"]


@dataclass(frozen=True, slots=True, eq=False)
class NowcastRun:
    """A nowcast, and the live model it speaks of.

    Parameters
    ----------
    nowcast
        The figures.
    decisions
        What was decided, and by which model.
    domain
        Name of the domain.
    """

    nowcast: Nowcast
    decisions: Decisions
    domain: str

    def as_dict(self) -> dict[str, Any]:
        """Record for JSON."""
        return {
            "command": "nowcast",
            "domain": self.domain,
            "model": dict(self.decisions.facts),
            **self.nowcast.as_dict(),
        }


def run_nowcast(
    folder: Path,
    *,
    as_of: int | None,
    reporter: Reporter,
    domain: str | None = None,
    budget: float | None = None,
    settings: NowcastSettings | None = None,
) -> NowcastRun:
    """Nowcast of a folder as of an instant.

    Parameters
    ----------
    folder
        Holds ``events/`` and ``labels/``; ``decisions/`` and ``manifest.json`` if there are any.
    as_of
        Microseconds since 1970 UTC. Nothing that arrived or became known later is used.
    reporter
        Told about progress.
    domain
        What the events are, where no manifest says so.
    budget
        Alerts a day that set the threshold of the model trained here; five in a thousand events
        when ``None``. Logged decisions have their own.
    settings
        Of the nowcast.

    Raises
    ------
    DataError
        If something is missing, cannot be read, or is too young to train on.
    """
    history = read_history(folder, as_of, reporter, domain=domain)
    as_of = history.as_of
    logged = folder / "decisions"
    if logged.is_dir():
        decisions = read_decisions(logged, history.batch, as_of)
    else:
        decisions = decide(
            history.batch, history.domain, as_of=as_of, budget=budget, reporter=reporter
        )
    observed = observe(history, decisions)
    with reporter.progress("Nowcast", "") as tell:
        found = nowcast(observed, settings)
        tell(1, 1)
    return NowcastRun(found, decisions, history.domain.name)


def observe(history: History, decisions: Decisions) -> Observed:
    """Arrays of a nowcast from a history and its decisions."""
    import numpy as np

    from lagmark.labels import NEVER
    from lagmark.labels.maturity import first_fraud

    batch, as_of = history.batch, history.as_of
    scale = history.domain.field_named(history.domain.amount).scale
    time = batch.events["event_time"].to_numpy()
    known_at = first_fraud(batch, as_of)
    channel = np.zeros(len(batch), dtype=np.int64)
    labels = batch.labels
    row, when = labels["row"].to_numpy(), labels["known_at"].to_numpy()
    first = labels["fraud"].to_numpy() & (when == known_at[row])
    sources = labels["source"].to_numpy()
    names = {name: code % 256 for code, name in enumerate(sorted(set(sources[first])))}
    channel[row[first][::-1]] = [names[name] for name in sources[first][::-1]]
    seen = time <= as_of
    amount = batch.events[history.domain.amount].fill_null(0).to_numpy() / scale
    return Observed(
        event_time=time[seen],
        amount=amount[seen],
        known_at=known_at[seen],
        fraud_known=known_at[seen] != NEVER,
        probability=decisions.probability[seen],
        alerted=decisions.alerted[seen],
        propensity=decisions.propensity[seen],
        control=decisions.control[seen],
        blocked=decisions.blocked[seen],
        channel=channel[seen],
        as_of=as_of,
    )
