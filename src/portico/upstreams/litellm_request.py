"""A chat request -> the arguments of `litellm.acompletion`."""

from collections.abc import Collection, Iterator

import msgspec
from msgspec import Raw

from portico.chat.aside import peek, put_back
from portico.chat.messages import Message, Part
from portico.chat.request import ChatRequest
from portico.routing.attempts import Failure, Kind
from portico.upstreams.base import Ask, UpstreamFailed

type Arguments = dict[str, object]

WISHES = frozenset(
    {
        "frequency_penalty",
        "parallel_tool_calls",
        "presence_penalty",
        "reasoning_effort",
        "seed",
        "temperature",
        "thinking",
        "top_p",
    }
)
"""Fields that a provider may be unable to grant without its answer being wrong: left out then."""

PROMISES = frozenset(
    {
        "audio",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "n",
        "response_format",
        "stop",
        "tool_choice",
        "tools",
        "top_logprobs",
        "web_search_options",
    }
)
"""Fields whose loss would make an answer silently wrong: refused by name where not known."""

THINKERS = frozenset({"anthropic", "azure_ai", "bedrock"})
"""Providers that want their own signed thoughts back with a tool's result."""

BOUNDED = frozenset({"anthropic"})
"""Providers whose answers are cut at LiteLLM's own guess unless they are told a bound."""

HARMLESS: dict[str, object] = {"n": 1, "tool_choice": "auto"}
"""What says no more than leaving the field out."""

PEEK = 64
"""Characters of a picture's base64 by which it is known again."""

_raw_messages = msgspec.json.Decoder(list[dict[str, object]])


def arguments(ask: Ask, provider: str, supported: Collection[str] | None) -> Arguments:
    """
    Return what to pass on of *ask*: its messages, and those fields that *provider* knows.

    *supported* are the names that LiteLLM can tell the provider, None where it does not say.
    Everything else is left out, unknown fields too: among LiteLLM's arguments are some that
    would choose another provider, or pretend to have asked one.

    Raises:
        UpstreamFailed: INCAPABLE, naming a field that would be ignored, or a link that LiteLLM
            would follow by itself.
    """
    request, target = ask.request, ask.target
    said: Arguments = {"messages": _messages(request)}
    for name in (WISHES | PROMISES) & request.fields.keys():
        value = _value(name, request.fields[name])
        if value is None:
            continue
        if supported is None or name in supported:
            said[name] = value
        elif name in PROMISES:
            raise _incapable(f"`{name}` would be ignored by {target.name}")
    if provider in THINKERS and _called(request.messages):
        # The thoughts that went with the call are not here: without them it is a 400.
        said.pop("thinking", None)
        said.pop("reasoning_effort", None)
    said |= _bound(ask, provider, supported)
    if request.stream:
        said |= {"stream": True, "stream_options": {"include_usage": True}}
    return said


def pictures(request: ChatRequest) -> tuple[bytes, ...]:
    """Return by what every inline picture of *request* is known again in the body that is sent."""
    links = (part.link for part in _parts(request.messages))
    return tuple(
        peek(link.url, request.aside, PEEK).partition(",")[2][:PEEK].encode()
        for link in links
        if link is not None and link.url.startswith("data:")
    )


def _value(name: str, raw: Raw) -> object:
    """Return what a field says, or None where it says nothing."""
    value: object = msgspec.json.decode(raw)
    if value in (HARMLESS.get(name), {"type": "text"}, [], {}):
        return None
    return None if name in PROMISES and isinstance(value, bool | str) and not value else value


def _messages(request: ChatRequest) -> list[dict[str, object]]:
    for part in _parts(request.messages):
        _look(part)
    came = request.fields.get("messages")
    if came is not None:
        return _raw_messages.decode(put_back(bytes(came), request.aside))
    plain = [msgspec.to_builtins(message) for message in request.messages]
    return [{name: value for name, value in one.items() if value is not None} for one in plain]


def _look(part: Part) -> None:
    """LiteLLM would fetch a linked picture itself: any address, past the egress path."""
    link, file = part.link, part.file
    if link is not None and not link.url.startswith("data:"):
        raise _incapable("a linked picture cannot be handed to LiteLLM; send it inline")
    if file is not None and not (file.file_data or "").startswith("data:"):
        raise _incapable("a file that is not inline cannot be handed to LiteLLM")


def _parts(messages: list[Message]) -> Iterator[Part]:
    for message in messages:
        if isinstance(message.content, list):
            yield from message.content


def _called(messages: list[Message]) -> bool:
    return any(message.tool_calls for message in messages)


def _bound(ask: Ask, provider: str, supported: Collection[str] | None) -> Arguments:
    """Bound the output under the name the caller used, never above what the target can write."""
    request, most = ask.request, ask.target.max_output
    if request.max_output is None:
        return {"max_tokens": most} if most and provider in BOUNDED else {}
    name = "max_completion_tokens" if request.max_completion_tokens else "max_tokens"
    if supported is not None and name not in supported:
        name = "max_tokens"
    return {name: min(request.max_output, most or request.max_output)}


def _incapable(why: str) -> UpstreamFailed:
    """Somebody else may be able: the next candidate is asked."""
    return UpstreamFailed(Failure(Kind.INCAPABLE, why))
