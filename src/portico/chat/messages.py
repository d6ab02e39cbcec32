"""Messages and the parts they are made of, typed as OpenAI's wire carries them."""

from enum import StrEnum
from typing import Literal

from msgspec import Raw, Struct


class Modality(StrEnum):
    """What a part of a message is, and what a target may be able to take."""

    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    DOCUMENT = "document"


class Link(Struct, frozen=True, gc=False):
    """A data URI or an http(s) URL. `detail` is OpenAI's low | high | auto."""

    url: str
    detail: str | None = None


class Sound(Struct, frozen=True, gc=False):
    """Base64 audio and its format (`wav`, `mp3`)."""

    data: str
    format: str = "wav"


class File(Struct, frozen=True, gc=False):
    """An inline file, as a data URI."""

    file_data: str | None = None
    filename: str | None = None
    file_id: str | None = None


class Part(Struct, frozen=True, gc=False):
    """One part of a message; which field is set is said by `type`."""

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: Link | str | None = None
    input_audio: Sound | None = None
    video_url: Link | str | None = None
    audio_url: Link | str | None = None
    file: File | None = None

    @property
    def modality(self) -> Modality:
        """What a target must accept to be sent this part."""
        return PARTS.get(self.type, Modality.TEXT)

    @property
    def link(self) -> Link | None:
        """The picture, video or sound that a part of this type points at, however it is written."""
        held_in = HELD_IN.get(self.type, "")
        found = getattr(self, held_in) if held_in.endswith("_url") else None
        return Link(found) if isinstance(found, str) else found


PARTS = {
    "text": Modality.TEXT,
    "input_text": Modality.TEXT,
    "refusal": Modality.TEXT,
    "image_url": Modality.IMAGE,
    "input_image": Modality.IMAGE,
    "input_audio": Modality.AUDIO,
    "audio_url": Modality.AUDIO,
    "video_url": Modality.VIDEO,
    "file": Modality.DOCUMENT,
}
"""The part types we understand; the edge refuses any other by name."""

HELD_IN = {
    "text": "text",
    "input_text": "text",
    "image_url": "image_url",
    "input_image": "image_url",
    "input_audio": "input_audio",
    "audio_url": "audio_url",
    "video_url": "video_url",
    "file": "file",
}
"""The field of a part that holds what its type says."""


class Function(Struct, frozen=True, gc=False):
    """The function of a tool call; `arguments` is JSON text, as OpenAI sends it."""

    name: str
    arguments: str = "{}"


class ToolCall(Struct, frozen=True, gc=False):
    """A call the assistant asked for in an earlier turn."""

    function: Function
    id: str = ""
    type: str = "function"


class Message(Struct, frozen=True):
    """One turn. Fields we do not know stay in the request's raw `messages`."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    reasoning_content: str | None = None

    @property
    def parts(self) -> list[Part]:
        """The content as parts, also where it was sent as one string."""
        if isinstance(self.content, str):
            return [Part("text", self.content)] if self.content else []
        return self.content or []

    @property
    def text(self) -> str:
        """All text of this message, joined by newlines."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(
            found for part in self.content or () if (found := part.text or part.refusal)
        )


class FunctionSpec(Struct, frozen=True):
    """A function the caller offers; `parameters` is a JSON Schema, untouched."""

    name: str
    description: str | None = None
    parameters: Raw = Raw()  # empty: none was given
    strict: bool | None = None


class Tool(Struct, frozen=True):
    """A tool the caller offers; only functions exist on this wire."""

    function: FunctionSpec
    type: str = "function"
