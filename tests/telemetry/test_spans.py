"""OpenTelemetry spans, seen by a real collector."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from msgspec.structs import replace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from portico.telemetry.observation import Observation
from portico.telemetry.observer import Observer
from portico.telemetry.spans import exporters, open_spans
from tests.telemetry.seen import PRETENDED, SEEN

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"


class Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP, as a collector does."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Inlet)
        self.requests: list[ExportTraceServiceRequest] = []
        self.paths: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def spans(self) -> dict[str, Span]:
        return {
            span.name: span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }

    @property
    def services(self) -> set[str]:
        return {
            attribute.value.string_value
            for request in self.requests
            for resource in request.resource_spans
            for attribute in resource.resource.attributes
            if attribute.key == "service.name"
        }


class Inlet(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.paths.append(self.path)
        self.server.requests.append(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def collecting() -> Iterator[Collector]:
    with Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield collector
        finally:
            collector.shutdown()
            thread.join()


def emitted(seen: Observation, **environ: str) -> Collector:
    with collecting() as collector:
        wanted = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, **environ}
        with open_spans(wanted) as spans:
            assert spans is not None
            Observer(spans=spans).observe(seen)
    return collector


def attributes(span: Span) -> dict[str, object]:
    return {
        one.key: getattr(one.value, str(one.value.WhichOneof("value"))) for one in span.attributes
    }


def test_a_request_is_a_span_with_one_client_span_for_each_attempt() -> None:
    collector = emitted(SEEN)
    assert set(collector.paths) == {"/v1/traces"}
    assert collector.services == {"portico"}
    request, limited, answered = (
        collector.spans[name]
        for name in ("portico design", "chat Qwen/Qwen3-Coder", "chat gemini-3-flash-preview")
    )
    assert request.kind == Span.SPAN_KIND_SERVER
    assert limited.kind == answered.kind == Span.SPAN_KIND_CLIENT
    assert limited.parent_span_id == answered.parent_span_id == request.span_id
    assert limited.trace_id == answered.trace_id == request.trace_id
    assert request.parent_span_id == b""


def test_spans_have_the_recorded_times_not_those_of_their_making() -> None:
    spans = emitted(SEEN).spans
    began = 1_790_000_000_000_000_000
    request, answered = spans["portico design"], spans["chat gemini-3-flash-preview"]
    assert (request.start_time_unix_nano, request.end_time_unix_nano) == (began, began + 2 * 10**9)
    assert answered.start_time_unix_nano == began + 500_000_000
    assert answered.end_time_unix_nano == began + 1_750_000_000


def test_an_attempt_speaks_the_genai_conventions() -> None:
    span = emitted(SEEN).spans["chat gemini-3-flash-preview"]
    assert attributes(span) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": "gemini-3-flash-preview",
        "gen_ai.response.model": "gemini-3-flash-preview",
        "gen_ai.response.time_to_first_chunk": 0.75,
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 200,
        "gen_ai.usage.cache_read.input_tokens": 400,
        "gen_ai.usage.reasoning.output_tokens": 50,
        "server.address": "generativelanguage.googleapis.com",
        "portico.attempt.id": "a2",
        "portico.target": "gemini-3-flash",
        "portico.simulated": False,
    }
    assert span.status.code == Status.STATUS_CODE_UNSET


def test_a_failed_attempt_says_its_kind_and_no_response() -> None:
    span = emitted(SEEN).spans["chat Qwen/Qwen3-Coder"]
    assert attributes(span)["error.type"] == "rate_limited"
    assert "gen_ai.response.model" not in attributes(span)
    assert (span.status.code, span.status.message) == (Status.STATUS_CODE_ERROR, "rate_limited")


def test_the_request_span_says_who_answered_and_whether_it_was_real() -> None:
    told = attributes(emitted(PRETENDED).spans["portico design"])
    assert told["portico.request.id"] == "r1"
    assert told["portico.target"] == "gemini-3-flash"
    assert told["portico.simulated"] is True
    assert told["http.response.status_code"] == 200


def test_a_request_nobody_answered_is_an_error_and_one_the_caller_left_is_not() -> None:
    failed = emitted(replace(SEEN, outcome="failed")).spans["portico design"]
    assert failed.status.code == Status.STATUS_CODE_ERROR
    left = emitted(replace(SEEN, outcome="abandoned")).spans["portico design"]
    assert left.status.code == Status.STATUS_CODE_UNSET


def test_a_callers_trace_goes_on() -> None:
    spans = emitted(replace(SEEN, traceparent=f"00-{TRACE}-{CALLER}-01")).spans
    assert {span.trace_id.hex() for span in spans.values()} == {TRACE}
    assert spans["portico design"].parent_span_id.hex() == CALLER


def test_a_trace_its_caller_does_not_sample_is_not_sent() -> None:
    assert emitted(replace(SEEN, traceparent=f"00-{TRACE}-{CALLER}-00")).spans == {}


@pytest.mark.parametrize("header", ["", "nonsense", f"00-{'0' * 32}-{CALLER}-01", "x" * 10_000])
def test_a_traceparent_that_is_none_starts_a_trace_of_its_own(header: str) -> None:
    assert emitted(replace(SEEN, traceparent=header)).spans["portico design"].parent_span_id == b""


def test_the_traces_endpoint_is_taken_as_it_is() -> None:
    with collecting() as collector:
        with open_spans({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{collector.url}/x"}) as spans:
            assert spans is not None
            spans.emit(SEEN)
        assert set(collector.paths) == {"/x"}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ()),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, ("otlp",)),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x"}, ("otlp",)),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, ("otlp",)),
        ({"OTEL_TRACES_EXPORTER": "console, OTLP"}, ("console", "otlp")),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, ()),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "True"}, ()),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, ()),
    ],
)
def test_the_standard_variables_switch_spans_on(
    environ: dict[str, str], expected: tuple[str, ...]
) -> None:
    assert exporters(environ) == expected


def test_an_exporter_we_do_not_have_is_said_and_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert exporters({"OTEL_TRACES_EXPORTER": "jaeger"}) == ()
    assert "jaeger" in caplog.text


def test_without_the_variables_there_are_no_spans_and_nothing_is_imported() -> None:
    script = (
        "import sys, portico.telemetry.observer as observer, portico.telemetry.spans as spans\n"
        "with spans.open_spans({}) as found: print(found)\n"
        "print(sorted(name for name in sys.modules if name.startswith('opentelemetry')))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("None\n[]\n", "")


def test_the_console_exporter_writes_spans_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    with open_spans({"OTEL_TRACES_EXPORTER": "console"}) as spans:
        assert spans is not None
        spans.emit(SEEN)
    assert '"name": "chat gemini-3-flash-preview"' in capsys.readouterr().out


def test_a_collector_that_is_down_costs_only_its_spans() -> None:
    with collecting() as collector:
        url = collector.url
    with open_spans({"OTEL_EXPORTER_OTLP_ENDPOINT": url}, patience=0.05) as spans:
        assert spans is not None
        spans.emit(SEEN)
