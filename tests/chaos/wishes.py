"""What callers ask for, at random: any work there is, streamed or not, to its end or not."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.serving import PNG

ROLES = ("code", "design", "devops", "vision", "background", "auto", "hedged", "unrescued", "bold")
TARGETS = ("deepseek-v3", "deepseek-flash", "qwen3-coder", "gemini-3-flash", "qwen-vl")
TEXTS = (
    "First the hierarchy: the title is smaller than its labels. Second the spacing, which changes "
    "from 8 to 14 pixels for no reason. Third the contrast of the grey hint, far under 4.5 to 1.",
    "Пейзаж с 🌲 и 水: сначала фон, потом  деревья, наконец вода. Naïve façade, and a last word.",
    "short",
    '| size | use |\t| 8 px | gaps | `x = {\'a\': [1]}` \\ "quoted" </b> data: [DONE] {"error"',
)
"""None of them repeats itself, so that every seam has one right place."""

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city", "days"],
        },
    },
}
SCHEMA: dict[str, Any] = {
    "type": "json_schema",
    "json_schema": {
        "name": "palette",
        "schema": {
            "type": "object",
            "properties": {"hex": {"type": "string"}, "weight": {"type": "number"}},
            "required": ["hex", "weight"],
        },
    },
}


@dataclass(frozen=True, slots=True)
class Wish:
    """
    One request. `say` is what models are told to say; without it each speaks in its own voice.

    `leaves` is after how many chunks of the network's the caller hangs up, None if it stays.
    """

    model: str
    stream: bool
    extra: str = ""  # tools | parallel tools | json | schema | two
    say: str | None = None
    picture: bool = False
    usage: bool = False
    leaves: int | None = None

    @property
    def exact(self) -> str | None:
        """The text that every model would answer with, if there is one."""
        return self.say if self.extra in ("", "two") else None

    @property
    def spliceable(self) -> bool:
        """True where an answer is text that somebody else may go on with."""
        return self.extra in ("", "tools", "parallel tools")

    def body(self, word: str) -> dict[str, Any]:
        """Return the chat body; *word* is how a call of an upstream's is known to belong to it."""
        text = f"{word} answer in json"
        if "tools" in self.extra:
            text += f": what is the weather in {self.extra} Perm?"
        if self.exact is not None:
            text += f"\nSAY: {self.exact}"
        content: Any = text
        if self.picture:
            link = {"type": "image_url", "image_url": {"url": PNG}}
            content = [{"type": "text", "text": text}, link]
        messages = [{"role": "user", "content": content}]
        body: dict[str, Any] = {"model": self.model, "messages": messages, "stream": self.stream}
        return body | self._more()

    def _more(self) -> dict[str, Any]:
        more: dict[str, Any] = {}
        match self.extra:
            case "tools" | "parallel tools":
                more["tools"] = [WEATHER]
            case "json":
                more["response_format"] = {"type": "json_object"}
            case "schema":
                more["response_format"] = SCHEMA
            case "two":
                more["n"] = 2
        if self.usage and self.stream:
            more["stream_options"] = {"include_usage": True}
        return more


def wishes() -> st.SearchStrategy[Wish]:
    """Return any wish; most are for text, from a role, with nothing special."""
    return st.builds(
        Wish,
        model=st.sampled_from((*ROLES, "code", "code", "design", *TARGETS)),
        stream=st.sampled_from((True, True, False)),
        extra=st.sampled_from(
            ("", "", "", "", "", "tools", "parallel tools", "json", "schema", "two")
        ),
        say=st.sampled_from((*TEXTS, TEXTS[0], None)),
        picture=st.sampled_from((False, False, False, True)),
        usage=st.booleans(),
        leaves=st.sampled_from((None, None, None, None, None, None, 0, 1, 3)),
    )
