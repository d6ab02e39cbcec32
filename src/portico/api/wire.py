"""HTTP bodies to chat values. Decoded once, with msgspec; pictures stay as they came."""

import json
import secrets
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw

from portico.api.refusals import refusal
from portico.artifacts.intake import fault
from portico.chat.aside import PICTURED, Aside, lay_aside, peek, ticket_of
from portico.chat.messages import HELD_IN, PARTS, Message, Modality, Part
from portico.chat.request import ChatBody, ChatRequest
from portico.errors import MalformedRequest

MOST_MESSAGES = 4096
MOST_VALUES = 500_000
"""A value and the comma after it are two tokens or more: no window of a million holds more."""

_LARGE = 1024 * 1024  # bytes; what is smaller is decoded in no time, whatever it holds

_fields = msgspec.json.Decoder(dict[str, Raw])
_body = msgspec.json.Decoder(ChatBody)
_encode = msgspec.json.Encoder().encode


def parse(body: bytes, task: str | None = None) -> ChatRequest:
    """
    Return the chat request that *body* holds; *task* is Open WebUI's, from its header.

    Raises:
        MalformedRequest: with the place in `param`, as `messages[3].content[1].image_url.url`.
    """
    if PICTURED in body:
        short, aside = lay_aside(body, secrets.token_hex(16))
        request = _read(short, task, aside) if aside else None
        if request is not None and aside.keys() <= _tickets(request):
            return request
    return _read(body, task, {})  # what is no picture is text, and has to be valid


def _tickets(request: ChatRequest) -> set[str]:
    """Return the tickets of pictures; whatever else was laid aside was something else."""
    mixed = (message.content for message in request.messages if isinstance(message.content, list))
    return {ticket_of(part.link.url) for parts in mixed for part in parts if part.link}


def _read(body: bytes, task: str | None, aside: Aside) -> ChatRequest:
    try:
        fields = _fields.decode(body)
        if (stream := fields.get("stream")) is not None and bytes(stream) == b"null":
            del fields["stream"]  # OpenAI's default, and some clients spell every default out
            body = _encode(fields)
        text = body.decode()
        if len(body) > _LARGE:
            refuse_masses(text)
        typed = _body.decode(body)
        refuse_duplicates(text)  # what msgspec skips it does not decode; an upstream does
    except msgspec.ValidationError as exc:
        raise refusal(exc) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        said = _short(exc) if body.strip() else "it is empty"
        raise MalformedRequest(f"The body is not JSON: {said}") from None
    except RecursionError:
        raise MalformedRequest("The body is nested too deeply.") from None
    request = ChatRequest.of(typed, fields, task, aside)
    _check(request)
    return request


def _short(exc: Exception) -> str:
    return str(exc).split("\n", 1)[0][:200]


def refuse_masses(body: str) -> None:
    """Refuse more values than any model reads: to decode them would keep everybody waiting."""
    if body.count(",") + body.count("[") + body.count("{") > MOST_VALUES:
        raise MalformedRequest(f"The body holds over {MOST_VALUES} values.")


class _Duplicate(Exception):
    """A key stands twice in one object."""


class _Object(list[tuple[str, Any]]):
    """The pairs of an object, in their order."""


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) < len(pairs):
        raise _Duplicate


_attentive = json.JSONDecoder(object_pairs_hook=_once, parse_int=float)
_verbose = json.JSONDecoder(object_pairs_hook=_Object, parse_int=float)


def refuse_duplicates(body: str) -> None:
    """
    Refuse an object with the same key twice: we and an upstream could read different things.

    *body* is valid JSON, and looked into at every depth.
    """
    try:
        _attentive.decode(body)
    except _Duplicate:
        place = next(_twice(_verbose.decode(body), ""))[:200]
        raise MalformedRequest(f"`{place}` stands twice in one object.", param=place) from None


def _twice(value: Any, place: str) -> Iterator[str]:
    """Yield every place in *value* whose key has stood in its object before."""
    if isinstance(value, _Object):
        seen: set[str] = set()
        for key, held in value:
            here = f"{place}.{key[:100]}" if place else key[:100]
            if key in seen:
                yield here
            seen.add(key)
            yield from _twice(held, here)
    elif isinstance(value, list):
        for index, held in enumerate(value):
            yield from _twice(held, f"{place}[{index}]")


def _check(request: ChatRequest) -> None:
    """Refuse what is well-typed and still cannot be asked of anybody."""
    if not request.model:
        raise MalformedRequest("`model` is empty.", param="model")
    if not request.messages:
        raise MalformedRequest("`messages` is empty.", param="messages")
    if len(request.messages) > MOST_MESSAGES:
        raise MalformedRequest(f"`messages` holds over {MOST_MESSAGES} entries.", param="messages")
    for index, message in enumerate(request.messages):
        if not isinstance(message.content, str):
            _check_parts(message, f"messages[{index}].content", request.aside)
    shape = request.response_format
    if shape is not None and shape.type not in ("text", "json_object", "json_schema"):
        raise MalformedRequest(
            "`response_format.type` is text, json_object or json_schema.",
            param="response_format.type",
        )
    if shape is not None and shape.type == "json_schema" and shape.json_schema is None:
        place = "response_format.json_schema"
        raise MalformedRequest(f"`{place}` is missing.", param=place)


def _check_parts(message: Message, place: str, aside: Aside) -> None:
    if message.content is None and message.role != "assistant":
        raise MalformedRequest(f"`{place}` is missing.", param=place)
    for index, part in enumerate(message.parts):
        _check_part(part, f"{place}[{index}]", aside)


def _check_part(part: Part, place: str, aside: Aside) -> None:
    if part.type not in PARTS:
        known = ", ".join(sorted(PARTS))
        raise MalformedRequest(f"`{place}.type` is none of: {known}.", param=f"{place}.type")
    held_in = HELD_IN.get(part.type)
    if held_in is not None and getattr(part, held_in) is None:
        raise MalformedRequest(f"`{place}.{held_in}` is missing.", param=f"{place}.{held_in}")
    link = part.link
    if part.modality is not Modality.IMAGE or link is None:
        return
    if wrong := fault(peek(link.url, aside)):
        where = f"{place}.image_url.url"
        raise MalformedRequest(f"`{where}`: {wrong}.", param=where)
