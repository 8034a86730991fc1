"""Spans of ``lagmark serve`` as a collector gets them; where none are wanted, not an import."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from lagmark.apps.api.keys import KeyFile, Scope
from lagmark.clock import utc_now

from .models import promote
from .running import COMMAND, Service, until

if TYPE_CHECKING:
    from .servers import Servers

Serve = Callable[..., Service]

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
DOERS = ("opentelemetry.sdk", "opentelemetry.exporter", "opentelemetry.proto", "requests")
NEVER = "3600000"
"""Milliseconds between two sendings: what arrives was sent because the service ended."""


class Collector:
    """Takes OTLP over HTTP and keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[ExportTraceServiceRequest] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.path == "/v1/traces"
                assert self.headers["Content-Type"] == "application/x-protobuf"
                collector.told.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def resources(self) -> list[dict[str, str]]:
        """What each process says of itself."""
        return [
            {each.key: each.value.string_value for each in group.resource.attributes}
            for told in self.told
            for group in told.resource_spans
        ]

    def spans(self) -> list[dict[str, Any]]:
        """All spans, with ids in hexadecimal and attributes by name."""
        return [
            {
                "name": span.name,
                "trace": span.trace_id.hex(),
                "id": span.span_id.hex(),
                "parent": span.parent_span_id.hex(),
                **{each.key: next(iter(MessageToDict(each.value).values()))
                   for each in span.attributes},
            }
            for told in self.told
            for group in told.resource_spans
            for scope in group.scope_spans
            for span in scope.spans
        ]  # fmt: skip

    def text(self) -> str:
        """All that was told, to search in."""
        return json.dumps([MessageToDict(each) for each in self.told])


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()
    thread = threading.Thread(target=found.server.serve_forever)
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


def event(number: int) -> dict[str, Any]:
    return {
        "event_id": number,
        "event_time": utc_now().isoformat(),
        "customer": 918273645,
        "terminal": 564738291,
        "amount": 47110815.17,
    }


def test_spans_arrive_before_the_service_ends(
    serve: Serve, tmp_path: Path, bundles: Path, collector: Collector
) -> None:
    data = tmp_path / "data"
    promote(data, bundles, champion=1)
    key = KeyFile(data / "keys.json").create(frozenset({Scope.DECIDE}), now=0, name="shop")[1]
    told = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": NEVER}
    service = serve(data, "--keys", environment=told).ready()
    headers = {"Authorization": f"Bearer {key}", "traceparent": TRACEPARENT}
    with httpx.Client(base_url=service.url, headers=headers, timeout=60) as http:
        # Twice, so that the second customer is a known one, whom the model decides on.
        for number in (1928374650, 1928374651):
            answer = http.post("/v1/decisions", json=event(number))
            assert answer.status_code == 200, answer.text
        assert answer.json()["model_version"] == "1"
        assert http.get("/v1/decisions/5647382910").status_code == 403
        # The line follows the answer.
        (line,) = until(
            lambda: [line for line in service.said("request") if line["status"] == 403],
            "the log says so",
        )
        assert line["trace_id"] == TRACE
    assert collector.told == []
    assert service.stop() == 0

    (resource, *_) = collector.resources()
    assert (resource["service.name"], resource["telemetry.sdk.language"]) == ("lagmark", "python")
    spans = [span for span in collector.spans() if span["trace"] == TRACE]
    posts = [span for span in spans if span["name"] == "POST /v1/decisions"]
    assert [post["parent"] for post in posts] == [PARENT, PARENT]
    assert {post["http.response.status_code"] for post in posts} == {"200"}
    (refused,) = [span for span in spans if span["name"].startswith("GET")]
    assert refused["id"] == line["span_id"]
    assert (refused["http.route"], refused["http.response.status_code"]) == (
        "/v1/decisions/{decision_id}",
        "403",
    )
    second = posts[-1]["id"]
    below = {span["name"]: span for span in spans if span["parent"] == second}
    assert below.keys() == {"ledger.decisions_on", "decide", "ledger.append"}
    within = {s["name"]: s for s in spans if s["parent"] == below["decide"]["id"]}
    assert within.keys() == {
        "feature_state.take",
        "scorer.probabilities",
        "scorer.top_contributions",
    }
    assert within["scorer.probabilities"]["lagmark.model_version"] == "1"
    text = collector.text()
    for secret in (key, key.rpartition("_")[2], "918273645", "564738291", "47110815", "192837465",
                   "5647382910", answer.json()["decision_id"]):  # fmt: skip
        assert secret not in text, secret


