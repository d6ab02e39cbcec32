"""
OpenTelemetry spans, built after the fact from recorded times, in the GenAI conventions.

Nothing of OpenTelemetry is imported before the standard environment variables ask for it.
"""

import logging
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from portico.telemetry.observation import Observation, Try

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Tracer
    from opentelemetry.util.types import AttributeValue

logger = logging.getLogger(__name__)

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"


class Spans:
    """Turns finished requests into spans: one for the request, one for every attempt."""

    def __init__(self, tracer: "Tracer") -> None:
        self._tracer = tracer

    def emit(self, seen: Observation) -> None:
        """Hand the spans of *seen* to the exporter's queue. Never waits for a collector."""
        from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context

        span = self._tracer.start_span(
            f"portico {seen.role or 'other'}",
            context=_caller_context(seen.traceparent),
            kind=SpanKind.SERVER,
            attributes=_present(request_attributes(seen)),
            start_time=_nanoseconds(seen.started),
        )
        inside = set_span_in_context(span)
        for one in seen.tries:
            self._emit_try(seen, one, inside)
        if seen.outcome in ("failed", "broken"):
            span.set_status(StatusCode.ERROR)
        span.end(_nanoseconds(seen.started + seen.took))

    def _emit_try(self, seen: Observation, one: Try, inside: "Context") -> None:
        from opentelemetry.trace import SpanKind, StatusCode

        began = seen.started + one.started
        span = self._tracer.start_span(
            f"{seen.operation} {one.model}",
            context=inside,
            kind=SpanKind.CLIENT,
            attributes=_present(try_attributes(seen, one)),
            start_time=_nanoseconds(began),
        )
        if one.failure:
            span.set_status(StatusCode.ERROR, one.failure)
        span.end(_nanoseconds(began + one.took))


@contextmanager
def open_spans(environ: Mapping[str, str], patience: float = 3.0) -> Iterator[Spans | None]:
    """
    Give the spans that *environ* asks for, or None; leaving sends what is queued.

    On when `OTEL_TRACES_EXPORTER` names otlp or console, or is unset while an OTLP endpoint is
    set, and `OTEL_SDK_DISABLED` is not true. A collector that is down costs nothing but its
    spans: leaving waits for it at most *patience* seconds.
    """
    names = exporters(environ)
    if not names:
        yield None
        return
    provider = _provider(names, environ)
    try:
        yield Spans(provider.get_tracer("portico"))
    finally:
        # The SDK's own shutdown may take half a minute when nobody listens.
        closing = threading.Thread(target=provider.shutdown, name="spans closing", daemon=True)
        closing.start()
        closing.join(patience)


def exporters(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return which exporters the standard variables ask for: `otlp`, `console`, or none."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return ()
    asked = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if not asked:
        asked = "otlp" if environ.get(TRACES_ENDPOINT) or environ.get(ENDPOINT) else "none"
    names = tuple(name.strip() for name in asked.split(","))
    for name in names:
        if name not in ("otlp", "console", "none"):
            logger.warning("OTEL_TRACES_EXPORTER names an exporter we do not have: %s", name)
    return tuple(name for name in names if name in ("otlp", "console"))


def request_attributes(seen: Observation) -> dict[str, "AttributeValue | None"]:
    """Return the attributes of a request's own span."""
    return {
        "portico.request.id": seen.id,
        "portico.role": seen.role,
        "portico.target": seen.target,
        "portico.outcome": seen.outcome,
        "portico.attempts": len(seen.tries),
        "portico.simulated": seen.simulated,
        "portico.degraded": seen.degraded,
        "http.response.status_code": seen.status,
    }


def try_attributes(seen: Observation, one: Try) -> dict[str, "AttributeValue | None"]:
    """Return an attempt's attributes, as OpenTelemetry's GenAI client spans name them."""
    tokens = one.tokens
    return {
        "gen_ai.operation.name": seen.operation,
        "gen_ai.provider.name": one.provider,
        "gen_ai.request.model": one.model,
        "gen_ai.response.model": one.model if one.failure is None else None,
        "gen_ai.response.time_to_first_chunk": one.first_delta,
        "gen_ai.usage.input_tokens": tokens.input if tokens else None,
        "gen_ai.usage.output_tokens": tokens.output if tokens else None,
        "gen_ai.usage.cache_read.input_tokens": tokens.cached if tokens else None,
        "gen_ai.usage.reasoning.output_tokens": tokens.reasoning if tokens else None,
        "server.address": one.address,
        "error.type": one.failure,
        "portico.attempt.id": one.id,
        "portico.target": one.target,
        "portico.simulated": one.simulated,
    }


def _provider(names: tuple[str, ...], environ: Mapping[str, str]) -> "TracerProvider":
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = "OTEL_SERVICE_NAME" in environ or "service.name=" in environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    provider = TracerProvider(
        resource=Resource.create({} if named else {"service.name": "portico"}),
        shutdown_on_exit=False,
    )
    for name in names:
        provider.add_span_processor(BatchSpanProcessor(_exporter(name, environ)))
    return provider


def _exporter(name: str, environ: Mapping[str, str]) -> "SpanExporter":
    if name == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter(out=sys.stdout)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    base = environ.get(ENDPOINT, "http://localhost:4318").rstrip("/")
    return OTLPSpanExporter(endpoint=environ.get(TRACES_ENDPOINT) or f"{base}/v1/traces")


def _caller_context(traceparent: str | None) -> "Context":
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    # An empty context of our own: nothing of the writer's thread may become a parent.
    if traceparent is None:
        return Context()
    return TraceContextTextMapPropagator().extract({"traceparent": traceparent}, Context())


def _present(
    attributes: dict[str, "AttributeValue | None"],
) -> dict[str, "AttributeValue"]:
    return {name: value for name, value in attributes.items() if value is not None}


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1_000_000) * 1000  # a float holds no more of an epoch
