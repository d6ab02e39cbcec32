"""Questions for Gemini, made from what a client would send."""

from typing import Any

import msgspec

from portico.chat.messages import FunctionSpec, Message, Tool
from portico.chat.request import ChatRequest, JSONSchema, ResponseFormat
from portico.routing.tiers import Target
from portico.upstreams.base import Ask
from portico.upstreams.gemini_request import encode
from portico.upstreams.signatures import Signatures

MODEL = "gemini-3-flash-preview"


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def tool(name: str, parameters: Any = None, description: str | None = None) -> Tool:
    schema = None if parameters is None else raw(parameters)
    return Tool(FunctionSpec(name, description, schema))


def schema_format(schema: Any) -> ResponseFormat:
    return ResponseFormat("json_schema", JSONSchema(schema=raw(schema)))


def ask(
    messages: list[dict[str, Any]] | str = "Hello",
    *,
    model: str = MODEL,
    mend: tuple[str, ...] = (),
    max_output: int | None = None,
    extra: dict[str, Any] | None = None,
    **fields: Any,
) -> Ask:
    """An `Ask`; *extra* are top-level fields that `ChatRequest` has no name for."""
    said = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
    request = ChatRequest(
        model="design",
        messages=msgspec.convert(said, list[Message]),
        fields={name: raw(value) for name, value in (extra or {}).items()},
        **fields,
    )
    target = Target("flash", "google", model, max_output=max_output)
    return Ask(request, target, frozenset(mend))


def body(asked: Ask, signatures: Signatures | None = None) -> Any:
    """The JSON that Google would be sent."""
    return msgspec.json.decode(encode(asked, signatures or Signatures()))
