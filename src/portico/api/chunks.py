"""Chat values to OpenAI's chunks and completions: every one written anew, from an allow-list."""

from typing import Any

import msgspec
from msgspec import Struct

from portico.chat.reply import Choice, Delta, Reply, ToolCallDelta, Usage

_CLOSE_TEXT = b'},"finish_reason":null}]}\n\n'

_encode = msgspec.json.Encoder().encode


class Head(Struct, frozen=True, gc=False):
    """What every chunk of one answer begins with."""

    id: str
    created: int
    model: str
    fingerprint: str | None = None


def usage_out(usage: Usage) -> dict[str, Any]:
    """OpenAI's usage object."""
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


class ChunkWriter:
    """
    Writes one answer's deltas as OpenAI's chunks.

    Every chunk is written anew from a delta's fields, so nothing else of a provider's chunk can
    pass (Open WebUI runs JavaScript from a top-level `event`); `model` is the target's name.
    """

    def __init__(self, head: Head) -> None:
        self._begun: set[int] = set()
        self._note = b""
        self.speak(head)

    def speak(self, head: Head) -> None:
        """Go on under another head: from a seam on, `model` is who speaks then."""
        known = {"id": head.id, "object": "chat.completion.chunk", "created": head.created}
        known["model"] = head.model
        if head.fingerprint:
            known["system_fingerprint"] = head.fingerprint
        self._open = b"data: " + _encode(known)[:-1] + b',"choices":['
        self._text = self._open + b'{"index":0,"delta":{"content":'
        self._between = _CLOSE_TEXT.join((b'"', self._text + b'"'))

    def note(self, portico: dict[str, Any]) -> None:
        """Put *portico* on the next chunk that is not plain text, which the last one never is."""
        self._note = b',"portico":' + _encode(portico)

    def write(self, batch: list[Delta]) -> bytes:
        """Return the events for *batch*, usage left out; b"" if there is nothing to show."""
        return b"".join([self._event(d) for d in batch if d.counts or d.logprobs is not None])

    def _event(self, delta: Delta) -> bytes:
        if delta.choice in self._begun and _plain(delta):
            if pieces := delta.pieces:
                return b'%b"%b"%b' % (self._text, self._between.join(pieces), _CLOSE_TEXT)
            return self._text + _encode(delta.text) + _CLOSE_TEXT
        return b"".join((self._open, self._choice(delta), b"]", self._note, b"}\n\n"))

    def _choice(self, delta: Delta) -> bytes:
        out: dict[str, Any] = {}
        if delta.choice not in self._begun:
            self._begun.add(delta.choice)
            out["role"] = "assistant"
            out["content"] = None if delta.tool_calls else ""
        if delta.text:
            out["content"] = delta.text
        if delta.reasoning:
            out["reasoning_content"] = delta.reasoning
        if delta.refusal:
            out["refusal"] = delta.refusal
        if delta.tool_calls:
            out["tool_calls"] = [_call(call) for call in delta.tool_calls]
        choice = {"index": delta.choice, "delta": out, "finish_reason": delta.finish}
        if delta.logprobs is not None:
            choice["logprobs"] = delta.logprobs
        return _encode(choice)

    def usage(self, usage: Usage | None) -> bytes:
        """Return the chunk that `stream_options.include_usage` asks for."""
        told = _encode(usage_out(usage)) if usage else b"null"
        return self._open + b'],"usage":' + told + b"}\n\n"


def _plain(delta: Delta) -> bool:
    """True for the text of choice 0 and nothing else: nearly every delta there is."""
    return bool(delta.text) and not (
        delta.choice
        or delta.finish
        or delta.reasoning
        or delta.tool_calls
        or delta.refusal
        or delta.logprobs is not None
    )


def _call(call: ToolCallDelta) -> dict[str, Any]:
    function: dict[str, Any] = {"arguments": call.arguments}
    out: dict[str, Any] = {"index": call.index, "function": function}
    if call.name is not None:
        function["name"] = call.name
    if call.id is not None:
        out["id"] = call.id
        out["type"] = "function"
    return out


def completion(reply: Reply, head: Head) -> bytes:
    """Return the whole answer as OpenAI's `chat.completion`."""
    body: dict[str, Any] = {
        "id": head.id,
        "object": "chat.completion",
        "created": head.created,
        "model": head.model,
        "choices": [_whole(index, choice) for index, choice in enumerate(reply.choices)],
    }
    if reply.usage is not None:
        body["usage"] = usage_out(reply.usage)
    if head.fingerprint:
        body["system_fingerprint"] = head.fingerprint
    return _encode(body)


def _whole(index: int, choice: Choice) -> dict[str, Any]:
    content = None if choice.tool_calls and not choice.text else choice.text
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if choice.reasoning:
        message["reasoning_content"] = choice.reasoning
    message["refusal"] = choice.refusal or None
    if choice.tool_calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in choice.tool_calls
        ]
    return {
        "index": index,
        "message": message,
        "finish_reason": choice.finish,
        "logprobs": choice.logprobs,
    }
