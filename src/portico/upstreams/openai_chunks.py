"""OpenAI's chunks and completions -> deltas: typed, so that only what is named here passes."""

import json
import secrets
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from portico.chat.reply import Batch, Delta, ToolCallDelta, Usage
from portico.routing.attempts import Failure, Kind
from portico.upstreams.faults import from_event
from portico.upstreams.flavours import BREAKDOWNS, FINISHES


class _Function(Struct, gc=False):
    name: str | None = None
    arguments: str | dict[str, Any] | None = None  # some send the object itself


class _Call(Struct, gc=False):
    index: int | None = None
    id: str | int | None = None
    function: _Function | None = None


class _Piece(Struct, gc=False):
    text: str | None = None


class _Said(Struct, gc=False):
    content: str | list[_Piece] | None = None
    reasoning_content: str | None = None
    reasoning: str | dict[str, Any] | list[Any] | None = None  # OpenRouter, vLLM
    thinking: str | dict[str, Any] | list[Any] | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None
    function_call: _Function | None = None


class _Choice(Struct, gc=False):
    delta: _Said | None = None
    message: _Said | None = None
    finish_reason: str | None = None
    index: int | None = None
    logprobs: dict[str, Any] | None = None


class _InputDetails(Struct, gc=False):
    cached_tokens: int | None = None


class _OutputDetails(Struct, gc=False):
    reasoning_tokens: int | None = None


class _Counts(Struct, gc=False):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_cache_hit_tokens: int | None = None
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None


