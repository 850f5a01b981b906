"""Audit events in OpenTelemetry: one span each, nothing said twice, no words of anybody."""

from __future__ import annotations

import pytest

from guarded_agent.audit import AuditLog, emit_spans
from guarded_agent.store import Store

pytest.importorskip("opentelemetry.sdk", reason="the otel extra is not installed")
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


def tracer_to(spans: InMemorySpanExporter) -> object:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return provider.get_tracer("test")


def add(store: Store, kind: str) -> None:
    data = {"tool": "pay", "effect": "deny", "args": {"to": "bob@x.example"}, "reason": "why"}
    with store.write() as connection:
        AuditLog(store).append(connection, kind, agent_id="a", thread_id="t", data=data)


def test_each_event_is_one_span_at_its_own_time(store: Store, spans: InMemorySpanExporter) -> None:
    add(store, "action.judged")
    assert emit_spans(store, tracer=tracer_to(spans)) == 1  # type: ignore[arg-type]
    [span] = spans.get_finished_spans()
    [event] = AuditLog(store).tail()
    assert span.name == "guarded_agent.action.judged"
    assert span.start_time == span.end_time == int(event.at * 1e9)
    assert dict(span.attributes or {}) == {
        "guarded_agent.seq": 1,
        "guarded_agent.kind": "action.judged",
        "guarded_agent.hash": event.hash,
        "gen_ai.agent.id": "a",
        "gen_ai.conversation.id": "t",
        "gen_ai.tool.name": "pay",
        "guarded_agent.effect": "deny",
    }


def test_what_was_handed_on_is_not_handed_on_again(
    store: Store, spans: InMemorySpanExporter
) -> None:
    tracer = tracer_to(spans)
    add(store, "one")
    last = emit_spans(store, tracer=tracer)  # type: ignore[arg-type]
    add(store, "two")
    last = emit_spans(store, tracer=tracer, after=last)  # type: ignore[arg-type]
    assert emit_spans(store, tracer=tracer, after=last) == last == 2  # type: ignore[arg-type]
    assert [span.name for span in spans.get_finished_spans()] == [
        "guarded_agent.one",
        "guarded_agent.two",
    ]
