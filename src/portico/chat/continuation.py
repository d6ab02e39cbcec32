"""The request that asks somebody else to go on with an answer that broke off."""

from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from portico.chat.messages import Message
from portico.chat.request import ChatRequest

INSTRUCTION = (
    "Your last message was cut off in transmission. Continue from exactly where it stops: begin "
    "with the very next character, repeat nothing, and say nothing about the interruption."
)


def continuation(request: ChatRequest, sent: str, *, prefill: bool) -> ChatRequest:
    """
    Return *request* with *sent* as what the assistant has already said.

    With *prefill* that is its last message, which the target goes on with by itself; without it
    an instruction follows. With nothing sent it is the request as it was.
    """
    if not sent:
        return request
    more: list[dict[str, Any]] = [{"role": "assistant", "content": sent}]
    if not prefill:
        more.append({"role": "user", "content": INSTRUCTION})
    raw = msgspec.json.decode(request.fields["messages"], type=list[Raw])
    raw += [Raw(msgspec.json.encode(message)) for message in more]
    fields = {**request.fields, "messages": Raw(msgspec.json.encode(raw))}
    messages = [*request.messages, *(msgspec.convert(message, Message) for message in more)]
    return replace(request, messages=messages, fields=fields)
