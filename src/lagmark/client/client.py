"""Client that waits for each answer, and tries again where that is safe."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import msgspec

from lagmark.client.results import (
    Answer,
    Appended,
    Decision,
    DecisionPage,
    Refused,
    Statistics,
)
from lagmark.clock import utc_now
from lagmark.errors import (
    ConfigError,
    DataError,
    DuplicateEventError,
    LagmarkError,
    UnavailableError,
)

__all__ = ["Client"]

_Result = TypeVar("_Result")
_LATER = {429, 502, 503, 504}
"""Statuses that another attempt may cure."""
_LONGEST_PAUSE = 5.0


class Client:
    """Connection to one service; several threads may share it.

    A request that got no answer, or "not now", is sent again. That is safe: an event that was
    decided is answered with its first decision, and a label that was kept is not kept twice.

    Parameters
    ----------
    url
        Where the service is, ``"http://localhost:8000"``.
    key
        Key of ``lagmark keys create``; empty for a demonstration without keys.
    timeout
        Seconds to wait for one answer.
    attempts
        How often a request is sent at most.
    sleep
        Waits some seconds between two attempts.
    transport
        What carries requests, for tests and proxies.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str = "",
        timeout: float = 10.0,
        attempts: int = 4,
        sleep: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(
            base_url=url, headers=headers, timeout=timeout, transport=transport
        )
        self._attempts = attempts
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def decide(self, event: Mapping[str, Any]) -> Answer:
        """Decision on an event; it is durable when this returns.

        Parameters
        ----------
        event
            The event's fields; instants may be datetimes with a zone.

        Raises
        ------
        DataError
            If it is no event of the domain served, or has no ``event_id``.
        UnavailableError
            If the service did not decide in all attempts.
        """
        return self._post("/v1/decisions", _named(event), Answer)

    def decide_many(self, events: Sequence[Mapping[str, Any]]) -> list[Answer | Refused]:
        """Decisions on up to 10,000 events in the order given; a refusal stands in its place.

        Raises
        ------
        DataError
            If one has no ``event_id``, or there are none or too many.
        UnavailableError
            If the service did not decide in all attempts.
        """
        body = {"events": [_named(event) for event in events]}
        found = self._post("/v1/decisions:batch", body, dict[str, list[dict[str, Any]]])
        return [
            msgspec.convert(each, Answer)
            if "error" not in each
            else msgspec.convert(each["error"], Refused)
            for each in found["results"]
        ]

    def label(
        self,
        event_id: int | str,
        *,
        fraud: bool,
        source: str,
        known_at: datetime | None = None,
        reversal: bool = False,
        confidence: float = 1.0,
    ) -> Appended:
        """Say what became known of an event.

        Parameters
        ----------
        event_id, fraud, source
            Which event, the verdict, and who says it.
        known_at
            When it reached you, with a zone. It is set to now if it is ``None``: a second attempt
            then says the same as the first.
        reversal
            Whether it takes the source's earlier verdict back.
        confidence
            0 to 1.

        Raises
        ------
        DataError
            If it is no label.
        UnavailableError
            If the service did not keep it in all attempts.
        """
        label = {
            "event_id": event_id,
            "fraud": fraud,
            "source": source,
            "known_at": known_at or utc_now(),
            "reversal": reversal,
            "confidence": confidence,
        }
        return self._post("/v1/labels", label, Appended)

    def labels(self, labels: Sequence[Mapping[str, Any]]) -> Appended:
        """Many labels, each with the fields of :meth:`label`; all are kept, or none.

        Raises
        ------
        DataError
            If one is none.
        UnavailableError
            If the service did not keep them in all attempts.
        """
        now = utc_now()
        body = {"labels": [{"known_at": now, **label} for label in labels]}
        return self._post("/v1/labels:batch", body, Appended)

    def decisions(self, **filters: Any) -> Iterator[Decision]:
        """Stored decisions, latest first, as many as there are; pages are fetched on the way.

        Parameters
        ----------
        **filters
            ``as_of``, ``since``, ``until`` (datetimes), ``action``, ``model_version``,
            ``minimum_score``, ``subject``, ``labelled``, ``fraud``, ``flagged``.

        Raises
        ------
        DataError
            If a filter cannot be used.
        """
        cursor: str | None = None
        while True:
            query = {**filters, "limit": 1000, "cursor": cursor}
            page = self._get("/v1/decisions", query, DecisionPage)
            yield from page.decisions
            cursor = page.cursor
            if cursor is None:
                return

    def decision(self, decision_id: str) -> dict[str, Any]:
        """One decision with its event, features, every contribution and its labels.

        Raises
        ------
        DataError
            If there is none.
        """
        return self._get(f"/v1/decisions/{decision_id}", {}, dict[str, Any])

    def statistics(self, **filters: Any) -> Statistics:
        """Counts and sums over decisions, with the filters of :meth:`decisions`."""
        return self._get("/v1/decisions:statistics", filters, Statistics)

    def ready(self) -> bool:
        """Whether the service decides on events now; asks once and never raises."""
        try:
            return self._http.get("/health/ready").status_code == 200
        except httpx.TransportError:
            return False

    def _get(self, path: str, query: Mapping[str, Any], kind: type[_Result]) -> _Result:
        parameters = {name: _text(value) for name, value in query.items() if value is not None}
        return self._ask("GET", path, kind, params=parameters)

    def _post(self, path: str, body: Mapping[str, Any], kind: type[_Result]) -> _Result:
        return self._ask(
            "POST",
            path,
            kind,
            content=msgspec.json.encode(body),
            headers={"Content-Type": "application/json"},
        )

    def _ask(self, method: str, path: str, kind: type[_Result], **parts: Any) -> _Result:
        problem = UnavailableError("no attempt was made", where=path)
        for attempt in range(self._attempts):
            if attempt:
                self._sleep(min(_LONGEST_PAUSE, max(problem.retry_after, 0.1 * 2**attempt)))
            try:
                answer = self._http.request(method, path, **parts)
            except httpx.TransportError as error:
                problem = UnavailableError(
                    f"the service gave no answer: {type(error).__name__}",
                    where=path,
                    hint="check that it runs and that the address is right",
                    retry_after=0.0,
                )
                continue
            if answer.status_code not in _LATER:
                return _result(answer, path, kind)
            refused = _refused(answer)
            wait = answer.headers.get("Retry-After", "")
            problem = UnavailableError(
                refused.detail,
                where=path,
                hint="try again later",
                retry_after=float(wait) if wait.isdigit() else 0.0,
            )
        raise problem


