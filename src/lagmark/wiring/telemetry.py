"""Traces sent to where OpenTelemetry's standard environment says, and to nobody where it is silent.

Whatever else that environment can say (endpoint, headers, timeout, sampler, limits, resource), the
SDK reads itself. Nothing of OpenTelemetry is imported where no traces are asked for.
"""

from __future__ import annotations

import importlib
import threading
from typing import TYPE_CHECKING

import lagmark
from lagmark.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

__all__ = ["Tracing", "open_tracing", "trace_exporters"]

_EXPORTERS = {
    "console": ("opentelemetry.sdk.trace.export", "ConsoleSpanExporter"),
    "otlp": ("opentelemetry.exporter.otlp.proto.http.trace_exporter", "OTLPSpanExporter"),
}
_SERVICE = "lagmark"
_FLUSH = 5.0
"""Seconds that the last spans have to leave; a receiver that is away must not keep the process."""


class Tracing:
    """Spans on their way out of this process.

    Parameters
    ----------
    provider
        What makes and sends them.

    Attributes
    ----------
    tracer
        Begins them.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self.tracer: Tracer = provider.get_tracer(_SERVICE, lagmark.__version__)

    def close(self) -> None:
        """Send what is left, and take no more spans; gives up after five seconds."""
        last = threading.Thread(target=self._provider.shutdown, name="last-spans", daemon=True)
        last.start()
        last.join(_FLUSH)


def trace_exporters(environ: Mapping[str, str]) -> tuple[type, ...]:
    """Makers of the exporters that the environment asks for; none where it asks for none.

    Parameters
    ----------
    environ
        The environment.

    Raises
    ------
    ConfigError
        If it asks for something that is unknown or not installed.

    Examples
    --------
    >>> trace_exporters({})
    ()
    >>> trace_exporters({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "x"})
    ()
    """
    # As the specification says: empty is unset, case does not matter in what is true.
    told = {name: value.strip() for name, value in environ.items() if name.startswith("OTEL_")}
    sent_to = told.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or told.get(
        "OTEL_EXPORTER_OTLP_ENDPOINT"
    )
    asked = told.get("OTEL_TRACES_EXPORTER") or ("otlp" if sent_to else "none")
    if told.get("OTEL_SDK_DISABLED", "").lower() == "true" or asked == "none":
        return ()
    names = list(dict.fromkeys(name.strip() for name in asked.split(",")))
    if "otlp" in names:
        _check_protocol(told)
    return tuple(_exporter(name) for name in names)


def _check_protocol(told: Mapping[str, str]) -> None:
    for variable in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if told.get(variable):
            if told[variable] != "http/protobuf":
                raise ConfigError(
                    f"traces are sent as http/protobuf, not {told[variable]!r}",
                    where=variable,
                    hint="unset it, and name the HTTP port of the collector, most often 4318",
                )
            return


def _exporter(name: str) -> type:
    if name not in _EXPORTERS:
        raise ConfigError(
            f"there is no exporter {name!r}",
            where="OTEL_TRACES_EXPORTER",
            hint=f"take {', '.join(sorted(_EXPORTERS))} or none",
        )
    module, kind = _EXPORTERS[name]
    try:
        found: type = getattr(importlib.import_module(module), kind)
    except ImportError as problem:
        raise ConfigError(
            f"traces need OpenTelemetry ({problem})",
            where="environment",
            hint="install it: pip install 'lagmark[telemetry]', or set OTEL_SDK_DISABLED=true",
        ) from None
    return found


def open_tracing(environ: Mapping[str, str]) -> Tracing | None:
    """Tracing as the process's environment asks for it, ``None`` where it does not.

    It belongs to the process that opened it: each worker opens its own.

    Parameters
    ----------
    environ
        The environment of the process.

    Raises
    ------
    ConfigError
        As :func:`trace_exporters`.
    """
    exporters = trace_exporters(environ)
    if not exporters:
        return None
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    ours = Resource({"service.name": _SERVICE, "service.version": lagmark.__version__})
    # What the environment says of the resource goes before what we say.
    resource = Resource.create(ours.merge(OTELResourceDetector().detect()).attributes)
    # Ends with the service, not with the interpreter, where a dead receiver would be waited for.
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    for make in exporters:
        provider.add_span_processor(BatchSpanProcessor(make()))
    return Tracing(provider)