class _Chunk(Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: _Counts | None = None
    error: Any = None
    code: Any = None
    message: Any = None


_decode = msgspec.json.Decoder(_Chunk).decode
_encode = msgspec.json.Encoder().encode
_lenient = json.JSONDecoder(strict=False).decode  # clients read a bare line end in a string, too
_NOTHING = _Said()
_NAMELESS = _Function()


class Reading:
    """
    One answer, from its chunks to its deltas; a whole completion is an answer of one chunk.

    `failure` is set by what ends an answer badly, and nothing after it is read. `done` says that
    `[DONE]` was seen, `heard` that something had choices. *now* is in epoch seconds.
    """

    def __init__(self, flavour: str, *, now: float, choices: int = 1) -> None:
        self.failure: Failure | None = None
        self.done = False
        self.heard = False
        self._flavour = flavour
        self._now = now
        self._choices = choices
        self._voices: dict[int, _Voice] = {}

    def feed(self, payloads: Sequence[bytes]) -> Batch:
        """Return the deltas of *payloads*; those before a failure are given."""
        batch: Batch = []
        counts: _Counts | None = None
        for payload in payloads:
            if payload.startswith(b"[DONE]"):
                self.done = True
            if self.over:
                break
            try:
                chunk = _decode(payload)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                self.failure = Failure(Kind.GARBLED, "a chunk is not OpenAI's")
                break
            counts = chunk.usage or counts
            if chunk.error or chunk.choices is None:
                self._strange(chunk, payload)
            else:
                self.heard = True
                for choice in chunk.choices:
                    self._choice(choice, batch)
        if counts is not None:
            _count(counts, batch)
        return batch

    @property
    def over(self) -> bool:
        """True once nothing more is read."""
        return self.done or self.failure is not None

    def end(self) -> Failure | None:
        """Return why the answer, now that nothing more comes, is not whole; None if it is."""
        if self.failure is not None:
            return self.failure
        spoken = finished = 0
        for voice in self._voices.values():
            spoken += voice.spoke or voice.finish is not None
            finished += voice.finish is not None
        if not spoken:
            return Failure(Kind.UNAVAILABLE, "empty answer")
        missing = 0 if self.done else self._choices - len(self._voices)
        if missing > 0 or finished < len(self._voices):
            return Failure(Kind.UNAVAILABLE, "the stream ended without a finish reason")
        return None

    def _strange(self, chunk: _Chunk, payload: bytes) -> None:
        """An error object, in OpenAI's shape or SiliconFlow's; anything else is no answer."""
        if chunk.error or chunk.code is not None or chunk.message is not None:
            self.failure = from_event(self._flavour, payload, now=self._now)

    def _choice(self, choice: _Choice, batch: Batch) -> None:
        said = choice.delta or choice.message or _NOTHING
        index = choice.index or 0
        voice = self._voices.get(index)
        if voice is None:
            voice = self._voices[index] = _Voice()
        text = said.content
        if isinstance(text, list):
            text = "".join(piece.text or "" for piece in text)
        reasoning = said.reasoning_content or _text(said.reasoning) or _text(said.thinking)
        calls = voice.calls(said, whole=choice.delta is None)
        if text or reasoning or calls or said.refusal:
            voice.spoke = True
        finish = self._finish(choice.finish_reason, voice) if choice.finish_reason else None
        if text or finish or reasoning or calls or said.refusal:
            batch.append(
                Delta(
                    text or "",
                    reasoning,
                    calls,
                    finish,
                    None,
                    index,
                    said.refusal or "",
                    Raw(_encode(choice.logprobs)) if choice.logprobs else None,
                )
            )

    def _finish(self, reason: str, voice: "_Voice") -> str | None:
        if voice.finish is not None:  # said twice: the first counts
            return None
        told = reason.lower()
        finish = FINISHES.get(told)
        if finish is None:
            kind = BREAKDOWNS.get(told, Kind.GARBLED)
            # Whatever an unknown reason means, it does not say that the answer is whole.
            self.failure = Failure(kind, f"the answer ended with {told[:40]!r}")
            return None
        if finish in ("stop", "tool_calls"):
            if not voice.spoke:
                self.failure = Failure(Kind.UNAVAILABLE, "empty answer")
                return None
            if voice.malformed:
                self.failure = Failure(Kind.GARBLED, "the model made a malformed function call")
                return None
            finish = "tool_calls" if voice.called else "stop"
        voice.finish = finish
        return finish


class _Voice:
    """What one of the choices has said so far."""

    __slots__ = ("_given", "_ids", "_named", "_ours", "finish", "spoke")

    def __init__(self) -> None:
        self.spoke = False
        self.finish: str | None = None
        self._ours: dict[int, int] = {}  # the provider's index of a call -> ours
        self._ids: list[str] = []  # the provider's, by our index; "" where it gave none
        self._named: list[bool] = []
        self._given: list[list[str]] = []  # the pieces of each call's arguments

    @property
    def malformed(self) -> bool:
        """True if the arguments of a call, now that all have come, are no JSON; "" may be."""
        try:
            for given in map("".join, self._given):
                if given.strip():
                    _lenient(given)
        except (ValueError, RecursionError):
            return True
        return False

    @property
    def called(self) -> bool:
        """True once a tool was called."""
        return bool(self._ids)

    def calls(self, said: _Said, *, whole: bool) -> tuple[ToolCallDelta, ...]:
        """Return the pieces of tool calls, with our indices; only missing ids are made up."""
        pieces = said.tool_calls
        if not pieces:
            if said.function_call is None or not (said.function_call.name or self._ids):
                return ()
            pieces = [_Call(index=0, function=said.function_call)]
        if whole:
            pieces = [_Call(at, each.id, each.function) for at, each in enumerate(pieces)]
        found = [self._piece(piece) for piece in pieces]
        return tuple(piece for piece in found if piece is not None)

    def _piece(self, piece: _Call) -> ToolCallDelta | None:
        function = piece.function or _NAMELESS
        given = str(piece.id or "")
        at = self._place(piece.index, given, bool(function.name))
        new = at == len(self._ids)
        if new:
            self._ids.append(given)
            self._named.append(False)
            self._given.append([])
        name = None
        if function.name and not self._named[at]:
            name, self._named[at] = function.name, True
        arguments = function.arguments or ""
        if not isinstance(arguments, str):
            arguments = _encode(arguments).decode()
        if not new and not name and not arguments:
            return None
        self._given[at].append(arguments)
        own = (given or f"call_{secrets.token_hex(12)}") if new else None
        return ToolCallDelta(at, own, name, arguments)

    def _place(self, index: int | None, given: str, named: bool) -> int:
        """Which call a piece belongs to, also without an index, or under one index for all."""
        if index is None:
            if given and given in self._ids:
                return self._ids.index(given)
            starts = named or not self._ids
            return len(self._ids) - (0 if starts else 1)
        at = self._ours.get(index)
        if at is None or (named and given and self._ids[at] != given):
            at = self._ours[index] = len(self._ids)
        return at


def only_text(payload: bytes) -> str | None:
    """Return the text of a chunk that holds a piece of the first choice's, and nothing else."""
    try:
        chunk = _decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if chunk.error or chunk.usage is not None or not chunk.choices or len(chunk.choices) > 1:
        return None
    choice = chunk.choices[0]
    said = choice.delta
    if said is None or choice.index or choice.finish_reason or choice.logprobs:
        return None
    thought = said.reasoning_content or _text(said.reasoning) or _text(said.thinking)
    if thought or said.refusal or said.tool_calls or said.function_call:
        return None
    return said.content if isinstance(said.content, str) else None


def complete(payload: bytes) -> bool:
    """Return whether *payload* is one whole event, and not the beginning of one."""
    try:
        msgspec.json.decode(payload, type=Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return payload.startswith(b"[DONE]")
    return True


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(counts: _Counts, batch: Batch) -> None:
    """Put the usage, which is cumulative, on the last delta of *batch*."""
    details, spent = counts.prompt_tokens_details, counts.completion_tokens_details
    cached = (details.cached_tokens if details else None) or counts.prompt_cache_hit_tokens
    usage = Usage(
        counts.prompt_tokens or 0,
        counts.completion_tokens or 0,
        cached or 0,
        (spent.reasoning_tokens if spent else None) or 0,
    )
    if batch:
        batch[-1] = msgspec.structs.replace(batch[-1], usage=usage)
    else:
        batch.append(Delta(usage=usage))
