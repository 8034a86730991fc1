"""What a bench found, and what it was to reach."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from lagmark.apps.bench.gates import at_least, at_most

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lagmark.apps.bench.gates import Gate
    from lagmark.apps.bench.load import Load
    from lagmark.apps.bench.quality import Quality

__all__ = ["Answer", "BenchOutcome", "Phase", "answers_of", "gates_of", "phase_of"]

PER_CORE_SECOND = 2_000
BATCH_PER_SECOND = 20_000
P50_MS, P99_MS = 2, 10
BY_MODEL = 0.9


class Answer(msgspec.Struct, frozen=True):
    """What is looked at of an answer to an event; a refusal has ``error`` instead."""

    probability: float = float("nan")
    model_version: str = ""
    fallback: str = ""
    reasons: list[Any] = msgspec.field(default_factory=list)
    error: Any = None


class _Answers(msgspec.Struct):
    results: list[Answer]


_ONE = msgspec.json.Decoder(Answer)
_MANY = msgspec.json.Decoder(_Answers)
_UNANSWERED = Answer(error="no answer")


@dataclass(frozen=True, slots=True)
class Phase:
    """One way of asking.

    Parameters
    ----------
    requests, decisions, refused
        Requests sent, events decided on, and events that were not: refused, or never answered.
    seconds
        Duration.
    per_second
        Decisions a second.
    cpu_seconds, per_core_second
        CPU time of the service, and decisions in each second of it; ``None`` where the system
        does not tell.
    p50_ms, p95_ms, p99_ms, max_ms
        Time until a request was answered, milliseconds. In the open loop from when it was due.
    """

    requests: int
    decisions: int
    refused: int
    seconds: float
    per_second: float
    cpu_seconds: float | None
    per_core_second: float | None
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


@dataclass(slots=True)
class BenchOutcome:
    """What a bench found.

    Parameters
    ----------
    service
        What answered: domain, features, contract, model.
    machine
        Cores, load before the run, whether service and generator had a core each.
    events
        Where the events came from, and how many made the state warm.
    rate
        Requests a second of the open loop.
    quality
        Precision and recall.
    phases
        ``alone``, ``saturated``, ``open_loop`` and ``batch``.
    loads
        The answers behind them.
    answered
        Decisions by what made them: ``model 3``, or why rules did.
    gates
        What was to be reached.
    """

    service: dict[str, Any]
    machine: dict[str, Any]
    events: dict[str, Any]
    rate: float
    quality: Quality
    phases: dict[str, Phase] = field(default_factory=dict)
    loads: dict[str, Load] = field(default_factory=dict)
    answered: Counter[str] = field(default_factory=Counter)
    gates: tuple[Gate, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every gate was."""
        return all(gate.passed for gate in self.gates)

    def as_dict(self) -> dict[str, Any]:
        """Record for JSON."""
        return {
            "command": "bench",
            "service": self.service,
            "machine": self.machine,
            "events": self.events,
            **{name: asdict(phase) for name, phase in self.phases.items()},
            "answered_by": dict(sorted(self.answered.items())),
            "quality": self.quality.as_dict(),
            "gates": [gate.as_dict() for gate in self.gates],
            "passed": self.passed,
        }


def answers_of(load: Load, *, together: int = 1) -> list[tuple[int, Answer]]:
    """Answer to each event, with its number among those of the run.

    Parameters
    ----------
    load
        Answered requests.
    together
        Events in each of them, 1 where an event is a request. A request that failed counts as so
        many refusals.
    """
    found: list[tuple[int, Answer]] = []
    for each in load.outcomes:
        first = each.index * together
        if each.status != 200:
            found += [(first + i, _UNANSWERED) for i in range(together)]
        elif together == 1:
            found.append((first, _ONE.decode(each.body)))
        else:
            found += enumerate(_MANY.decode(each.body).results, first)
    return found


def phase_of(load: Load, answers: Sequence[tuple[int, Answer]], cpu: float | None) -> Phase:
    """Figures of a run.

    Parameters
    ----------
    load
        The run.
    answers
        What :func:`answers_of` makes of it.
    cpu
        CPU seconds of the service.
    """
    decisions = sum(answer.error is None for _, answer in answers)
    return Phase(
        requests=len(load.outcomes),
        decisions=decisions,
        refused=len(answers) - decisions,
        seconds=load.seconds,
        per_second=decisions / load.seconds,
        cpu_seconds=cpu,
        per_core_second=decisions / cpu if cpu else None,
        p50_ms=load.milliseconds(0.5),
        p95_ms=load.milliseconds(0.95),
        p99_ms=load.milliseconds(0.99),
        max_ms=load.milliseconds(1.0),
    )


def gates_of(outcome: BenchOutcome) -> tuple[Gate, ...]:
    """What a service has to reach, held against what it did."""
    steady, batch = outcome.phases["open_loop"], outcome.phases["batch"]
    decisions = sum(outcome.answered.values())
    by_model = sum(n for name, n in outcome.answered.items() if name.startswith("model "))
    refused = sum(phase.refused for phase in outcome.phases.values())
    reasons = ", ".join(
        f"{count:,} {name}"
        for name, count in sorted(outcome.answered.items())
        if not name.startswith("model ")
    )
    at_rate = f"at {outcome.rate:,g} requests a second"
    return (
        at_most("open_loop_p50_ms", steady.p50_ms, P50_MS, at_rate),
        at_most("open_loop_p99_ms", steady.p99_ms, P99_MS, at_rate),
        at_least(
            "saturated_per_core_second",
            outcome.phases["saturated"].per_core_second,
            PER_CORE_SECOND,
            "decisions in a second of CPU time",
        ),
        at_least("batch_per_second", batch.per_second, BATCH_PER_SECOND, "decisions"),
        at_most("refused", refused, 0, "events that got no decision"),
        at_least(
            "answered_by_model",
            by_model / decisions if decisions else None,
            BY_MODEL,
            f"rules answered: {reasons}" if reasons else "",
        ),
    )
