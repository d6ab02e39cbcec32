"""Pictures of earlier turns, where an operator's policy leaves them out."""

from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from portico.chat.messages import Message, Modality, Part
from portico.chat.request import ChatRequest

STUB = "[A picture of an earlier turn was left out here.]"


def turn_begins(messages: list[Message]) -> int:
    """Return the index at which the turn that is being answered begins."""
    for index in range(len(messages) - 2, -1, -1):
        spoken = messages[index]
        if spoken.role == "assistant" and not spoken.tool_calls:
            return index + 1
    return 0


def without_old_pictures(request: ChatRequest) -> ChatRequest:
    """Return *request* with a note in place of every picture before its last turn."""
    begins = turn_begins(request.messages)
    old = [i for i in range(begins) if any(map(_is_picture, request.messages[i].parts))]
    if not old:
        return request
    messages = list(request.messages)
    raw = msgspec.json.decode(request.fields["messages"], type=list[Raw])
    for index in old:
        parts = [_told(part) for part in messages[index].parts]
        messages[index] = replace(messages[index], content=parts)
        raw[index] = _edited(raw[index])
    fields = {**request.fields, "messages": Raw(msgspec.json.encode(raw))}
    return replace(request, messages=messages, fields=fields)


def _is_picture(part: Part) -> bool:
    return part.modality is Modality.IMAGE


def _told(part: Part) -> Part:
    return Part("text", STUB) if _is_picture(part) else part


def _edited(raw: Raw) -> Raw:
    """Change the message as it came: fields that we do not know stay."""
    message: dict[str, Any] = msgspec.json.decode(raw)
    typed = msgspec.json.decode(raw, type=Message)
    pairs = zip(message["content"], typed.parts, strict=True)
    stub = {"type": "text", "text": STUB}
    message["content"] = [stub if _is_picture(part) else given for given, part in pairs]
    return Raw(msgspec.json.encode(message))
