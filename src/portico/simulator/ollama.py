"""Ollama's chat: newline-delimited JSON, enough that LiteLLM can be tried against it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from portico.simulator import pictures
from portico.simulator.answers import Answer, pieces
from portico.simulator.calls import Call
from portico.simulator.dialects import Stamp
from portico.simulator.faults import Fault
from portico.simulator.problems import ollama
from portico.simulator.problems.base import Problems
from portico.simulator.questions import JSON, Offer, Picture, Question, Turn, quarter
from portico.simulator.scripts import Event, Problem

PICTURE_TOKENS = 256
NDJSON = "application/x-ndjson"


class Ollama:
    """`POST /api/chat`, which streams unless told not to."""

    problems: Problems = ollama.PROBLEMS

    def read(self, call: Call) -> Question:
        """Understand a chat body; raises an error of Python's for a malformed one."""
        body, options = call.body, call.body.get("options") or {}
        functions = [tool["function"] for tool in body.get("tools") or ()]
        limit = int(options.get("num_predict") or -1)
        return Question(
            model=call.model,
            turns=tuple(_turn(message) for message in body["messages"]),
            offers=tuple(Offer(one["name"], one.get("parameters") or {}) for one in functions),
            shape=_shape(body.get("format")),
            limit=limit if limit > 0 else None,
            stops=tuple(options.get("stop") or ()),
            thinks=bool(body.get("think")),
            shows=bool(body.get("think")),
        )

    def events(self, call: Call, answer: Answer, stamp: Stamp) -> list[Event]:
        """Return one object per word and a last one with the counts, or one for everything."""
        if call.stream:
            return list(_chunks(call, answer, stamp))
        said: JSON = {"role": "assistant", "content": answer.text}
        if answer.reasoning:
            said["thinking"] = answer.reasoning
        if answer.calls:
            said["tool_calls"] = _tool_calls(answer)
        data = _data(call, stamp, said) | _end(answer)
        return [Event(data, answer.output, delta=True, finish=True)]

    def spoil(self, fault: Fault, events: list[Event]) -> list[Event]:
        """Return *events*: no fault is this dialect's own."""
        return events

    def frame(self, call: Call, events: Sequence[Event]) -> list[bytes]:
        """One JSON object a line."""
        return [msgspec.json.encode(event.data) + b"\n" for event in events]

    def headers(self, call: Call, stamp: Stamp) -> dict[str, str]:
        """Return the content type."""
        return {"content-type": NDJSON if call.stream else "application/json; charset=utf-8"}

    def waiting(self, call: Call) -> bytes:
        """Ollama says nothing while it loads a model."""
        return b""

    def broken(self, call: Call, problem: Problem, variant: str) -> bytes:
        """Return an error as a line of the stream."""
        return problem.data + b"\n"


def _turn(message: JSON) -> Turn:
    images = message.get("images") or ()
    return Turn(message["role"], str(message.get("content") or ""), tuple(map(_picture, images)))


def _picture(encoded: str) -> Picture:
    width, height = pictures.size(encoded)
    return Picture("an image", width, height, PICTURE_TOKENS)


def _shape(wanted: Any) -> JSON | None:
    if wanted == "json":
        return {}
    return wanted if isinstance(wanted, dict) else None


def _chunks(call: Call, answer: Answer, stamp: Stamp) -> Iterator[Event]:
    spoken = [("thinking", piece) for piece in pieces(answer.reasoning)]
    spoken += [("content", piece) for piece in pieces(answer.text)]
    written = {"thinking": 0, "content": 0}
    for field, piece in spoken:
        written[field] += len(piece)
        said: JSON = {"role": "assistant", "content": "", field: piece}
        spent = quarter(written["thinking"]) + quarter(written["content"])
        yield Event(_data(call, stamp, said) | {"done": False}, spent, delta=True)
    if answer.calls:
        said = {"role": "assistant", "content": "", "tool_calls": _tool_calls(answer)}
        yield Event(_data(call, stamp, said) | {"done": False}, answer.output, delta=True)
    last: JSON = {"role": "assistant", "content": ""}
    yield Event(_data(call, stamp, last) | _end(answer), answer.output, finish=True)


def _tool_calls(answer: Answer) -> list[JSON]:
    return [{"function": {"name": call.name, "arguments": call.arguments}} for call in answer.calls]


def _data(call: Call, stamp: Stamp, said: JSON) -> JSON:
    created = datetime.fromtimestamp(stamp.created, UTC).isoformat()
    return {"model": call.model, "created_at": created, "message": said}


def _end(answer: Answer) -> JSON:
    return {
        "done": True,
        "done_reason": "length" if answer.finish == "length" else "stop",
        "total_duration": 1_000_000,
        "load_duration": 0,
        "prompt_eval_count": answer.input,
        "prompt_eval_duration": 1_000_000,
        "eval_count": answer.output,
        "eval_duration": 1_000_000,
    }
