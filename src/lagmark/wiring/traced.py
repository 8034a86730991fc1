"""Spans around the parts of a decision service, put there only where traces are asked for.

Requests that arrive together are decided together and written together, so one span serves many
of them: it is a child of the first one's and links to the others'.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec
from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    StatusCode,
    get_current_span,
    set_span_in_context,
)

from lagmark.schema.records import DecisionRecord
from lagmark.serving.decider import Decider
from lagmark.serving.service import DecisionService

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from opentelemetry.trace import SpanContext, Tracer

    from lagmark.ports.feature_state import FeatureState, Reading
    from lagmark.ports.ledger import Ledger, Written
    from lagmark.ports.scorer import Scorer
    from lagmark.schema.events import Event
    from lagmark.schema.records import Record
    from lagmark.serving.decider import Arrival
    from lagmark.serving.judge import Judge, Lineup

__all__ = ["Spans", "TracedDecider", "TracedService"]

_Part = TypeVar("_Part")


class Spans:
    """Spans of one service: who waits for what is decided, and how long its parts take.

    Parameters
    ----------
    tracer
        Begins them.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._waiting: dict[int | str, SpanContext] = {}

    def wait(self, event_id: int | str, future: asyncio.Future[bytes]) -> None:
        """Have the present span wait for an event until it is answered.

        Parameters
        ----------
        event_id
            The event.
        future
            Its answer.
        """
        context = get_current_span().get_span_context()
        # Who sent it first has it decided; an answer that is there is waited for by nobody.
        if context.is_valid and not future.done() and event_id not in self._waiting:
            self._waiting[event_id] = context
            future.add_done_callback(lambda _: self._waiting.pop(event_id, None))

    @contextmanager
    def span(
        self, name: str, count: int, event_ids: Iterable[int | str] = (), **attributes: str
    ) -> Iterator[None]:
        """Span of one step.

        Parameters
        ----------
        name
            Its name.
        count
            Events, rows or records that it serves.
        event_ids
            Events whose requests wait for it; where none does, it is a part of the present span.
        attributes
            What else is said of it.
        """
        context, links = self._behind(event_ids)
        with self._tracer.start_as_current_span(
            name,
            context=context,
            links=links,
            attributes={"lagmark.count": count, **attributes},
            # A message may hold values.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except BaseException as problem:
                span.set_attribute("error.type", type(problem).__qualname__)
                span.set_status(StatusCode.ERROR)
                raise

    def _behind(self, event_ids: Iterable[int | str]) -> tuple[Context | None, list[Link]]:
        """Parent and links of a span that several requests wait for."""
        found = {
            context.span_id: context
            for event_id in event_ids
            if (context := self._waiting.get(event_id)) is not None
        }
        if not found:
            return None, []
        # Of requests that are not recorded, only the parent's decision not to be counts.
        first, *others = sorted(found.values(), key=lambda each: not each.trace_flags.sampled)
        links = [Link(each) for each in others if each.trace_flags.sampled]
        return set_span_in_context(NonRecordingSpan(first), Context()), links

    def ledger(self, ledger: Ledger) -> Ledger:
        """A ledger whose writes, and questions for earlier decisions, are spans."""

        def append(records: Sequence[Record], *, at: int) -> list[Written]:
            decided = [each.event_id for each in records if isinstance(each, DecisionRecord)]
            with self.span("ledger.append", len(records), decided):
                return ledger.append(records, at=at)

        def decisions_on(event_ids: Sequence[int | str]) -> dict[int | str, DecisionRecord]:
            with self.span("ledger.decisions_on", len(event_ids), event_ids):
                return ledger.decisions_on(event_ids)

        return _with(ledger, append=append, decisions_on=decisions_on)

    def state(self, state: FeatureState) -> FeatureState:
        """A feature state whose taking of events is a span."""

        def take(events: Sequence[Event]) -> Reading:
            with self.span("feature_state.take", len(events)):
                return state.take(events)

        return _with(state, take=take)

    def judge(self, judge: Judge) -> Judge:
        """A judge whose models answer in spans."""

        def judged(*arguments: Any, lineup: Lineup, **others: Any) -> Any:
            return judge.judge(*arguments, lineup=self._lineup(lineup), **others)

        return _with(judge, judge=judged)

    def _lineup(self, lineup: Lineup) -> Lineup:
        champion = lineup.champion
        return msgspec.structs.replace(
            lineup,
            champion=None if champion is None else self._scorer(champion),
            others=tuple((role, self._scorer(scorer)) for role, scorer in lineup.others),
        )

    def _scorer(self, scorer: Scorer) -> Scorer:
        version = {"lagmark.model_version": scorer.version}

        def probabilities(X: Any) -> Any:
            with self.span("scorer.probabilities", len(X), **version):
                return scorer.probabilities(X)

        def top_contributions(X: Any, k: int) -> Any:
            with self.span("scorer.top_contributions", len(X), **version):
                return scorer.top_contributions(X, k)

        return _with(scorer, probabilities=probabilities, top_contributions=top_contributions)


class TracedDecider(Decider):
    """A decider whose turns are spans.

    Parameters
    ----------
    spans
        Begins them.
    parts
        As :class:`~lagmark.serving.decider.Decider`.
    """

    def __init__(self, spans: Spans, **parts: Any) -> None:
        super().__init__(**{**parts, "judge": spans.judge(parts["judge"])})
        self._spans = spans

    def decide(self, group: Sequence[Arrival]) -> tuple[list[Record], list[Arrival]]:
        """As the decider, in a span."""
        with self._spans.span("decide", len(group), [each.event.event_id for each in group]):
            return super().decide(group)


class TracedService(DecisionService):
    """A service that knows which span waits for which event.

    Parameters
    ----------
    spans
        Is told.
    parts
        As :class:`~lagmark.serving.service.DecisionService`.
    """

    def __init__(self, spans: Spans, **parts: Any) -> None:
        super().__init__(**parts)
        self._spans = spans

    def submit(
        self, event: Event, started: float, *, explained: bool = True
    ) -> asyncio.Future[bytes]:
        """As the service; the span of the caller waits for the answer."""
        future = super().submit(event, started, explained=explained)
        self._spans.wait(event.event_id, future)
        return future


class _Instead:
    """A part of which some methods are others."""

    def __init__(self, part: Any, methods: dict[str, Callable[..., Any]]) -> None:
        self._part = part
        self.__dict__.update(methods)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._part, name)


def _with(part: _Part, **methods: Callable[..., Any]) -> _Part:
    return cast("_Part", _Instead(part, methods))