@pytest.mark.slow
def test_each_worker_sends_its_own(serve: Serve, cluster: Servers, collector: Collector) -> None:
    told = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_SERVICE_NAME": "shop",
    }
    service = serve(workers=2, environment={**cluster.environment(), **told}).ready()
    numbers = iter(range(1, 10_000))

    def both() -> bool:
        assert service.post(json.dumps(event(next(numbers))).encode()).status_code == 200
        return len({each["service.instance.id"] for each in collector.resources()}) == 2

    until(both, "both workers sent spans")
    assert service.stop() == 0
    assert {each["service.name"] for each in collector.resources()} == {"shop"}
    sent = next(numbers) - 1
    spans = collector.spans()
    assert len([span for span in spans if span["name"] == "POST /v1/decisions"]) == sent
    assert sum(int(s["lagmark.count"]) for s in spans if s["name"] == "decide") == sent


def test_a_collector_that_never_answers_keeps_nobody(serve: Serve) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        told = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "3600",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }
        service = serve(environment=told).ready()
        for number in range(1, 20):
            assert service.post(json.dumps(event(number)).encode()).status_code == 200
        begun = time.monotonic()
        assert service.stop() == 0
        assert service.said("drained")
        # The SDK alone would wait for half a minute.
        assert time.monotonic() - begun < 25


def test_spans_that_do_not_arrive_are_a_line_in_the_log(serve: Serve) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        told = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{nobody.getsockname()[1]}",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }
        service = serve(environment=told).ready()
        until(
            lambda: [line for line in service.lines() if line["event"].startswith("opentelemetry")],
            "the log says so",
        )
        assert service.post(json.dumps(event(1)).encode()).status_code == 200
        assert service.stop() == 0


def test_without_traces_nothing_is_imported_that_could_send_any(
    serve: Serve, tmp_path: Path, bundles: Path, collector: Collector
) -> None:
    promote(tmp_path / "data", bundles, champion=1)
    # The interpreter writes down all that it imports.
    profiled = {"PYTHONPROFILEIMPORTTIME": "1", "OTEL_BSP_SCHEDULE_DELAY": "50"}
    imported = {}
    for name, told in (
        ("off", {"OTEL_SDK_DISABLED": "true"}),
        ("on", {}),
    ):
        target = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        service = serve(
            environment={**profiled, **target, **told}, log=tmp_path / f"{name}.log"
        ).ready()
        assert service.post(json.dumps(event(1)).encode()).status_code == 200
        assert service.stop() == 0
        imported[name] = {
            line.rpartition("|")[2].strip()
            for line in service.log.read_text(encoding="utf-8").splitlines()
            if line.startswith("import time:")
        }
        assert bool(collector.told) == (name == "on")
    assert "uvicorn.server" in imported["off"]
    # The framework imports the interface of OpenTelemetry; what does something is in the rest.
    own = {
        "lagmark.apps.api.telemetry",
        "lagmark.wiring.traced",
        "opentelemetry.sdk.trace",
        "requests",
    }
    assert imported["off"] & own == set()
    assert not [name for name in imported["off"] if name.startswith(DOERS)]
    assert own <= imported["on"]


def test_the_command_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.modules['opentelemetry.exporter'] = None\n"
    )
    run = subprocess.run(
        [*COMMAND, "serve", "--data", str(tmp_path / "data"), "--port", "0", "--no-keys"],
        env={
            **os.environ,
            "PYTHONPATH": str(tmp_path),
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 2, run.stderr
    assert "pip install 'lagmark[telemetry]'" in " ".join(run.stderr.split())
