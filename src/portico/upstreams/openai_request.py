"""A chat request -> the body an `openai` upstream is sent, rewritten as little as it needs."""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from portico.chat.messages import Message
from portico.chat.request import ChatRequest
from portico.routing.attempts import Failure, Kind
from portico.routing.tiers import Target
from portico.upstreams.base import Ask, UpstreamFailed
from portico.upstreams.flavours import Flavour, Thinking
from portico.upstreams.reasonings import Reasonings, Trail

type Body = dict[str, object]

OURS = frozenset({"model", "messages", "stream", "stream_options"})
"""Fields that are always written anew."""

EMPTY = frozenset({b"null", b"false", b'""', b"[]", b"{}"})

_encode = msgspec.json.Encoder().encode
_messages = msgspec.json.Decoder(list[Raw])
_message = msgspec.json.Decoder(dict[str, Raw])


def encode(ask: Ask, flavour: Flavour, reasonings: Reasonings) -> bytes:
    """
    Return the body for *ask*.

    The caller's fields pass as they came; `fields`, not the typed messages, is what is sent.
    Pictures that were laid aside are tickets in it. Repairs: `json_schema` (the schema goes into
    the prompt) and `reasoning` (thoughts are handed back, and thinking is off).

    Raises:
        UpstreamFailed: INCAPABLE, naming a field that this flavour would silently ignore;
            REJECTED, naming a field with an impossible value.
    """
    request, target = ask.request, ask.target
    body = _passing(request.fields, flavour, target)
    if not flavour.choices and (request.n or 1) > 1:
        raise _incapable("n", target)
    body["model"] = target.model
    if request.stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    _bound(body, request.max_output, target, flavour)
    _think(body, ask, flavour)
    body["messages"] = _said(ask, flavour, _instruct(body, ask, flavour), reasonings)
    return _encode(body)


def owner(target: Target) -> str:
    """Return under whose name the reasonings of *target* are kept."""
    return f"{target.upstream}/{target.model}"


def _passing(fields: Mapping[str, Raw], flavour: Flavour, target: Target) -> Body:
    for name in flavour.refuses & fields.keys():
        if not _is_empty(fields[name]):
            raise _incapable(name, target)
    left_out = flavour.drops | flavour.refuses | OURS
    body: Body = {name: raw for name, raw in fields.items() if name not in left_out}
    user = fields.get("user")
    if user is not None and bytes(user)[:1] != b'"':
        body.pop("user", None)  # Open WebUI's pipelines put an object there
    return body


def _is_empty(raw: Raw) -> bool:
    return memoryview(raw).nbytes < 6 and bytes(raw) in EMPTY


def _incapable(field: str, target: Target) -> UpstreamFailed:
    """Somebody else may know the field: the next candidate is asked."""
    return UpstreamFailed(Failure(Kind.INCAPABLE, f"`{field}` would be ignored by {target.name}"))


def _bound(body: Body, asked: int | None, target: Target, flavour: Flavour) -> None:
    """Bound the output under the name that is known; never above what the target can write."""
    if asked is None:
        return
    most = min(asked, target.max_output or asked)
    if flavour.bound:
        body.pop("max_completion_tokens", None)
        body.pop("max_tokens", None)
        body[flavour.bound] = most
    elif most < asked:
        for name in ("max_completion_tokens", "max_tokens"):
            if name in body:
                body[name] = most


def _think(body: Body, ask: Ask, flavour: Flavour) -> None:
    thinking, effort = flavour.thinking, ask.request.reasoning_effort
    if thinking is None:
        return
    body.pop("reasoning_effort", None)
    if _must_not_think(thinking, ask):
        for name in thinking.fields:
            body.pop(name, None)
        body.update(thinking.off)
    elif effort is not None and _told(thinking, ask.target):
        _exert(body, thinking, effort)


def _exert(body: Body, thinking: Thinking, effort: str) -> None:
    if effort != "none" and effort not in thinking.efforts:
        known = ", ".join(("none", *thinking.efforts))
        raise UpstreamFailed(Failure(Kind.REJECTED, f"`reasoning_effort` is none of: {known}"))
    if not thinking.fields & body.keys():
        body.update(thinking.off if effort == "none" else thinking.on)
    if effort != "none":
        body.setdefault(thinking.amount, thinking.efforts[effort])


def _told(thinking: Thinking, target: Target) -> bool:
    return not thinking.declared or "thinking" in target.features


