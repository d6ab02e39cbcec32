"""What comes back: deltas, and what they add up to."""

from collections.abc import Iterable

from msgspec import Raw, Struct


class Usage(Struct, frozen=True, gc=False):
    """Tokens as the provider counted them; `output` includes `reasoning`, `input` `cached`."""

    input: int = 0
    output: int = 0
    cached: int = 0
    reasoning: int = 0


class ToolCallDelta(Struct, frozen=True, gc=False):
    """A tool call, or a further piece of its arguments; `index` says which call."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""


class Delta(Struct, frozen=True):
    """
    One step of an answer; a non-streamed answer is one delta per choice.

    `choice` is OpenAI's `choices[].index`. `finish` is one of OpenAI's finish reasons, already
    translated. `usage` is cumulative: the last one counts. Nothing of a provider's chunk that
    has no field here can reach a client. Where `text` came in several steps at once, `pieces` are
    those: the insides of JSON strings, so that each can be sent on as a step of its own.
    """

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    finish: str | None = None
    usage: Usage | None = None
    choice: int = 0
    refusal: str = ""
    logprobs: Raw | None = None
    pieces: tuple[bytes, ...] = ()

    @property
    def counts(self) -> bool:
        """True for content, reasoning, a tool call or a finish: what starts an answer."""
        return bool(self.text or self.reasoning or self.tool_calls or self.finish or self.refusal)


type Batch = list[Delta]
"""Whatever an upstream had available at once; relayed in one write."""


class Call(Struct, frozen=True, gc=False):
    """A whole tool call of a finished answer."""

    id: str
    name: str
    arguments: str


class Choice(Struct, frozen=True):
    """One whole answer of a reply."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[Call, ...] = ()
    finish: str | None = None
    refusal: str = ""
    logprobs: Raw | None = None


class Reply(Struct, frozen=True):
    """A whole answer, one `Choice` for each of OpenAI's `n`."""

    choices: tuple[Choice, ...]
    usage: Usage | None = None


def collect(deltas: Iterable[Delta]) -> Reply:
    """Add up *deltas* to what a caller who does not stream gets."""
    usage: Usage | None = None
    by_choice: dict[int, list[Delta]] = {}
    for delta in deltas:
        usage = delta.usage or usage
        by_choice.setdefault(delta.choice, []).append(delta)
    return Reply(tuple(_whole(by_choice[index]) for index in sorted(by_choice)), usage)


def _whole(deltas: list[Delta]) -> Choice:
    if len(deltas) == 1 and not deltas[0].tool_calls:  # nearly every answer that is not streamed
        one = deltas[0]
        return Choice(one.text, one.reasoning, (), one.finish, one.refusal, one.logprobs)
    return Choice(
        text="".join(delta.text for delta in deltas),
        reasoning="".join(delta.reasoning for delta in deltas),
        tool_calls=_calls(deltas),
        finish=next((delta.finish for delta in reversed(deltas) if delta.finish), None),
        refusal="".join(delta.refusal for delta in deltas),
        logprobs=next((delta.logprobs for delta in deltas if delta.logprobs is not None), None),
    )


def _calls(deltas: list[Delta]) -> tuple[Call, ...]:
    pieces: dict[int, list[ToolCallDelta]] = {}
    for delta in deltas:
        for piece in delta.tool_calls:
            pieces.setdefault(piece.index, []).append(piece)
    return tuple(
        Call(
            id=next((piece.id for piece in pieces[index] if piece.id), ""),
            name=next((piece.name for piece in pieces[index] if piece.name), ""),
            arguments="".join(piece.arguments for piece in pieces[index]),
        )
        for index in sorted(pieces)
    )
