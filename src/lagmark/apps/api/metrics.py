"""Figures for Prometheus: requests by route, and what the service counts."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client.core import Metric

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_BOUNDS = (
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
)  # fmt: skip
"""Seconds; dense around the two and the ten milliseconds that decisions are held to."""
_NAME = re.compile(r"[^a-zA-Z0-9_]")
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class Metrics:
    """Figures of one process, in a registry of their own.

    What the service counts is read when it is asked for, so that counting costs the hot path a
    dictionary entry. A count named ``decisions.block`` becomes ``lagmark_decisions_total`` with
    ``kind="block"``; one named ``late`` becomes ``lagmark_late_total``.

    Parameters
    ----------
    counts
        The service's counts by name.
    status
        The service's status, as health answers it.
    fields
        Names of an event's fields; refusals of other names are counted as ``other``.
    """

    def __init__(
        self,
        *,
        counts: Callable[[], Mapping[str, int]],
        status: Callable[[], Mapping[str, Any]],
        fields: Container[str] = (),
    ) -> None:
        self._fields = fields
        # When a series was first seen is of no use, and doubles the text.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry(auto_describe=True)
        self._requests = Counter(
            "lagmark_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "lagmark_request_seconds",
            "Seconds from the first byte read to the last one sent.",
            ("route",),
            buckets=_BOUNDS,
            registry=self._registry,
        )
        self._refused = Counter(
            "lagmark_refused",
            "Events refused, by the field that was wrong.",
            ("field",),
            registry=self._registry,
        )
        self._registry.register(_Service(counts, status))
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request.

        Parameters
        ----------
        method
            HTTP method.
        route
            Template of the path, ``-`` where there is none: never the path itself.
        status
            HTTP status, 0 where the sender went away.
        seconds
            How long it took.
        """
        key = (method if method in _METHODS else "other", route, status)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = (
                self._requests.labels(*map(str, key)),
                self._seconds.labels(route),
            )
        found[0].inc()
        found[1].observe(seconds)

    def refused(self, names: Iterable[str]) -> None:
        """Count an event that was refused, once for each field that was wrong.

        Parameters
        ----------
        names
            Names of fields as the sender wrote them.
        """
        for name in names:
            self._refused.labels(name if name in self._fields else "other").inc()

    def text(self) -> bytes:
        """All figures in Prometheus's text format."""
        return generate_latest(self._registry)


class _Service(Collector):
    def __init__(
        self, counts: Callable[[], Mapping[str, int]], status: Callable[[], Mapping[str, Any]]
    ) -> None:
        self._counts = counts
        self._status = status

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        families: dict[str, CounterMetricFamily] = {}
        for name, count in sorted(self._counts().items()):
            stem, dot, kind = name.partition(".")
            stem = _NAME.sub("_", stem)
            if stem not in families:
                families[stem] = CounterMetricFamily(
                    f"lagmark_{stem}",
                    f"Number of {stem.replace('_', ' ')} since the start.",
                    labels=("kind",) if dot else (),
                )
            families[stem].add_metric((kind,) if dot else (), count)
        yield from families.values()
        status = self._status()
        texts = {}
        for name, value in status.items():
            if isinstance(value, bool | int | float):
                safe = _NAME.sub("_", name)
                yield GaugeMetricFamily(
                    f"lagmark_{safe}", f"{name} now, as /health/dependencies says.", value=value
                )
            elif isinstance(value, str) and name != "why":
                texts[_NAME.sub("_", name)] = value
        yield InfoMetricFamily("lagmark_service", "Versions in use.", value=texts)