def _must_not_think(thinking: Thinking, ask: Ask) -> bool:
    if "reasoning" in ask.mend:
        return _told(thinking, ask.target)
    choice = bytes(ask.request.tool_choice)
    return thinking.frees_tools and choice not in (b"", b"null", b'"auto"')


def _instruct(body: Body, ask: Ask, flavour: Flavour) -> str:
    """Return what has to be said in the prompt because `response_format` cannot say it."""
    request, mended = ask.request, "json_schema" in ask.mend
    wanted = request.response_format.type if request.response_format else "text"
    native = flavour.schemas and "json_schema" in ask.target.features
    if wanted == "json_schema" and (mended or not native):
        body["response_format"] = {"type": "json_object"}
        return SCHEMA + _schema(request)
    if wanted == "json_object" and mended:
        body.pop("response_format", None)
        return OBJECT
    if wanted == "json_object" and flavour.says_json:
        spoken = any("json" in message.text.lower() for message in request.messages)
        return "" if spoken else OBJECT
    return ""


OBJECT = "Answer in json: one object, and nothing else."
SCHEMA = (
    "Answer in json: one object that satisfies this JSON Schema, and nothing else, not even a "
    "code fence.\n"
)


def _schema(request: ChatRequest) -> str:
    shape = request.response_format and request.response_format.json_schema
    return (bytes(shape.schema).decode() if shape else "") or "{}"


def _said(
    ask: Ask, flavour: Flavour, instruction: str, reasonings: Reasonings
) -> Raw | list[object]:
    """Return the messages: as they came, unless one of them has to change."""
    request = ask.request
    changes = _changes(ask, flavour, reasonings)
    came = request.fields.get("messages")
    if came is not None and not changes and not instruction:
        return came
    said: list[object] = []
    said += _messages.decode(came) if came is not None else map(_plain, request.messages)
    for index, change in changes.items():
        said[index] = _opened(said[index]) | change
    return _with(instruction, said, request.messages) if instruction else said


def _plain(message: Message) -> dict[str, object]:
    told: dict[str, object] = msgspec.to_builtins(message)
    return {name: value for name, value in told.items() if value is not None}


def _opened(message: object) -> dict[str, object]:
    if isinstance(message, Raw):
        return dict(_message.decode(message))
    assert isinstance(message, dict)
    return message


def _with(instruction: str, said: list[object], messages: list[Message]) -> list[object]:
    """Say *instruction* in the system message; some templates take only one, and only first."""
    first = messages[0] if messages else None
    if first is None or first.role not in ("system", "developer"):
        return [{"role": "system", "content": instruction}, *said]
    opened = _opened(said[0])
    if isinstance(first.content, str):
        opened["content"] = f"{first.content}\n\n{instruction}"
    else:
        parts = msgspec.json.decode(_encode(opened.get("content")), type=list[Raw] | None)
        opened["content"] = [*(parts or ()), {"type": "text", "text": instruction}]
    return [opened, *said[1:]]


def _changes(ask: Ask, flavour: Flavour, reasonings: Reasonings) -> dict[int, Body]:
    messages = ask.request.messages
    changes: dict[int, Body] = {}
    if not flavour.developer:
        for index, message in enumerate(messages):
            if message.role == "developer":
                changes[index] = {"role": "system"}
    if "reasoning" in ask.mend or (flavour.wants_reasoning and _called(messages)):
        for index, reasoning in _thoughts(ask, reasonings):
            changes[index] = {"reasoning_content": reasoning}
    last = messages[-1] if messages else None
    if last and last.role == "assistant" and flavour.prefill and "prefill" in ask.target.features:
        changes.setdefault(len(messages) - 1, {})[flavour.prefill] = True
    return changes


def _called(messages: list[Message]) -> bool:
    return any(message.tool_calls or message.role == "tool" for message in messages)


def _thoughts(ask: Ask, reasonings: Reasonings) -> list[tuple[int, str]]:
    """The assistant's turns that came without their reasoning, and what is known of it."""
    found: list[tuple[int, str]] = []
    trail = Trail()
    for index, message in enumerate(ask.request.messages):
        if message.role == "assistant" and message.reasoning_content is None:
            calls = [call.id for call in message.tool_calls or ()]
            key = trail.key(message.text, calls)
            found.append((index, reasonings.recall(owner(ask.target), key)))
        trail.hear(message)
    return found
