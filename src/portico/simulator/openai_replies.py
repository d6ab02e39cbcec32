"""Answers in OpenAI's dialect, with each flavour's habits (upstream-wire §2.2, §2.3)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from portico.simulator import openai, openai_faults
from portico.simulator.answers import Answer, pieces
from portico.simulator.calls import Call
from portico.simulator.dialects import Stamp
from portico.simulator.faults import Fault
from portico.simulator.flavours import Flavour
from portico.simulator.problems.base import Problems
from portico.simulator.questions import JSON, Question, quarter
from portico.simulator.scripts import SSE, Event, Problem

ALIASES = {
    "deepseek-v4-flash": "deepseek-flash",
    "deepseek-v4-flash-vision-exp": "deepseek-flash",
}
FINGERPRINT = "simulated"
HICCUP = 5
"""SiliconFlow's `finish_reason: ""` comes on every so many-th delta."""


@dataclass(frozen=True, slots=True)
class OpenAI:
    """Chat completions in one provider's flavour."""

    flavour: Flavour

    @property
    def problems(self) -> Problems:
        """The provider's error answers."""
        return self.flavour.problems

    def read(self, call: Call) -> Question:
        """Understand *call*; raises Refused."""
        return openai.read(call, self.flavour)

    def events(self, call: Call, answer: Answer, stamp: Stamp) -> list[Event]:
        """Return the answer's chunks and [DONE], or the one whole answer."""
        reply = _Reply(self.flavour, call, answer, stamp)
        return list(reply.chunks()) if call.stream else [reply.whole()]

    def spoil(self, fault: Fault, events: list[Event]) -> list[Event]:
        """Return the events as *fault* has them."""
        return openai_faults.spoil(fault, events)

    def frame(self, call: Call, events: Sequence[Event]) -> list[bytes]:
        """Frame for SSE, or not at all."""
        if not call.stream:
            return [msgspec.json.encode(event.data) for event in events]
        return [
            b"data: [DONE]\n\n"
            if event.data is None
            else b"data: " + msgspec.json.encode(event.data) + b"\n\n"
            for event in events
        ]

    def headers(self, call: Call, stamp: Stamp) -> dict[str, str]:
        """Return content type and, at SiliconFlow, the trace id."""
        headers = {"content-type": SSE if call.stream else "application/json"}
        if self.flavour.trace_header:
            headers[self.flavour.trace_header] = f"ti_simulated{stamp.serial:08d}"
        return headers

    def waiting(self, call: Call) -> bytes:
        """Return DeepSeek's keep-alives: comments in a stream, blank lines before JSON."""
        if not self.flavour.keep_alive:
            return b""
        return b": keep-alive\n\n" if call.stream else b"\n"

    def broken(self, call: Call, problem: Problem, variant: str) -> bytes:
        """Return an error event."""
        return b"data: " + problem.data + b"\n\n"


@dataclass(frozen=True, slots=True)
class _Reply:
    flavour: Flavour
    call: Call
    answer: Answer
    stamp: Stamp

    def whole(self) -> Event:
        answer = self.answer
        message: JSON = {"role": "assistant", "content": answer.text}
        if answer.calls:
            message = {"role": "assistant", "content": None, "tool_calls": self._tool_calls()}
        if answer.reasoning:
            message["reasoning_content"] = answer.reasoning
        choices = [
            {"index": index, "message": message, "logprobs": None, "finish_reason": answer.finish}
            for index in range(answer.count)
        ]
        data = self._data("chat.completion", choices) | {
            "usage": self._usage(answer.thoughts, answer.visible)
        }
        return Event(data, answer.output, delta=True, finish=True)

    def chunks(self) -> Iterator[Event]:
        answer = self.answer
        yield self._chunk({"role": "assistant", **self._delta("")}, 0, 0)
        yield from self._said(answer.reasoning, thought=True)
        yield from self._said(answer.text, thought=False)
        for index, call in enumerate(self._tool_calls()):
            yield from self._called(index, call)
        finish = self._chunk({}, answer.thoughts, answer.visible, answer.finish)
        assert finish.data is not None
        if self.flavour.usage == "finish" and not self._asked:
            finish.data["usage"] = self._usage(answer.thoughts, answer.visible)
        yield Event(finish.data, answer.output, finish=True)
        if self._asked and self.flavour.usage != "each":
            usage = self._usage(answer.thoughts, answer.visible)
            yield Event(self._data("chat.completion.chunk", []) | {"usage": usage}, answer.output)
        yield Event(None, answer.output)

    def _said(self, text: str, *, thought: bool) -> Iterator[Event]:
        answer, said = self.answer, 0
        for number, piece in enumerate(pieces(text), 1):
            said += len(piece)
            spoken = quarter(said) * answer.count
            counts = (spoken, 0) if thought else (answer.thoughts, spoken)
            delta = self._delta(None, piece) if thought else self._delta(piece)
            hiccup = "" if self.flavour.empty_finish and number % HICCUP == 0 else None
            yield self._chunk(delta, *counts, hiccup)

    def _called(self, index: int, call: JSON) -> Iterator[Event]:
        """Name the function first, then its arguments in two pieces."""
        function, answer = call["function"], self.answer
        arguments = str(function["arguments"])
        middle = len(arguments) // 2
        opening = {**call, "index": index, "function": {**function, "arguments": ""}}
        rest = [
            {"index": index, "function": {"arguments": piece}}
            for piece in (arguments[:middle], arguments[middle:])
        ]
        for delta in (opening, *rest):
            tool = {"tool_calls": [delta]}
            yield self._chunk(tool, answer.thoughts, answer.visible)

    def _chunk(self, delta: JSON, thoughts: int, visible: int, finish: str | None = None) -> Event:
        choices = [
            {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
            for index in range(self.answer.count)
        ]
        data = self._data("chat.completion.chunk", choices)
        if self.flavour.usage == "each":
            data["usage"] = self._usage(thoughts, visible)
        said = any(delta.get(key) for key in ("content", "reasoning_content", "tool_calls"))
        return Event(data, thoughts + visible, delta=said)

    def _delta(self, content: str | None, reasoning: str | None = None) -> JSON:
        if self.flavour.null_reasoning or reasoning is not None:
            return {"content": content, "reasoning_content": reasoning}
        return {"content": content}

    def _tool_calls(self) -> list[JSON]:
        return [
            {
                "id": f"call_simulated_{self.stamp.serial}_{index}",
                "type": "function",
                "function": {"name": call.name, "arguments": call.json},
            }
            for index, call in enumerate(self.answer.calls)
        ]

    def _data(self, kind: str, choices: list[JSON]) -> JSON:
        return {
            "id": f"simulated-{self.stamp.serial}",
            "object": kind,
            "created": self.stamp.created,
            "model": ALIASES.get(self.call.model, self.call.model),
            "system_fingerprint": FINGERPRINT,
            "choices": choices,
        }

    def _usage(self, thoughts: int, visible: int) -> JSON:
        answer = self.answer
        usage: JSON = {
            "prompt_tokens": answer.input,
            "completion_tokens": thoughts + visible,
            "total_tokens": answer.input + thoughts + visible,
            "completion_tokens_details": {"reasoning_tokens": thoughts},
            "prompt_tokens_details": {"cached_tokens": answer.cached},
        }
        if self.flavour.name in ("siliconflow", "deepseek"):
            usage["prompt_cache_hit_tokens"] = answer.cached
            usage["prompt_cache_miss_tokens"] = answer.input - answer.cached
        return usage

    @property
    def _asked(self) -> bool:
        return bool((self.call.body.get("stream_options") or {}).get("include_usage"))
