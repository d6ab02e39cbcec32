"""Anthropic's messages: enough of them that LiteLLM can be tried against it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from portico.simulator import pictures
from portico.simulator.answers import Answer, pieces
from portico.simulator.calls import Call
from portico.simulator.dialects import Stamp
from portico.simulator.faults import Fault
from portico.simulator.problems import anthropic
from portico.simulator.problems.base import Problems
from portico.simulator.questions import JSON, Offer, Picture, Question, Turn, quarter
from portico.simulator.scripts import SSE, Event, Problem

FINISHES = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
CHOICES = {"any": "required", "tool": "required", "none": "none"}


class Anthropic:
    """`POST /v1/messages`, streamed and not."""

    problems: Problems = anthropic.PROBLEMS

    def read(self, call: Call) -> Question:
        """Understand a messages body; raises an error of Python's for a malformed one."""
        body = call.body
        choice = body.get("tool_choice") or {}
        turns = [turn for message in body["messages"] for turn in _turns(message)]
        if body.get("system"):
            turns.insert(0, Turn("system", _text(body["system"])))
        tools = body.get("tools") or ()
        return Question(
            model=call.model,
            turns=tuple(turns),
            offers=tuple(Offer(tool["name"], tool.get("input_schema") or {}) for tool in tools),
            choice=CHOICES.get(choice.get("type", "auto"), "auto"),
            named=frozenset({choice["name"]} if "name" in choice else ()),
            limit=body.get("max_tokens"),
            stops=tuple(body.get("stop_sequences") or ()),
            thinks=(thinks := (body.get("thinking") or {}).get("type") == "enabled"),
            shows=thinks,
        )

    def events(self, call: Call, answer: Answer, stamp: Stamp) -> list[Event]:
        """Return the named events of a stream, or the one message."""
        if call.stream:
            return list(_chunks(call, answer, stamp))
        message = _message(call, answer, stamp) | {
            "content": _content(answer, stamp),
            "stop_reason": FINISHES[answer.finish],
            "usage": _usage(answer, answer.output),
        }
        return [Event(message, answer.output, delta=True, finish=True)]

    def spoil(self, fault: Fault, events: list[Event]) -> list[Event]:
        """Return *events*: no fault is this dialect's own."""
        return events

    def frame(self, call: Call, events: Sequence[Event]) -> list[bytes]:
        """Frame for SSE with event names, or not at all."""
        encoded = [(event.data or {}, msgspec.json.encode(event.data)) for event in events]
        if not call.stream:
            return [data for _, data in encoded]
        return [_named(fields["type"], data) for fields, data in encoded]

    def headers(self, call: Call, stamp: Stamp) -> dict[str, str]:
        """Return content type and request id."""
        media = SSE if call.stream else "application/json"
        return {"content-type": media, "request-id": f"req_simulated_{stamp.serial}"}

    def waiting(self, call: Call) -> bytes:
        """Return a ping; nothing for a whole answer."""
        return _named("ping", b'{"type":"ping"}') if call.stream else b""

    def broken(self, call: Call, problem: Problem, variant: str) -> bytes:
        """Return an error event."""
        return _named("error", problem.data)


def _named(name: str, data: bytes) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"


def _turns(message: JSON) -> Iterator[Turn]:
    """One turn for what is said, and one for every tool's result."""
    content = message["content"]
    blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
    results = [block for block in blocks if block["type"] == "tool_result"]
    for block in results:
        yield Turn("tool", _text(block.get("content")))
    if len(results) < len(blocks):
        yield Turn(message["role"], _text(blocks), tuple(_pictures(blocks)))


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(str(block["text"]) for block in content if block.get("text"))
    return str(content or "")


def _pictures(blocks: Sequence[JSON]) -> Iterator[Picture]:
    for block in blocks:
        source: Mapping[str, Any] = block.get("source") or {}
        if source.get("type") == "base64":
            width, height = pictures.size(source["data"])
            yield Picture(source["media_type"], width, height, width * height // 750)
        elif source:
            yield Picture("a link")


def _chunks(call: Call, answer: Answer, stamp: Stamp) -> Iterator[Event]:
    start = _message(call, answer, stamp) | {"usage": _usage(answer, 0)}
    yield Event({"type": "message_start", "message": start})
    for index, block in enumerate(_content(answer, stamp)):
        yield from _block(index, block, answer)
    ending: JSON = {"stop_reason": FINISHES[answer.finish], "stop_sequence": None}
    usage = {"output_tokens": answer.output}
    last = {"type": "message_delta", "delta": ending, "usage": usage}
    yield Event(last, answer.output, finish=True)
    yield Event({"type": "message_stop"}, answer.output)


def _block(index: int, block: JSON, answer: Answer) -> Iterator[Event]:
    kind = block["type"]
    field, delta = {
        "text": ("text", "text_delta"),
        "thinking": ("thinking", "thinking_delta"),
        "tool_use": ("input", "input_json_delta"),
    }[kind]
    empty: Any = {} if kind == "tool_use" else ""
    value, written = block[field], 0
    parts = [msgspec.json.encode(value).decode()] if kind == "tool_use" else pieces(value)
    opening = {**block, field: empty}
    yield Event({"type": "content_block_start", "index": index, "content_block": opening})
    for part in parts:
        written += len(part)
        said = {"type": delta, "partial_json" if kind == "tool_use" else field: part}
        spent = quarter(written) if kind == "thinking" else answer.thoughts + quarter(written)
        data = {"type": "content_block_delta", "index": index, "delta": said}
        yield Event(data, min(spent, answer.output), delta=True)
    yield Event({"type": "content_block_stop", "index": index})


def _content(answer: Answer, stamp: Stamp) -> list[JSON]:
    blocks: list[JSON] = []
    if answer.reasoning:
        signature = "c2ltdWxhdGVk"
        blocks.append({"type": "thinking", "thinking": answer.reasoning, "signature": signature})
    if answer.text:
        blocks.append({"type": "text", "text": answer.text})
    for index, call in enumerate(answer.calls):
        name = f"toolu_simulated_{stamp.serial}_{index}"
        blocks.append({"type": "tool_use", "id": name, "name": call.name, "input": call.arguments})
    return blocks


def _message(call: Call, answer: Answer, stamp: Stamp) -> JSON:
    return {
        "id": f"msg_simulated_{stamp.serial}",
        "type": "message",
        "role": "assistant",
        "model": call.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _usage(answer: Answer, output: int) -> JSON:
    return {
        "input_tokens": answer.input - answer.cached,
        "cache_read_input_tokens": answer.cached,
        "cache_creation_input_tokens": 0,
        "output_tokens": output,
    }
