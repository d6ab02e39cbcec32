"""The one shape in which a chat request travels through the gateway."""

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, Raw, Struct
from msgspec.structs import astuple

from portico.chat.aside import Aside
from portico.chat.messages import Message, Tool


class JSONSchema(Struct, frozen=True):
    """The `json_schema` of a response format."""

    name: str = "answer"
    schema: Raw = Raw()  # empty: none was given
    strict: bool | None = None


class ResponseFormat(Struct, frozen=True):
    """What shape the answer must have: `text`, `json_object` or `json_schema`."""

    type: str = "text"
    json_schema: JSONSchema | None = None


class StreamOptions(Struct, frozen=True, gc=False):
    """OpenAI's `stream_options`."""

    include_usage: bool | None = False


Positive = Annotated[int, Meta(ge=1, le=2**31 - 1)]


class ChatBody(Struct, frozen=True):
    """The fields of OpenAI's chat body that we look into; a wrong type is an error at its path."""

    model: str
    messages: list[Message]
    stream: bool = False
    stream_options: StreamOptions | None = None
    tools: list[Tool] | None = None
    tool_choice: Raw = Raw()
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    max_tokens: Positive | None = None
    max_completion_tokens: Positive | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_k: int | None = None
    n: Annotated[int, Meta(ge=1, le=16)] | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    reasoning_effort: str | None = None
    user: Raw = Raw()

    @property
    def wants_usage(self) -> bool:
        """True if the caller asked for the usage chunk of a stream."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    @property
    def max_output(self) -> int | None:
        """The caller's bound on the answer's tokens, under either of OpenAI's names."""
        return self.max_completion_tokens or self.max_tokens


class ChatRequest(ChatBody, frozen=True):
    """
    What the caller wants; says nothing about who will answer.

    `fields` is the body as it came, one raw value per top-level key: a dialect forwards what it
    does not know from there. Pictures in both are tickets of `aside`, put back by who sends them.
    """

    fields: Mapping[str, Raw] = {}
    task: str | None = None  # Open WebUI's background task, from its header; not part of the body
    aside: Aside = {}

    @classmethod
    def of(
        cls,
        body: ChatBody,
        fields: Mapping[str, Raw],
        task: str | None = None,
        aside: Aside | None = None,
    ) -> "ChatRequest":
        """Return the request of a decoded *body*, whose raw fields are *fields*."""
        return cls(*astuple(body), fields, task, aside or {})  # type: ignore[call-arg]  # bases first