def _result(answer: httpx.Response, path: str, kind: type[_Result]) -> _Result:
    if answer.status_code == 200:
        return msgspec.json.decode(answer.content, type=kind)
    refused = _refused(answer)
    hint = "; ".join(f"{each.field}: {each.what}" for each in refused.errors)
    if refused.request_id:
        hint = f"{hint} (request {refused.request_id})".strip()
    if answer.status_code in (401, 403):
        raise ConfigError(refused.detail, where=path, hint=hint)
    if answer.status_code == 409:
        raise DuplicateEventError(refused.detail, where=path, hint=hint)
    if answer.status_code < 500:
        raise DataError(refused.detail, where=path, hint=hint)
    raise LagmarkError(refused.detail, where=path, hint=hint)


def _refused(answer: httpx.Response) -> Refused:
    try:
        return msgspec.json.decode(answer.content, type=Refused)
    except msgspec.MsgspecError:
        # Some proxy's own page.
        return Refused(answer.status_code, f"status {answer.status_code}")


def _named(event: Mapping[str, Any]) -> Mapping[str, Any]:
    if event.get("event_id") is None:
        raise DataError(
            "an event needs an event_id",
            where="event_id",
            hint="name it, so that it can be sent again without being decided twice",
        )
    return event


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else str(value)
