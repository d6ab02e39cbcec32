"""Gemini's answers: CRLF frames, usage on every chunk, no [DONE] (upstream-wire §2.1)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from portico.simulator import gemini, gemini_faults
from portico.simulator.answers import Answer, pieces
from portico.simulator.calls import Call
from portico.simulator.dialects import Stamp
from portico.simulator.faults import Fault
from portico.simulator.gemini_rules import WITH_IDS
from portico.simulator.gemini_signatures import call_signature, text_signature
from portico.simulator.problems import google
from portico.simulator.problems.base import Problems
from portico.simulator.questions import JSON, Question, quarter
from portico.simulator.scripts import SSE, Event, Problem

FINISHES = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP"}


class Gemini:
    """Google's v1beta generateContent and streamGenerateContent."""

    problems: Problems = google.PROBLEMS

    def read(self, call: Call) -> Question:
        """Understand *call*; raises Refused."""
        return gemini.read(call)

    def events(self, call: Call, answer: Answer, stamp: Stamp) -> list[Event]:
        """Return the answer's chunks, or the one whole answer."""
        reply = _Reply(call.model, answer, stamp)
        return list(reply.chunks()) if call.stream else [reply.whole()]

    def spoil(self, fault: Fault, events: list[Event]) -> list[Event]:
        """Return the events as *fault* has them."""
        return gemini_faults.spoil(fault, events)

    def frame(self, call: Call, events: Sequence[Event]) -> list[bytes]:
        """Frame for SSE, for a streamed array (no `alt=sse`), or not at all."""
        encoded = [msgspec.json.encode(event.data) for event in events]
        if not call.stream:
            return encoded
        if "alt=sse" in call.path:
            return [b"data: " + data + b"\r\n\r\n" for data in encoded]
        last = len(encoded) - 1
        return [
            (b",\r\n" if at else b"[") + data + (b"]" if at == last else b"")
            for at, data in enumerate(encoded)
        ]

    def headers(self, call: Call, stamp: Stamp) -> dict[str, str]:
        """Return the headers Google sends."""
        sse = call.stream and "alt=sse" in call.path
        return {
            "content-type": SSE if sse else "application/json; charset=UTF-8",
            "server": "ESF",
            "server-timing": f"gfet4t7; dur={stamp.serial % 900 + 100}",
            "vary": "Origin, X-Origin, Referer",
        }

    def waiting(self, call: Call) -> bytes:
        """Google says nothing while it makes one wait."""
        return b""

    def broken(self, call: Call, problem: Problem, variant: str) -> bytes:
        """Return an error event, or with variant `raw` the bare JSON line by line."""
        if "alt=sse" not in call.path:
            return b",\r\n" + problem.data + b"]"
        if variant == "raw":
            return msgspec.json.format(problem.data, indent=2) + b"\n"
        return b"data: " + problem.data + b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class _Reply:
    model: str
    answer: Answer
    stamp: Stamp

    def whole(self) -> Event:
        answer = self.answer
        parts = [*self._thoughts(), *self._call_parts()]
        if not answer.calls:
            parts.append({"text": answer.text, "thoughtSignature": text_signature(self.model)})
        data = self._data(parts, answer.visible, FINISHES[answer.finish])
        return Event(data, answer.output, delta=True, finish=True)

    def chunks(self) -> Iterator[Event]:
        answer = self.answer
        for part in self._thoughts():
            yield Event(self._data([part], 0), answer.thoughts, delta=True)
        if answer.calls:
            data = self._data(self._call_parts(), answer.visible)
            yield Event(data, answer.output, delta=True)
        yield from self._words()
        last = {"text": "", "thoughtSignature": text_signature(self.model)}
        data = self._data([last], answer.visible, FINISHES[answer.finish])
        yield Event(data, answer.output, finish=True)

    def _words(self) -> Iterator[Event]:
        said = 0
        for piece in pieces(self.answer.text):
            said += len(piece)
            visible = quarter(said) * self.answer.count
            output = self.answer.thoughts + visible
            yield Event(self._data([{"text": piece}], visible), output, delta=True)

    def _thoughts(self) -> list[JSON]:
        shown = self.answer.shown and self.answer.reasoning
        return [{"text": self.answer.reasoning, "thought": True}] if shown else []

    def _call_parts(self) -> list[JSON]:
        parts: list[JSON] = []
        for index, call in enumerate(self.answer.calls):
            function: JSON = {"name": call.name, "args": call.arguments}
            if WITH_IDS.match(self.model):
                function["id"] = f"call-{self.stamp.serial}-{index}"
            part: JSON = {"functionCall": function}
            if not parts:  # only the first of a parallel batch is signed
                part["thoughtSignature"] = call_signature(self.model, call.name, call.arguments)
            parts.append(part)
        return parts

    def _data(self, parts: list[JSON], visible: int, finish: str | None = None) -> JSON:
        candidate: JSON = {"content": {"parts": parts, "role": "model"}}
        if finish:
            candidate["finishReason"] = finish
        return {
            "candidates": [{**candidate, "index": index} for index in range(self.answer.count)],
            "usageMetadata": self._usage(visible),
            "modelVersion": self.model,
            "responseId": f"simulated-{self.stamp.serial}",
        }

    def _usage(self, visible: int) -> dict[str, Any]:
        answer = self.answer
        usage: dict[str, Any] = {"promptTokenCount": answer.input}
        if visible:
            usage["candidatesTokenCount"] = visible
        if answer.thoughts:
            usage["thoughtsTokenCount"] = answer.thoughts
        if answer.cached:
            usage["cachedContentTokenCount"] = answer.cached
        usage["totalTokenCount"] = answer.input + visible + answer.thoughts
        words = answer.input - answer.pictures
        usage["promptTokensDetails"] = [{"modality": "TEXT", "tokenCount": words}]
        if answer.pictures:
            pictures = {"modality": "IMAGE", "tokenCount": answer.pictures}
            usage["promptTokensDetails"].append(pictures)
        return usage
