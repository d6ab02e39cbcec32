"""Gemini's GenerateContentResponse as deltas and failures. Pure but for the keeper."""

import secrets
from collections.abc import Iterable, Mapping

from msgspec import DecodeError, Raw, Struct
from msgspec.json import Decoder, encode, format
from msgspec.structs import replace

from portico.chat.reply import Batch, Delta, ToolCallDelta, Usage
from portico.routing.attempts import Failure, Kind
from portico.upstreams.base import UpstreamFailed
from portico.upstreams.signatures import Signatures

FILTERED = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "MODEL_ARMOR",
    }
)
"""The finish reasons (upstream-wire §2.1) that OpenAI's clients know as `content_filter`."""

FAULTS: Mapping[str, Failure] = {
    "MALFORMED_FUNCTION_CALL": Failure(Kind.GARBLED, "the model made a malformed function call"),
    "UNEXPECTED_TOOL_CALL": Failure(Kind.GARBLED, "the model called a tool it does not have"),
    "TOO_MANY_TOOL_CALLS": Failure(Kind.GARBLED, "the model made too many tool calls"),
    "MALFORMED_RESPONSE": Failure(Kind.GARBLED, "the model's answer was malformed"),
    "MISSING_THOUGHT_SIGNATURE": Failure(
        Kind.TRANSLATION, "a thought signature is missing", mend="signatures"
    ),
}
"""The finish reasons that mean there is no answer; any other but STOP and MAX_TOKENS is
`unavailable`, because a cut answer must never look complete."""

_UNFINISHED = frozenset({None, "", "FINISH_REASON_UNSPECIFIED"})
_NOTHING = Raw()
_NULL = b"null"


class _FunctionCall(Struct, rename="camel", gc=False):
    name: str = ""
    id: str | None = None
    args: Raw = _NOTHING


class _Part(Struct, rename="camel"):
    text: str | None = None
    thought: bool = False
    function_call: _FunctionCall | None = None
    thought_signature: str | None = None
    inline_data: object = None


class _Content(Struct):
    parts: list[_Part] | None = None


class _Token(Struct, rename="camel", gc=False):
    token: str = ""
    log_probability: float = 0.0


class _Top(Struct):
    candidates: list[_Token] = []


class _Logprobs(Struct, rename="camel"):
    chosen_candidates: list[_Token] = []
    top_candidates: list[_Top] = []


class _Candidate(Struct, rename="camel"):
    content: _Content | None = None
    finish_reason: str | None = None
    index: int = 0
    logprobs_result: _Logprobs | None = None


class _Feedback(Struct, rename="camel", gc=False):
    block_reason: str | None = None


class _Chunk(Struct, rename="camel"):
    candidates: list[_Candidate] | None = None
    prompt_feedback: _Feedback | None = None
    usage_metadata: Raw = _NOTHING  # cumulative: only the last of a batch is worth reading
    error: object = None


class _Usage(Struct, rename="camel", gc=False):
    prompt_token_count: int = 0
    tool_use_prompt_token_count: int = 0
    candidates_token_count: int = 0
    thoughts_token_count: int = 0
    cached_content_token_count: int = 0


_CHUNK = Decoder(_Chunk)
_USAGE = Decoder(_Usage)


class NotAnAnswer(Exception):
    """A payload that is an error object, or not the API's JSON at all."""

    def __init__(self, payload: bytes) -> None:
        super().__init__("not the API's answer")  # which may be somebody's text: it stays out
        self.payload = payload


class _Told:
    """What one choice has said so far."""

    __slots__ = ("calls", "finished", "spoke")

    def __init__(self) -> None:
        self.spoke = False
        self.calls = 0
        self.finished = False


