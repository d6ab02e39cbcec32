"""The pictures of a request: where they stand, which are left out, what stands in their place."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from portico.chat.aside import Aside
from portico.chat.messages import Link, Message, Modality, Part
from portico.chat.request import ChatRequest


class Place(NamedTuple):
    """The indexes of a message and of a part of its content."""

    message: int
    part: int

    def __str__(self) -> str:
        return f"messages[{self.message}].content[{self.part}].image_url.url"


def pictures(messages: Sequence[Message]) -> dict[Place, Link]:
    """Return every picture, in the order in which they were sent."""
    return {
        Place(index, at): part.link
        for index, message in enumerate(messages)
        if isinstance(message.content, list)
        for at, part in enumerate(message.content)
        if part.modality is Modality.IMAGE and part.link is not None
    }


def turn_begins(messages: Sequence[Message]) -> int:
    """
    Return the index at which the turn that is being answered begins.

    That is everything since the assistant last spoke for good; what it said last of all is a
    prefill, and part of that turn.
    """
    for index in range(len(messages) - 2, -1, -1):
        spoken = messages[index]
        if spoken.role == "assistant" and not spoken.tool_calls:
            return index + 1
    return 0


def left_out(messages: Sequence[Message], policy: str, last: int) -> Sequence[Place]:
    """
    Return the pictures of earlier turns that an operator's policy leaves out.

    `stub` leaves all of them out, `last_n` all but the *last* pictures of the request, `keep`
    none. Those of the turn that is being answered always stay.
    """
    if policy == "keep":
        return ()
    every = list(pictures(messages))
    begins = turn_begins(messages)
    spared = set(every[-last:]) if policy == "last_n" and last > 0 else set()
    return [place for place in every if place.message < begins and place not in spared]


def modalities(messages: Sequence[Message], without: Collection[Place] = ()) -> frozenset[Modality]:
    """Return everything that has to be taken by whoever answers, pictures *without* aside."""
    found = {Modality.TEXT}
    for index, message in enumerate(messages):
        if isinstance(message.content, list):
            for at, part in enumerate(message.content):
                if part.modality not in found and (index, at) not in without:
                    found.add(part.modality)
    return frozenset(found)


def with_parts(
    request: ChatRequest, parts: Mapping[Place, Sequence[Part]], aside: Aside | None = None
) -> ChatRequest:
    """
    Return *request* with other *parts* in these places, whose tickets are in *aside*.

    Fields of a message that we do not know stay as they came.
    """
    if not parts:
        return request
    messages = list(request.messages)
    raw = msgspec.json.decode(request.fields["messages"], type=list[Raw])
    for index in {place.message for place in parts}:
        here = {place.part: given for place, given in parts.items() if place.message == index}
        messages[index] = _exchanged(messages[index], here)
        raw[index] = _edited(raw[index], here)
    fields = {**request.fields, "messages": Raw(msgspec.json.encode(raw))}
    return replace(
        request, messages=messages, fields=fields, aside={**request.aside, **(aside or {})}
    )


def _exchanged(message: Message, parts: Mapping[int, Sequence[Part]]) -> Message:
    said: list[Part] = []
    for at, part in enumerate(message.parts):
        said += parts.get(at, (part,))
    return replace(message, content=said)


def _edited(raw: Raw, parts: Mapping[int, Sequence[Part]]) -> Raw:
    message: dict[str, Any] = msgspec.json.decode(raw)
    said: list[Any] = []
    for at, part in enumerate(message["content"]):
        said += [_plain(given) for given in parts[at]] if at in parts else (part,)
    message["content"] = said
    return Raw(msgspec.json.encode(message))


def _plain(part: Part) -> dict[str, Any]:
    """Return *part* as OpenAI's wire has it."""
    if part.link is None:
        return {"type": part.type, "text": part.text}
    link = {"url": part.link.url, "detail": part.link.detail}
    told = {name: value for name, value in link.items() if value is not None}
    return {"type": "image_url", "image_url": told}
