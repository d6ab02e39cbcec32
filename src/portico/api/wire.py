"""HTTP bodies to chat values. Decoded once, with msgspec; pictures stay as they came."""

import json
from collections.abc import Iterator
from typing import Any, NoReturn

import msgspec
from msgspec import Raw

from portico.artifacts.intake import fault
from portico.chat.messages import HELD_IN, PARTS, Message, Modality, Part
from portico.chat.request import ChatBody, ChatRequest
from portico.errors import MalformedRequest

MOST_MESSAGES = 4096
MOST_VALUES = 500_000
"""A value and the comma after it are two tokens or more: no window of a million holds more."""

_LARGE = 1024 * 1024  # bytes; what is smaller is decoded in no time, whatever it holds
_URI = b'"data:'
_LONG = 1024  # bytes of a data URI from which on cutting it out is worth its while

_fields = msgspec.json.Decoder(dict[str, Raw])
_body = msgspec.json.Decoder(ChatBody)
_encode = msgspec.json.Encoder().encode


def parse(body: bytes, task: str | None = None) -> ChatRequest:
    """
    Return the chat request that *body* holds; *task* is Open WebUI's, from its header.

    Raises:
        MalformedRequest: with the place in `param`, as `messages[3].content[1].image_url.url`.
    """
    try:
        fields = _fields.decode(body)
        if (stream := fields.get("stream")) is not None and bytes(stream) == b"null":
            del fields["stream"]  # OpenAI's default, and some clients spell every default out
            body = _encode(fields)
        large = _without_pictures(body) if len(body) > _LARGE else None
        if large is not None:
            refuse_masses(large)
        typed = _body.decode(body)
        # What msgspec skips it does not decode; an upstream does.
        refuse_duplicates(large or (_without_pictures(body) if _pictured(typed) else body.decode()))
    except msgspec.ValidationError as exc:
        _refuse(exc)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise MalformedRequest(f"The body is not JSON: {_short(exc)}") from None
    except RecursionError:
        raise MalformedRequest("The body is nested too deeply.") from None
    request = ChatRequest.of(typed, fields, task)
    _check(request)
    return request


def _refuse(exc: msgspec.ValidationError) -> NoReturn:
    """Turn msgspec's words into ours: `Expected …, got … - at $.path`."""
    said, _, path = str(exc).rpartition(" - at ")
    if not path.startswith("`$"):
        said, path = str(exc), ""
    param = path.strip("`").removeprefix("$").removeprefix(".") or None
    if said.startswith("Object missing required field"):
        name = said.rpartition("field ")[2].strip("`")
        param = f"{param}.{name}" if param else name
        raise MalformedRequest(f"`{param}` is missing.", param=param) from None
    where = f"`{param}`" if param else "The body"
    if said.startswith("Invalid enum value"):  # which msgspec repeats, however long it is
        said = "Is none of the values known here"
    raise MalformedRequest(f"{where}: {said[0].lower()}{said[1:]}.", param=param) from None


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
    if len({key for key, _ in pairs}) < len(pairs):
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


def _pictured(body: ChatBody) -> bool:
    mixed = (message.content for message in body.messages if isinstance(message.content, list))
    links = (part.link for parts in mixed for part in parts)
    return any(link is not None and len(link.url) > _LONG for link in links)


def _without_pictures(body: bytes) -> str:
    """
    Return *body* with its long data URIs shortened: there can be no key in them.

    Only a piece without quotes and backslashes is cut, so strings end where they did, and only
    after a colon, so it is no key itself. Raises UnicodeDecodeError for what is cut, too.
    """
    if not body.isascii():
        body.decode()
    kept: list[bytes] = []
    begin = 0
    at = body.find(_URI)
    while at >= 0:
        end = body.find(b'"', at + len(_URI))
        stop = body.find(b"\\", at, end)
        stop = end if stop < 0 else stop
        if stop - at > _LONG and b":" in body[at - 2 : at]:
            kept.append(body[begin : at + 64])
            begin = stop
        at = body.find(_URI, end)
    return b"".join([*kept, body[begin:]]).decode(errors="replace")


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
            _check_parts(message, f"messages[{index}].content")
    shape = request.response_format
    if shape is not None and shape.type not in ("text", "json_object", "json_schema"):
        raise MalformedRequest(
            "`response_format.type` is text, json_object or json_schema.",
            param="response_format.type",
        )
    if shape is not None and shape.type == "json_schema" and shape.json_schema is None:
        place = "response_format.json_schema"
        raise MalformedRequest(f"`{place}` is missing.", param=place)


def _check_parts(message: Message, place: str) -> None:
    if message.content is None and message.role != "assistant":
        raise MalformedRequest(f"`{place}` is missing.", param=place)
    for index, part in enumerate(message.parts):
        _check_part(part, f"{place}[{index}]")


def _check_part(part: Part, place: str) -> None:
    if part.type not in PARTS:
        known = ", ".join(sorted(PARTS))
        raise MalformedRequest(f"`{place}.type` is none of: {known}.", param=f"{place}.type")
    held_in = HELD_IN.get(part.type)
    if held_in is not None and getattr(part, held_in) is None:
        raise MalformedRequest(f"`{place}.{held_in}` is missing.", param=f"{place}.{held_in}")
    link = part.link
    if part.modality is Modality.IMAGE and link is not None and (wrong := fault(link.url)):
        where = f"{place}.image_url.url"
        raise MalformedRequest(f"`{where}`: {wrong}.", param=where)
