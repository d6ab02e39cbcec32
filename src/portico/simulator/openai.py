"""OpenAI's dialect: what it understands and what its flavours refuse (upstream-wire §2.2, §2.3)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from portico.simulator import pictures
from portico.simulator.calls import Call
from portico.simulator.flavours import Flavour
from portico.simulator.problems.base import Occasion
from portico.simulator.problems.openai import invalid
from portico.simulator.questions import JSON, Offer, Picture, Question, Turn
from portico.simulator.scripts import Refused

DEEPSEEK_PICTURE = 384
LINK_TOKENS = 765
NO_RESULT = (
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
    "'tool_call_id'. (insufficient tool messages following tool_calls message)"
)
STRAY_RESULT = (
    "Messages with role 'tool' must be a response to a preceding message with 'tool_calls'"
)
PATCH = 32
MAX_PATCHES = 16_384


def read(call: Call, flavour: Flavour) -> Question:
    """Understand a chat body; raises Refused with the flavour's own words."""
    body = call.body
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refused(flavour.problems["bad_request"](Occasion(call.model)))
    _check_results(messages)
    thinks = _thinks(flavour, call)
    if flavour.thinks == "default":
        _check_deepseek(call, flavour, thinks)
    choice, named = _choice(body.get("tool_choice"))
    return Question(
        model=call.model,
        turns=tuple(_turn(message, flavour) for message in messages),
        offers=tuple(_offers(body.get("tools") or ())),
        choice=choice,
        named=named,
        shape=_shape(body.get("response_format") or {}),
        limit=body.get("max_completion_tokens") or body.get("max_tokens"),
        stops=_stops(body.get("stop")),
        count=int(body.get("n") or 1),
        thinks=thinks,
        shows=thinks,
    )


def _check_results(messages: Sequence[JSON]) -> None:
    """Every tool call needs its result right behind it, and every result its call."""
    waiting: set[str] = set()
    for message in messages:
        if message.get("role") == "tool":
            if message.get("tool_call_id") not in waiting:
                raise Refused(invalid(STRAY_RESULT))
            waiting.discard(str(message["tool_call_id"]))
            continue
        if waiting:
            raise Refused(invalid(NO_RESULT))
        waiting = {str(call.get("id")) for call in message.get("tool_calls") or ()}
    if waiting:
        raise Refused(invalid(NO_RESULT))


def _thinks(flavour: Flavour, call: Call) -> bool:
    if flavour.thinks == "default":
        return str((call.body.get("thinking") or {}).get("type", "enabled")) != "disabled"
    return flavour.thinks == "enable_thinking" and bool(call.body.get("enable_thinking"))


def _check_deepseek(call: Call, flavour: Flavour, thinks: bool) -> None:
    """Refuse what DeepSeek refuses: a schema, json without the word, thoughts not handed back."""
    body, occasion = call.body, Occasion(call.model)
    kind = (body.get("response_format") or {}).get("type")
    if kind == "json_schema":
        raise Refused(flavour.problems["json_schema_unavailable"](occasion))
    if kind == "json_object" and not _says_json(body["messages"]):
        raise Refused(flavour.problems["no_json_word"](occasion))
    if thinks and body.get("tool_choice") not in (None, "auto"):
        raise Refused(flavour.problems["tool_choice"](occasion))
    if thinks and _forgot_reasoning(body["messages"]):
        raise Refused(flavour.problems["reasoning_missing"](occasion))


def _says_json(messages: Sequence[JSON]) -> bool:
    return any("json" in _text(message.get("content")).lower() for message in messages)


def _forgot_reasoning(messages: Sequence[JSON]) -> bool:
    answers = [message for message in messages if message.get("role") == "assistant"]
    if not any(message.get("tool_calls") for message in answers):
        return False
    return any(not isinstance(message.get("reasoning_content"), str) for message in answers)


def _choice(choice: Any) -> tuple[str, frozenset[str]]:
    if isinstance(choice, Mapping):
        name = (choice.get("function") or {}).get("name", "")
        return "required", frozenset({str(name)})
    return (choice if choice in ("none", "required") else "auto"), frozenset()


def _turn(message: JSON, flavour: Flavour) -> Turn:
    role = str(message.get("role"))
    speaker = {"developer": "system", "function": "tool"}.get(role, role)
    content = message.get("content")
    seen = tuple(_pictures(content, flavour)) if isinstance(content, list) else ()
    return Turn(speaker, _text(content), seen)


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(str(part["text"]) for part in content if part.get("text"))
    return str(content or "")


def _pictures(content: list[JSON], flavour: Flavour) -> Iterator[Picture]:
    for part in content:
        link = part.get("image_url")
        if not link:
            continue
        url = str(link.get("url", "") if isinstance(link, Mapping) else link)
        try:
            mime, encoded = pictures.data_uri(url)
        except ValueError:
            yield Picture("a link", tokens=LINK_TOKENS)
            continue
        width, height = pictures.size(encoded)
        yield Picture(mime, width, height, _cost(flavour, width, height))


def _cost(flavour: Flavour, width: int, height: int) -> int:
    if flavour.name == "deepseek":
        return DEEPSEEK_PICTURE
    patches = -(-width // PATCH) * -(-height // PATCH)
    return min(max(patches, 4), MAX_PATCHES)


def _offers(tools: Sequence[JSON]) -> Iterator[Offer]:
    for tool in tools:
        function = tool.get("function") or {}
        yield Offer(str(function.get("name", "")), function.get("parameters") or {})


def _shape(wanted: JSON) -> Mapping[str, Any] | None:
    if wanted.get("type") == "json_schema":
        schema: Mapping[str, Any] = (wanted.get("json_schema") or {}).get("schema") or {}
        return schema
    return {} if wanted.get("type") == "json_object" else None


def _stops(stop: Any) -> tuple[str, ...]:
    return (stop,) if isinstance(stop, str) else tuple(stop or ())
