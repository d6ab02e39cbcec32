"""What the stand-in upstream says, as bytes made once: JSON, streams of OpenAI and of Gemini."""

import json
from dataclasses import dataclass

WORD = "lorem"
"""Occurs in answers only, so that counting it tells whether an answer came whole."""

SHORT = 20
"""Words in an answer to a small or a large request."""

SEGMENT = 1448
"""Bytes that an Ethernet frame brings; a burst comes in such pieces and cuts events anywhere."""

STREAMED = 200
"""Words, and chunks that carry one, in a stream."""

EVENTS = b"text/event-stream"
JSON = b"application/json"


@dataclass(frozen=True, slots=True)
class Answers:
    """HTTP responses: whole, or as the pieces in which they are sent."""

    short: bytes
    short_stream: bytes
    burst: tuple[bytes, ...]
    paced: tuple[bytes, ...]
    brief: tuple[bytes, ...]
    idle: bytes
    gemini: bytes
    gemini_stream: tuple[bytes, ...]
    gemini_paced: tuple[bytes, ...]
    models: bytes
    gemini_models: bytes


def answers() -> Answers:
    """Make every answer once."""
    stream = [_http_chunk(event) for event in openai_events(STREAMED)]
    native = [_http_chunk(event) for event in gemini_events()]
    return Answers(
        short=_whole(_completion()),
        short_stream=_streamed([_http_chunk(event) for event in openai_events(SHORT)]),
        burst=_segments(_streamed(stream)),
        # The last HTTP chunk ends the message; it follows the last event without a pause.
        paced=_apart(stream),
        brief=_brief([_http_chunk(event) for event in openai_events(SHORT)]),
        idle=_stream_head() + b"".join(stream[:2]),
        gemini=_whole(_gemini(f"{WORD} " * SHORT, SHORT, finish=True)),
        gemini_stream=_segments(_streamed(native)),
        gemini_paced=_apart(native),
        models=_whole({"object": "list", "data": [_model()]}),
        gemini_models=_whole({"models": [_gemini_model()]}),
    )


_LAST_CHUNK = b"0\r\n\r\n"


def _apart(chunks: list[bytes]) -> tuple[bytes, ...]:
    return (_stream_head() + chunks[0], *chunks[1:-1], chunks[-1] + _LAST_CHUNK)


def _brief(chunks: list[bytes]) -> tuple[bytes, ...]:
    """A word at once, one after every pause, then the ending: all else is somebody's delay."""
    words = len(chunks) - 4  # a role before them; a finish, the usage and [DONE] after them
    first, last = b"".join(chunks[:2]), b"".join(chunks[words + 1 :])
    return (_stream_head() + first, *chunks[2 : words + 1], last + _LAST_CHUNK)


def _whole(value: object) -> bytes:
    body = json.dumps(value, separators=(",", ":")).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n"
    return head % (JSON, len(body)) + body


def _streamed(chunks: list[bytes]) -> bytes:
    return _stream_head() + b"".join(chunks) + _LAST_CHUNK


def _segments(answer: bytes) -> tuple[bytes, ...]:
    return tuple(answer[at : at + SEGMENT] for at in range(0, len(answer), SEGMENT))


def _stream_head() -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ntransfer-encoding: chunked\r\n\r\n" % EVENTS


def _http_chunk(event: bytes) -> bytes:
    # Providers flush per event, so every event is an HTTP chunk of its own.
    return b"%x\r\n%b\r\n" % (len(event), event)


def _completion() -> dict[str, object]:
    message = {"role": "assistant", "content": f"{WORD} " * SHORT}
    return _envelope("chat.completion") | {
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": _usage(SHORT),
    }


def openai_events(words: int) -> list[bytes]:
    """Return a stream of OpenAI's, event by event."""
    # OpenAI's order: the role, the words, the finish, the usage with no choices, [DONE].
    chunks = [_openai_chunk({"role": "assistant", "content": ""})]
    chunks += [_openai_chunk({"content": f" {WORD}"}) for _ in range(words)]
    chunks.append(_openai_chunk({}, finish="stop"))
    chunks.append(_envelope("chat.completion.chunk") | {"choices": [], "usage": _usage(words)})
    events = [json.dumps(chunk, separators=(",", ":")).encode() for chunk in chunks]
    return [b"data: %b\n\n" % event for event in (*events, b"[DONE]")]


def _openai_chunk(delta: dict[str, str], finish: str | None = None) -> dict[str, object]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return _envelope("chat.completion.chunk") | {"choices": [choice]}


def _envelope(kind: str) -> dict[str, object]:
    return {
        "id": "chatcmpl-5b0e6f2c8d4a4f0e",
        "object": kind,
        "created": 1795305600,
        "model": "bench-model",
        "system_fingerprint": "fp_bench",
    }


def _usage(output: int) -> dict[str, int]:
    return {"prompt_tokens": 400, "completion_tokens": output, "total_tokens": 400 + output}


def gemini_events() -> list[bytes]:
    """Return a stream of Gemini's, event by event."""
    # upstream-wire §2.1: CRLF framing, usage on every chunk, a signature and the finish on the
    # last one, no [DONE].
    chunks = [_gemini(f" {WORD}", at, finish=False) for at in range(1, STREAMED + 1)]
    chunks.append(_gemini("", STREAMED, finish=True))
    events = [json.dumps(chunk, separators=(",", ":")).encode() for chunk in chunks]
    return [b"data: %b\r\n\r\n" % event for event in events]


def _gemini(text: str, output: int, *, finish: bool) -> dict[str, object]:
    part = {"text": text, "thoughtSignature": "EqoBCqcB"} if finish else {"text": text}
    candidate: dict[str, object] = {"content": {"parts": [part], "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = "STOP"
    return {
        "candidates": [candidate],
        "usageMetadata": {
            "promptTokenCount": 400,
            "candidatesTokenCount": output,
            "totalTokenCount": 400 + output,
        },
        "modelVersion": "bench-model",
        "responseId": "R2bench",
    }


def _model() -> dict[str, object]:
    return {"id": "bench-model", "object": "model", "created": 1795305600, "owned_by": "bench"}


def _gemini_model() -> dict[str, object]:
    methods = ["generateContent", "streamGenerateContent"]
    return {"name": "models/bench-model", "supportedGenerationMethods": methods}
