"""Questions for upstreams of OpenAI's dialect, made from the body a client would send."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw

from portico.chat.request import ChatBody, ChatRequest
from portico.routing.tiers import Target
from portico.upstreams.base import Ask
from portico.upstreams.flavours import flavour_of
from portico.upstreams.openai_request import encode
from portico.upstreams.reasonings import Reasonings

MODEL = "deepseek-flash"
FEATURES = frozenset({"tools", "json_object", "thinking"})


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def called(name: str, ident: str, content: str | None = None) -> dict[str, Any]:
    call = {"id": ident, "type": "function", "function": {"name": name, "arguments": "{}"}}
    return {"role": "assistant", "content": content, "tool_calls": [call]}


def request(messages: list[dict[str, Any]] | str = "Hello", **body: Any) -> ChatRequest:
    """A `ChatRequest` as the edge makes it: typed, and raw as it came."""
    said = [user(messages)] if isinstance(messages, str) else messages
    whole = msgspec.json.encode({"model": "design", "messages": said, **body})
    typed = msgspec.json.decode(whole, type=ChatBody)
    return ChatRequest.of(typed, msgspec.json.decode(whole, type=dict[str, Raw]))


def ask(
    messages: list[dict[str, Any]] | str = "Hello",
    *,
    model: str = MODEL,
    features: Sequence[str] = tuple(FEATURES),
    mend: Sequence[str] = (),
    max_output: int | None = None,
    **body: Any,
) -> Ask:
    target = Target("t", "up", model, features=frozenset(features), max_output=max_output)
    return Ask(request(messages, **body), target, frozenset(mend))


def sent(asked: Ask, flavour: str = "generic", kept: Reasonings | None = None) -> Any:
    """The JSON that the provider would be sent."""
    return msgspec.json.decode(encode(asked, flavour_of(flavour), kept or Reasonings()))
