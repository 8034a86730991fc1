"""Spans of a whole service in this process, with the real SDK and an exporter that keeps them."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from lagmark.apps.api.keys import KeyFile, Scope
from lagmark.apps.api.process import KEYS, Process
from lagmark.backends.ledger.sqlite import SqliteLedger
from lagmark.errors import ConfigError, LedgerError
from lagmark.settings import ServeSettings
from lagmark.wiring.telemetry import Tracing, open_tracing, trace_exporters
from lagmark.wiring.traced import Spans

from .conftest import new_event

STEPS = {"ledger.decisions_on", "decide", "feature_state.take", "ledger.append"}
OTLP = "opentelemetry.exporter.otlp.proto.http.trace_exporter"


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_SERVICE_NAME": "shop", "OTEL_TRACES_SAMPLER": "always_on"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": " ", "OTEL_TRACES_EXPORTER": ""},
        {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://collector:4318/v1/metrics"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "True"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"},
    ],
)
def test_nothing_is_traced_unless_asked_for(environ: dict[str, str]) -> None:
    assert open_tracing(environ) is None


@pytest.mark.parametrize(
    ("environ", "kinds"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, ["OTLPSpanExporter"]),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:1/x"}, ["OTLPSpanExporter"]),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, ["OTLPSpanExporter"]),
        ({"OTEL_TRACES_EXPORTER": "console"}, ["ConsoleSpanExporter"]),
        (
            {"OTEL_TRACES_EXPORTER": "console, otlp", "OTEL_SDK_DISABLED": "false"},
            ["ConsoleSpanExporter", "OTLPSpanExporter"],
        ),
        (
            {
                "OTEL_TRACES_EXPORTER": "otlp",
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            },
            ["OTLPSpanExporter"],
        ),
    ],
)
def test_the_standard_environment_asks_for_traces(
    environ: dict[str, str], kinds: list[str]
) -> None:
    assert [kind.__name__ for kind in trace_exporters(environ)] == kinds


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER: there is no exporter 'zipkin'"),
        (
            {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "OTEL_EXPORTER_OTLP_PROTOCOL: traces are sent as http/protobuf, not 'grpc'",
        ),
    ],
)
def test_what_cannot_be_done_is_refused(environ: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        trace_exporters(environ)
    assert told in str(refused.value)
    assert refused.value.hint


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, OTLP, None)
    with pytest.raises(ConfigError, match=r"pip install 'lagmark\[telemetry\]'"):
        open_tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"})


class Traced:
    """A service without a socket, its spans, and a key."""

    def __init__(self, data: Path) -> None:
        self.token = KeyFile(data / KEYS).create(frozenset(Scope), now=0, name="all")[1]
        self._kept = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._kept))
        settings = ServeSettings(data=data, domain="handbook")
        self.process = Process(settings, tracing=Tracing(provider))
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.process),
            base_url="http://service",
            headers={"Authorization": f"Bearer {self.token}"},
        )

    async def post(self, parent: str = "", **values: Any) -> httpx.Response:
        headers = {"traceparent": parent} if parent else {}
        return await self.http.post("/v1/decisions", json=new_event(**values), headers=headers)

    def spans(self) -> list[ReadableSpan]:
        """Those that ended since the last look."""
        found = list(self._kept.get_finished_spans())
        self._kept.clear()
        return found

    @asynccontextmanager
    async def living(self) -> AsyncIterator[Traced]:
        told: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        said: asyncio.Queue[Any] = asyncio.Queue()
        life = asyncio.create_task(self.process({"type": "lifespan"}, told.get, said.put))
        told.put_nowait({"type": "lifespan.startup"})
        await said.get()
        async with asyncio.timeout(120):
            while (await self.http.get("/health/ready")).status_code != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        self.spans()
        try:
            yield self
        finally:
            told.put_nowait({"type": "lifespan.shutdown"})
            await life


Told = Callable[[Traced], Coroutine[Any, Any, None]]


def served(path: Path, story: Told) -> None:
    async def run() -> None:
        async with Traced(path).living() as traced:
            await story(traced)

    asyncio.run(run())


def parent_of(number: int, *, sampled: bool = True) -> str:
    return f"00-{number:032x}-{number:016x}-0{int(sampled)}"


def traces_behind(span: ReadableSpan) -> set[int]:
    """Traces of the requests that wait for a step."""
    return {span.context.trace_id, *(link.context.trace_id for link in span.links)}


def test_a_request_is_a_span_in_the_trace_of_its_sender(tmp_path: Path) -> None:
    async def story(traced: Traced) -> None:
        answer = await traced.post(parent_of(7))
        assert answer.status_code == 200
        spans = {span.name: span for span in traced.spans()}
        request = spans["POST /v1/decisions"]
        assert request.kind is SpanKind.SERVER
        assert request.attributes == {
            "http.request.method": "POST",
            "url.scheme": "http",
            "network.protocol.version": "1.1",
            "http.route": "/v1/decisions",
            "http.response.status_code": 200,
        }
        assert request.status.status_code is StatusCode.UNSET
        assert request.parent is not None
        assert (request.context.trace_id, request.parent.span_id) == (7, 7)
        # Its steps are below it, and theirs below them.
        assert spans.keys() == {*STEPS, "POST /v1/decisions"}
        for step in STEPS:
            above = spans["decide"] if step == "feature_state.take" else request
            parent = spans[step].parent
            assert parent is not None
            assert parent.span_id == above.context.span_id
            assert spans[step].attributes == {"lagmark.count": 1}

        await traced.http.get(f"/v1/decisions/{answer.json()['decision_id']}?reasons=secret")
        (read,) = traced.spans()
        assert read.name == "GET /v1/decisions/{decision_id}"
        assert read.attributes is not None
        assert read.attributes["http.route"] == "/v1/decisions/{decision_id}"
        assert answer.json()["decision_id"] not in read.to_json()
        assert "secret" not in read.to_json()

    served(tmp_path, story)


def test_refusals_are_spans_and_only_our_faults_are_errors(tmp_path: Path) -> None:
    async def story(traced: Traced) -> None:
        refused = await traced.post(event_time="yesterday")
        assert refused.status_code == 422
        await traced.http.get("/v1/decisions", headers={"Authorization": "Bearer wrong"})
        await traced.http.get("/nowhere/customer-4711")
        await traced.http.request("BREW", "/nowhere")
        spans = traced.spans()
        assert [(each.name, dict(each.attributes or {}).get("http.route")) for each in spans] == [
            ("POST /v1/decisions", "/v1/decisions"),
            ("GET /v1/decisions", "/v1/decisions"),
            ("GET", None),
            ("HTTP", None),
        ]
        said = [dict(each.attributes or {}) for each in spans]
        assert [each["http.response.status_code"] for each in said] == [422, 401, 404, 404]
        assert said[-1]["http.request.method"] == "_OTHER"
        assert not any("error.type" in each for each in said)
        assert {each.status.status_code for each in spans} == {StatusCode.UNSET}
        told = "".join(each.to_json() for each in spans)
        for secret in ("customer-4711", "yesterday", "wrong", traced.token):
            assert secret not in told

    served(tmp_path, story)


def test_a_service_that_is_not_ready_answers_with_an_error_span(tmp_path: Path) -> None:
    traced = Traced(tmp_path)
    answer = asyncio.run(traced.post())
    assert answer.status_code == 503
    (span,) = traced.spans()
    assert dict(span.attributes or {})["error.type"] == "503"
    assert span.status.status_code is StatusCode.ERROR


def test_a_step_that_serves_many_is_tied_to_all_of_them(tmp_path: Path) -> None:
    async def story(traced: Traced) -> None:
        senders = set(range(100, 130))
        answers = await asyncio.gather(*(traced.post(parent_of(each)) for each in senders))
        assert {each.status_code for each in answers} == {200}
        spans = traced.spans()
        for step in ("ledger.decisions_on", "decide", "ledger.append"):
            steps = [span for span in spans if span.name == step]
            assert len(steps) < len(senders), "nothing was decided together"
            assert sum(dict(each.attributes or {})["lagmark.count"] for each in steps) == 30
            served_by = [trace for each in steps for trace in traces_behind(each)]
            assert sorted(served_by) == sorted(senders)
        # What is done within a turn is a part of that turn.
        turns = {span.context.span_id: span for span in spans if span.name == "decide"}
        takes = [span for span in spans if span.name == "feature_state.take"]
        assert {span.parent.span_id for span in takes if span.parent} == turns.keys()

    served(tmp_path, story)


def test_a_sender_whose_trace_is_not_recorded_has_no_spans(tmp_path: Path) -> None:
    async def story(traced: Traced) -> None:
        assert (await traced.post(parent_of(1, sampled=False))).status_code == 200
        assert traced.spans() == []
        # In one turn with others, it takes no spans from them, whoever came first.
        mixed = [parent_of(each, sampled=each % 4 == 0) for each in range(201, 221)]
        await asyncio.gather(*map(traced.post, mixed))
        spans = traced.spans()
        wanted = {each for each in range(201, 221) if each % 4 == 0}
        assert {trace for each in spans for trace in traces_behind(each)} == wanted
        turns = [span for span in spans if span.name == "decide"]
        assert {trace for each in turns for trace in traces_behind(each)} == wanted

    served(tmp_path, story)


@pytest.mark.parametrize("header", ["00-0-0-01", "nonsense", f"ff-{5:032x}-{5:016x}-01"])
def test_a_sender_that_names_no_trace_begins_one(tmp_path: Path, header: str) -> None:
    async def story(traced: Traced) -> None:
        await traced.http.get("/health/live", headers={"traceparent": header})
        twice = [("traceparent", parent_of(5)), ("traceparent", parent_of(6))]
        await traced.http.get("/health/live", headers=twice)
        first, second = traced.spans()
        assert first.parent is None
        assert second.parent is None
        assert first.context.trace_id != second.context.trace_id

    served(tmp_path, story)


def test_log_lines_of_a_request_name_its_span(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def story(traced: Traced) -> None:
        capsys.readouterr()
        await traced.http.get("/v1/decisions", headers={"traceparent": parent_of(0xABC)})
        (span,) = traced.spans()
        (line,) = map(json.loads, capsys.readouterr().err.splitlines())
        assert line["event"] == "request"
        assert line["trace_id"] == f"{0xABC:032x}"
        assert line["span_id"] == f"{span.context.span_id:016x}"

    served(tmp_path, story)


def test_the_framework_adds_no_spans_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where somebody has set a provider for the whole process: its spans name paths."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", provider)

    async def story(traced: Traced) -> None:
        await traced.http.get("/v1/decisions/customer-4711")
        assert [span.name for span in traced.spans()] == ["GET /v1/decisions/{decision_id}"]

    served(tmp_path, story)
    assert kept.get_finished_spans() == ()


def test_a_step_that_fails_says_how_but_not_with_what(tmp_path: Path) -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    plain = SqliteLedger(tmp_path / "ledger.sqlite", subject="customer", amount="amount")
    ledger = Spans(provider.get_tracer("test")).ledger(plain)
    assert ledger.head() == plain.head()
    ledger.close()
    with pytest.raises(LedgerError):
        ledger.append([], at=0)
    (span,) = kept.get_finished_spans()
    assert span.attributes == {"lagmark.count": 0, "error.type": "LedgerError"}
    assert span.status.status_code is StatusCode.ERROR
    assert (span.status.description, list(span.events)) == (None, [])
