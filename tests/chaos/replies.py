"""What a caller got, read strictly: an answer that looks complete, an error, or neither."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

DONE = "[DONE]"
CODES = {
    400: {"upstream_rejected", "malformed_request"},
    404: {"model_not_found"},
    413: {"context_length_exceeded"},
    422: {"no_capable_target"},
    429: {"upstream_rate_limited", "quota_exceeded"},
    502: {"unanswered"},
    503: {"gateway_overloaded", "store_unavailable"},
    504: {"unanswered"},
}
"""The error answers there are; a stream that has begun ends with one of them or is broken."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What one choice of an answer says, all of its chunks together."""

    text: str
    reasoning: str
    calls: tuple[tuple[str, str], ...]  # names and arguments
    finish: str | None


@dataclass(frozen=True, slots=True)
class Reply:
    """
    One HTTP answer. `events` are the JSON values it holds: a stream's, or the only one.

    `complete` is what a client goes by: a whole body with status 200, or `[DONE]`.
    """

    status: int
    headers: Mapping[str, str]
    streamed: bool
    complete: bool
    events: list[dict[str, Any]]
    complaints: list[str] = field(default_factory=list)  # what no client could make sense of

    @property
    def error(self) -> dict[str, Any] | None:
        """The error told, instead of an answer or at its end."""
        found: dict[str, Any] | None = self.events[-1].get("error") if self.events else None
        return found

    @property
    def chunks(self) -> list[dict[str, Any]]:
        """The events that are parts of an answer."""
        return [event for event in self.events if "error" not in event]

    @property
    def rescues(self) -> list[str]:
        """How those who took over took up the thread, as the `portico` field tells it."""
        told = [chunk.get("portico", {}).get("rescued") for chunk in self.chunks]
        return [rescued["kind"] for rescued in told if rescued]

    @property
    def usage(self) -> dict[str, Any] | None:
        """The tokens told, if any were."""
        return next((c["usage"] for c in reversed(self.chunks) if c.get("usage")), None)

    def voices(self) -> list[tuple[str, str]]:
        """Return who said what of the first choice: one pair for each `model` in a row."""
        said = [
            (chunk["model"], _text(part))
            for chunk in self.chunks
            for part in chunk["choices"]
            if part["index"] == 0
        ]
        return [
            (model, "".join(text for _, text in texts))
            for model, texts in groupby(said, key=lambda pair: pair[0])
        ]

    def spoken(self) -> dict[int, Spoken]:
        """Return the choices, added up."""
        parts: dict[int, list[dict[str, Any]]] = {}
        for chunk in self.chunks:
            for part in chunk["choices"]:
                parts.setdefault(part["index"], []).append(part)
        return {index: _added(found) for index, found in sorted(parts.items())}


def read(status: int, headers: Mapping[str, str], body: bytes, *, left: bool = False) -> Reply:
    """Read an answer; *left*: the caller did not wait for its end."""
    if "event-stream" in headers.get("content-type", ""):
        return _stream(status, headers, body, left=left)
    try:
        events = [json.loads(body)]
    except ValueError:
        return Reply(status, headers, False, False, [], [] if left else ["the body is not JSON"])
    whole = status == 200 and "error" not in events[0]
    return Reply(status, headers, False, whole, events)


def _stream(status: int, headers: Mapping[str, str], body: bytes, *, left: bool) -> Reply:
    *blocks, rest = body.decode(errors="replace" if left else "strict").split("\n\n")
    complaints = ["half an event at the end"] if rest and not left else []
    payloads = [b.removeprefix("data: ") for b in blocks if not b.startswith(":")]
    done = DONE in payloads
    if done and payloads[-1] != DONE:
        complaints.append("something comes after [DONE]")
    events = [json.loads(payload) for payload in payloads if payload != DONE]
    failed = [at for at, event in enumerate(events) if "error" in event]
    if failed and (done or failed != [len(events) - 1]):
        complaints.append("an error is not the last that is said")
    if not (done or failed or left):
        complaints.append("the stream ends with neither [DONE] nor an error")
    return Reply(status, headers, True, done, events, complaints)


def envelope_faults(reply: Reply) -> list[str]:
    """Return what is wrong with an error as it was told."""
    error = reply.error
    if error is None:
        return ["neither an answer nor an error"]
    found = [f"no `{name}`" for name in ("message", "type", "param", "code") if name not in error]
    if error.get("source") not in ("client", "gateway", "upstream"):
        found.append(f"source {error.get('source')!r}")
    if error.get("request_id") != reply.headers.get("x-portico-request-id"):
        found.append("another request's id")
    allowed = set().union(*CODES.values(), {"stream_broken"})
    if not reply.streamed:
        allowed = CODES.get(reply.status, set())
    if error.get("code") not in allowed:
        found.append(f"status {reply.status} with code {error.get('code')!r}")
    return found


def bare(text: str) -> str:
    """Return *text* without white space: a seam may have more or less of it."""
    return "".join(text.split())


def _text(part: dict[str, Any]) -> str:
    return (part.get("delta") or part.get("message") or {}).get("content") or ""


def _added(parts: list[dict[str, Any]]) -> Spoken:
    said = [part.get("delta") or part.get("message") or {} for part in parts]
    names: dict[int, str] = {}
    arguments: dict[int, str] = {}
    for delta in said:
        for at, call in enumerate(delta.get("tool_calls") or ()):
            index = call.get("index", at)
            names[index] = names.get(index, "") + (call["function"].get("name") or "")
            arguments[index] = arguments.get(index, "") + call["function"]["arguments"]
    return Spoken(
        text="".join(map(_text, parts)),
        reasoning="".join(delta.get("reasoning_content") or "" for delta in said),
        calls=tuple((names[index], arguments[index]) for index in sorted(names)),
        finish=next((p["finish_reason"] for p in reversed(parts) if p["finish_reason"]), None),
    )