class Answer:
    """
    One answer being read, chunk by chunk or whole.

    *owner* is whose signatures come with it, *choices* how many were asked for.
    """

    def __init__(self, signatures: Signatures, owner: str, choices: int = 1) -> None:
        self._signatures = signatures
        self._owner = owner
        self._choices = choices
        self._told: dict[int, _Told] = {}

    @property
    def begun(self) -> bool:
        """True once the API has answered with a candidate."""
        return bool(self._told)

    @property
    def finished(self) -> bool:
        """True once every choice that has begun has a finish reason, and at least one has."""
        return bool(self._told) and all(told.finished for told in self._told.values())

    def take(self, payloads: Iterable[bytes]) -> Batch:
        """
        Return what *payloads* say; the usage so far is on the last delta.

        Raises:
            NotAnAnswer: one holds something else; what came before it is lost with it.
            UpstreamFailed: the model gave no answer, or none that may be relayed.
        """
        batch: Batch = []
        metadata = _NOTHING
        for payload in payloads:
            chunk = _read(_CHUNK, payload)
            metadata = chunk.usage_metadata or metadata
            if chunk.candidates:
                for candidate in chunk.candidates:
                    self._candidate(candidate, batch)
            elif chunk.error is not None:
                raise NotAnAnswer(payload)
            elif chunk.prompt_feedback is not None and chunk.prompt_feedback.block_reason:
                blocked = f"the prompt was blocked: {chunk.prompt_feedback.block_reason}"
                raise UpstreamFailed(Failure(Kind.REFUSED, blocked, 200))
        if metadata and bytes(metadata) != _NULL:
            last = batch.pop() if batch else Delta()
            batch.append(replace(last, usage=_usage(metadata)))
        return batch

    def _candidate(self, candidate: _Candidate, batch: Batch) -> None:
        told = self._told.get(candidate.index)
        if told is None:
            told = self._told[candidate.index] = _Told()
        text = reasoning = ""
        calls: list[ToolCallDelta] = []
        for part in (candidate.content and candidate.content.parts) or ():
            if part.function_call is not None:
                calls.append(self._call(part.function_call, part.thought_signature, told))
            elif part.inline_data is not None:
                # No field carries it to the client, and leaving it out would be a lie.
                raise UpstreamFailed(Failure(Kind.INCAPABLE, "the answer holds a picture"))
            elif part.thought:
                reasoning += part.text or ""
            else:
                text += part.text or ""
        if text or reasoning or calls:
            told.spoke = True
        finish = self._finish(candidate.finish_reason, told)
        logprobs = candidate.logprobs_result
        if text or reasoning or calls or finish:
            batch.append(
                Delta(
                    text=text,
                    reasoning=reasoning,
                    tool_calls=tuple(calls),
                    finish=finish,
                    choice=candidate.index,
                    logprobs=None if logprobs is None else _logprobs(logprobs),
                )
            )

    def _call(self, call: _FunctionCall, signature: str | None, told: _Told) -> ToolCallDelta:
        call_id = call.id or f"call_{secrets.token_hex(12)}"  # older models give none
        if signature:
            self._signatures.remember(self._owner, call_id, signature)
        given = bytes(call.args)
        arguments = "{}" if given in (b"", _NULL) else format(given, indent=-1).decode()
        index = told.calls
        told.calls += 1
        return ToolCallDelta(index, call_id, call.name, arguments)

    def _finish(self, reason: str | None, told: _Told) -> str | None:
        if reason in _UNFINISHED:
            return None
        told.finished = True
        if reason == "MAX_TOKENS":  # also where thinking has used them up
            return "length"
        if reason == "STOP" and told.spoke:
            return "tool_calls" if told.calls else "stop"
        if reason in FILTERED and (self._choices > 1 or told.spoke):
            return "content_filter"
        raise UpstreamFailed(_fault(reason))


def _read[T](decoder: Decoder[T], payload: bytes | Raw) -> T:
    try:
        return decoder.decode(payload)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        raise NotAnAnswer(bytes(payload)) from None


def _fault(reason: str | None) -> Failure:
    if reason == "STOP":
        return Failure(Kind.UNAVAILABLE, "empty answer", 200)
    if reason in FILTERED:
        return Failure(Kind.REFUSED, f"the answer was blocked: {reason}", 200)
    return FAULTS.get(reason or "") or Failure(
        Kind.UNAVAILABLE, f"the answer ended early: {(reason or '')[:60]}", 200
    )


def _usage(metadata: Raw) -> Usage:
    counted = _read(_USAGE, metadata)
    return Usage(
        input=counted.prompt_token_count + counted.tool_use_prompt_token_count,
        output=counted.candidates_token_count + counted.thoughts_token_count,
        cached=counted.cached_content_token_count,
        reasoning=counted.thoughts_token_count,
    )


def _logprobs(result: _Logprobs) -> Raw:
    """Return OpenAI's `logprobs` of a choice."""
    tops = [top.candidates for top in result.top_candidates]
    tops += [[]] * (len(result.chosen_candidates) - len(tops))
    content = [
        {**_token(token), "top_logprobs": [_token(other) for other in others]}
        for token, others in zip(result.chosen_candidates, tops, strict=False)
    ]
    return Raw(encode({"content": content, "refusal": None}))


def _token(token: _Token) -> dict[str, object]:
    return {
        "token": token.token,
        "logprob": token.log_probability,
        "bytes": list(token.token.encode()),
    }
