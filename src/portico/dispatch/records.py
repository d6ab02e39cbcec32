"""What a request showed and what was said of it: what the memory can be made anew of."""

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from portico.chat.messages import Message
from portico.memory.base import ident
from portico.traces.redaction import Redactor

PLACE = "remembered"
"""Where records lie among the blobs."""

encode = msgspec.json.Encoder().encode


class Record(Struct, frozen=True, kw_only=True):
    """
    What a request showed and what was said of it; `at` is in epoch seconds.

    `chat` is the front end's id of the chat, where one was told. `simulated` answers are made up,
    and not kept. Records are what the memory can be made anew of.
    """

    artifact: str
    request: str
    at: float
    owner: str | None = None
    chat: str | None = None
    target: str = ""
    asked: str = ""
    said: str = ""
    simulated: bool = False

    @property
    def text(self) -> str:
        """What its words are searched in, and its meaning made of."""
        return f"{self.asked}\n{self.said}".strip()

    @property
    def key(self) -> str:
        """Where it is kept."""
        return key_of(self.artifact, self.request)


def key_of(artifact: str, request: str) -> str:
    """Return the key of the record of what *request* showed of *artifact*."""
    return f"{PLACE}/{artifact}/{ident(artifact, request)}.json"


def masked(record: Record) -> Record:
    """Return *record* without secrets: it is kept, and found by its words."""
    redactor = Redactor()
    return msgspec.structs.replace(
        record,
        chat=None if record.chat is None else redactor.text(record.chat),
        asked=redactor.text(record.asked),
        said=redactor.text(record.said),
    )


def asked_in(turn: Iterable[Message]) -> str:
    """Return what the user said in these messages of a turn."""
    return "\n".join(
        part.text
        for message in turn
        if message.role == "user"
        for part in message.parts
        if part.text
    )
