"""HTTP bodies to chat values. Decoded once, with msgspec; pictures stay as they came."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

import msgspec
from msgspec import Raw

from portico.artifacts.intake import fault
from portico.chat.messages import PARTS, Message, Modality, Part
from portico.chat.request import ChatBody, ChatRequest
from portico.errors import MalformedRequest

MOST_MESSAGES = 4096
_LOOKED_INTO = 64 * 1024  # bytes; larger objects are held against their own length only

_fields = msgspec.json.Decoder(dict[str, Raw])
_body = msgspec.json.Decoder(ChatBody)
_encode = msgspec.json.Encoder().encode


def parse(body: bytes, task: str | None = None) -> ChatRequest:
    """
    Return the chat request that *body* holds.

    Raises:
        MalformedRequest: with the place in `param`, as `messages[3].content[1].image_url.url`.
    """
    try:
        fields = _fields.decode(body)
        refuse_duplicates(body, fields)
        typed = _body.decode(body)
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
    said, _, path = str(exc).partition(" - at ")
    param = path.strip("`").removeprefix("$").removeprefix(".") or None
    if said.startswith("Object missing required field"):
        name = said.rpartition("field ")[2].strip("`")
        param = f"{param}.{name}" if param else name
        raise MalformedRequest(f"`{param}` is missing.", param=param) from None
    where = f"`{param}`" if param else "The body"
    raise MalformedRequest(f"{where}: {said[0].lower()}{said[1:]}.", param=param) from None


def _short(exc: Exception) -> str:
    return str(exc).split("\n", 1)[0][:200]


class _Duplicate(Exception):
    """A key stands twice in one object."""


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _Duplicate(key)
            seen.add(key)


def refuse_duplicates(body: bytes, fields: Mapping[str, Raw]) -> None:
    """
    Refuse an object with the same key twice: we and an upstream could read different things.

    Small bodies are looked into everywhere. Of large ones the top level and each small message
    are; an object whose size is that of its fields has none.
    """
    try:
        if len(body) <= _LOOKED_INTO:
            json.loads(body, object_pairs_hook=_once)
            return
        if not _adds_up(body, fields):
            json.loads(body, object_pairs_hook=_once)
            return
        for raw in msgspec.json.decode(fields.get("messages", b"[]"), type=list[Raw]):
            if len(memoryview(raw)) <= _LOOKED_INTO:
                json.loads(bytes(raw), object_pairs_hook=_once)
    except _Duplicate as exc:
        name = str(exc)[:100]
        raise MalformedRequest(f"`{name}` stands twice in one object.", param=name) from None
    except ValueError:  # what json refuses and msgspec does not is the typed decoding's to name
        return


def _adds_up(body: bytes, fields: Mapping[str, Raw]) -> bool:
    """True if *body* is as long as its fields, written tightly or as Python's json writes."""
    inside = sum(len(_encode(key)) + len(memoryview(raw)) for key, raw in fields.items())
    tight = 2 + inside + 2 * len(fields) - 1
    return len(body.strip()) in (tight, tight + 2 * len(fields) - 1)


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
    if message.content is None:
        if message.role in ("user", "system", "developer") or not (
            message.tool_calls or message.role == "assistant"
        ):
            raise MalformedRequest(f"`{place}` is missing.", param=place)
        return
    for index, part in enumerate(message.parts):
        _check_part(part, f"{place}[{index}]")


def _check_part(part: Part, place: str) -> None:
    if part.type not in PARTS:
        known = ", ".join(sorted(PARTS))
        raise MalformedRequest(f"`{place}.type` is none of: {known}.", param=f"{place}.type")
    if part.modality is Modality.IMAGE:
        link = part.link
        if link is None:
            raise MalformedRequest(f"`{place}.image_url` is missing.", param=f"{place}.image_url")
        if wrong := fault(link.url):
            where = f"{place}.image_url.url"
            raise MalformedRequest(f"`{where}`: {wrong}.", param=where)
    if part.modality is Modality.TEXT and part.text is None and part.type != "refusal":
        raise MalformedRequest(f"`{place}.text` is missing.", param=f"{place}.text")
