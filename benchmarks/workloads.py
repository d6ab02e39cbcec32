"""The workloads: what is asked, how often, what a whole answer looks like, what it may cost."""

import base64
import json
import random
import struct
import zlib
from dataclasses import dataclass

from benchmarks.answers import SHORT, STREAMED

DONE = b"data: [DONE]"
STOPPED = b'"STOP"'


@dataclass(frozen=True, slots=True)
class Question:
    """A POST, and how to know that its answer is whole: so many words, and an ending."""

    path: str
    body: bytes
    words: int
    ending: bytes


@dataclass(frozen=True, slots=True)
class Workload:
    """
    The same work through the gateway (`asked`) and through nginx (`plain`).

    `requests` is for one round, in a closed loop over `connections`. `limit` is the CPU
    milliseconds a request may cost the gateway, `aim` what we would like it to; None where nothing
    has been promised.
    """

    name: str
    says: str
    connections: int
    requests: int
    asked: Question
    plain: Question
    limit: float | None = None
    aim: float | None = None

    def question(self, via: str) -> Question:
        """Return what the subject called *via* is asked."""
        return self.asked if via == "gateway" else self.plain


def workloads() -> dict[str, Workload]:
    """Make every workload, by name, in the order of the table."""
    small = (_small("2kb", "bench-text"), _small("2kb-auto", "auto"), _small_gemini())
    made = (*small, *_agents(), *_large(), *_streams())
    return {workload.name: workload for workload in made}


def idle_stream() -> Workload:
    """Return the stream that falls silent after its first delta."""
    asked = Question("/v1/chat/completions", _chat("bench-idle", _PROSE, stream=True), 1, b"")
    plain = Question("/idle/v1/chat/completions", asked.body, 1, b"")
    return Workload("idle-streams", "1,000 idle open streams", 1000, 1000, asked, plain)


def brief_stream() -> Workload:
    """Return the small stream that is asked for again and again while pictures come."""
    body = _chat("bench-brief", _PROSE, stream=True)
    asked = Question("/v1/chat/completions", body, SHORT, DONE)
    return Workload("brief", "20-chunk stream, every 10 ms", 16, 320, asked, _to("/brief", asked))


def _small(name: str, model: str) -> Workload:
    body = _chat(model, _PROSE, stream=False)
    return Workload(
        name,
        f"2 KB request, model `{model}`",
        connections=64,
        requests=6000,
        asked=Question("/v1/chat/completions", body, SHORT, b'"finish_reason"'),
        plain=Question("/v1/chat/completions", body, SHORT, b'"finish_reason"'),
        limit=0.35,
        aim=0.20,
    )


def _small_gemini() -> Workload:
    asked = Question(_PATH, _chat("bench-gemini", _PROSE, stream=False), SHORT, b'"finish_reason"')
    return Workload("2kb-gemini", "2 KB, Gemini", 64, 6000, asked, _natively(asked), 0.5, 0.3)


def _agents() -> tuple[Workload, ...]:
    """What a coding agent sends: forty turns, their tools, and what these have said."""
    made = []
    for name, model in (("64kb", "bench-text"), ("64kb-gemini", "bench-gemini")):
        told = {"model": model, "stream": False, "tools": _tools(), "messages": _turns()}
        asked = Question(_PATH, json.dumps(told).encode(), SHORT, b'"finish_reason"')
        plain = asked if model == "bench-text" else _natively(asked)
        made.append(Workload(name, f"64 KB, 40 turns, tools, `{model}`", 32, 1500, asked, plain))
    return tuple(made)


def _turns() -> list[dict[str, object]]:
    turns: list[dict[str, object]] = [{"role": "system", "content": _SYSTEM}]
    for at in range(13):
        call = {"name": "read_file", "arguments": json.dumps({"path": f"src/room_{at}.py"})}
        calls = [{"id": f"call_{at:024}", "type": "function", "function": call}]
        turns += [
            {"role": "user", "content": _PROSE[:1300]},
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "tool_call_id": f"call_{at:024}", "content": _PROSE + _PROSE[:1200]},
        ]
    return turns


def _tools() -> list[dict[str, object]]:
    schema = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
    said = "Do this to a file of the workspace, and say what came of it."
    return [
        {
            "type": "function",
            "function": {"name": name, "description": said, "parameters": schema},
        }
        for name in ("read_file", "write_file", "list_files", "search", "run_tests", "apply_patch")
    ]


def _large() -> tuple[Workload, ...]:
    one, eight = _pictured(500), _pictured(1414)
    return (
        Workload("1mb", "1 MB body with a picture", 8, 600, one, one, 3.0, 2.2),
        Workload("8mb", "8 MB body with a picture", 4, 60, eight, eight),
    )


def _pictured(side: int) -> Question:
    picture = base64.b64encode(png(side, side)).decode()
    content = [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}},
        {"type": "text", "text": "Name the elements of this screen."},
    ]
    body = _chat("bench-text", content, stream=False)
    return Question(_PATH, body, SHORT, b'"finish_reason"')


def _streams() -> tuple[Workload, ...]:
    burst, paced, gemini, slowly = (
        Question(_PATH, _chat(model, _PROSE, stream=True), STREAMED, DONE)
        for model in ("bench-burst", "bench-paced", "bench-gemini", "bench-gemini-paced")
    )
    native = Question(f"{_NATIVE}:streamGenerateContent?alt=sse", _native(), STREAMED, STOPPED)
    natively, plain = _to("/paced", native), _to("/paced", paced)
    at_once, every = "200-chunk stream, at once", "200-chunk stream, every 10 ms"
    return (
        Workload("burst", at_once, 32, 1200, burst, _to("/burst", burst), 1.2, 0.8),
        Workload("paced", every, 64, 192, paced, plain, 17.0, 13.0),
        Workload("gemini", f"{at_once}, Gemini", 32, 600, gemini, native, 3.0, 1.5),
        Workload("paced-gemini", f"{every}, Gemini", 64, 192, slowly, natively, 20.0, 15.0),
    )


_PATH = "/v1/chat/completions"
_NATIVE = "/v1beta/models/bench-model"


def _natively(asked: Question) -> Question:
    return Question(f"{_NATIVE}:generateContent", _native(), asked.words, STOPPED)


def _to(behaviour: str, question: Question) -> Question:
    """Return *question* as it has to be asked of the upstream itself."""
    return Question(behaviour + question.path, question.body, question.words, question.ending)


_PROSE = "Refactor this function and say what it promises; keep its callers as they are. " * 23
_SYSTEM = "You are a senior engineer of a design lab. Answer briefly, with code where code helps."


def _chat(model: str, content: object, *, stream: bool) -> bytes:
    messages = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": content}]
    asked = {"model": model, "stream": stream, "temperature": 0.2, "messages": messages}
    return json.dumps(asked).encode()


def _native() -> bytes:
    return json.dumps(
        {
            "system_instruction": {"parts": [{"text": _SYSTEM}]},
            "contents": [{"role": "user", "parts": [{"text": _PROSE}]}],
            "generationConfig": {"temperature": 0.2},
        }
    ).encode()


def png(width: int, height: int) -> bytes:
    """Return a valid PNG of noise: three bytes for every pixel, nothing saved by packing."""
    noise = random.Random(width * height)  # the same picture every time
    rows = b"".join(b"\0" + noise.randbytes(width * 3) for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 0)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_png_chunk(kind, data) for kind, data in chunks)


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    checked = kind + data
    return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))
