"""The chat wire as the OpenAPI document tells it: what `wire` takes and what `chunks` writes."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from portico.api.wire import MOST_MESSAGES
from portico.chat.messages import File, Sound, ToolCall
from portico.chat.request import Positive

type Described = Annotated[
    str,
    Meta(description="A data: URI, or an http(s) address", examples=["data:image/png;base64,…"]),
]


class TextPart(Struct, tag_field="type", tag="text"):
    """Text."""

    text: str


class Address(Struct):
    """Where something is, and how closely to look."""

    url: Described
    detail: str | None = None


class ImagePart(Struct, tag_field="type", tag="image_url"):
    """A picture; whoever answers can see it, or nobody is asked."""

    image_url: Address | str


class VideoPart(Struct, tag_field="type", tag="video_url"):
    """A film."""

    video_url: Address | str


class AudioPart(Struct, tag_field="type", tag="input_audio"):
    """A recording."""

    input_audio: Sound


class FilePart(Struct, tag_field="type", tag="file"):
    """A document."""

    file: File


class ChatMessage(Struct):
    """One turn."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[TextPart | ImagePart | VideoPart | AudioPart | FilePart] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    reasoning_content: str | None = None


class OfferedFunction(Struct):
    """A function the model may call; `parameters` is a JSON Schema."""

    name: str
    description: str | None = None
    parameters: Any = UNSET
    strict: bool | None = None


class Offered(Struct):
    """A tool the model may use."""

    function: OfferedFunction
    type: str = "function"


class AnswerSchema(Struct):
    """What an answer as JSON must look like."""

    name: str = "answer"
    schema: Any = UNSET
    strict: bool | None = None


class AnswerFormat(Struct):
    """The shape of the answer; `json_schema` goes with its schema."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    json_schema: AnswerSchema | None = None


class Streaming(Struct):
    """Whether a last chunk brings the usage."""

    include_usage: bool = False


class ChatBody(Struct):
    """OpenAI's chat request. Fields not named here are passed on where the provider takes them."""

    model: Annotated[
        str,
        Meta(
            min_length=1,
            description="A role, a target, or `auto`: see /v1/models",
            examples=["auto", "design", "code"],
        ),
    ]
    messages: Annotated[list[ChatMessage], Meta(min_length=1, max_length=MOST_MESSAGES)]
    stream: bool | None = False
    stream_options: Streaming | None = None
    tools: list[Offered] | None = None
    tool_choice: Any = UNSET
    parallel_tool_calls: bool | None = None
    response_format: AnswerFormat | None = None
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
    user: Any = UNSET


class PromptDetails(Struct):
    """Input tokens that the provider had kept from an earlier request."""

    cached_tokens: int


class CompletionDetails(Struct):
    """Output tokens that were thought and not said."""

    reasoning_tokens: int


class Tokens(Struct):
    """OpenAI's usage object, as the provider counted."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails
    completion_tokens_details: CompletionDetails


class CalledFunction(Struct):
    """A function's name, and its arguments as JSON text."""

    name: str
    arguments: str


class Called(Struct):
    """A tool call that the model asked for."""

    id: str
    type: Literal["function"]
    function: CalledFunction


class Spoken(Struct):
    """The assistant's message."""

    role: Literal["assistant"]
    content: str | None
    refusal: str | None
    reasoning_content: str | UnsetType = UNSET
    tool_calls: list[Called] | UnsetType = UNSET


class Chosen(Struct):
    """One of the `n` answers."""

    index: int
    message: Spoken
    finish_reason: Literal["stop", "length", "tool_calls", "content_filter", "function_call"] | None
    logprobs: dict[str, Any] | None


class Completion(Struct):
    """OpenAI's `chat.completion`; `model` is the target that answered."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Chosen]
    usage: Tokens | UnsetType = UNSET
    system_fingerprint: str | UnsetType = UNSET
