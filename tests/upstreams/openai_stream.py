"""Chunks of OpenAI's dialect, and what they add up to."""

from typing import Any

import msgspec
from hypothesis import strategies as st

from portico.chat.reply import Reply, collect
from portico.upstreams.openai_chunks import Reading

NOW = 1_800_000_000.0
DONE = b"[DONE]"


def chunk(
    delta: dict[str, Any] | None = None, finish: str | None = None, index: int = 0, **more: Any
) -> bytes:
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish}
    return msgspec.json.encode({"id": "x", "choices": [choice], **more})


def calling(*pieces: dict[str, Any]) -> bytes:
    return chunk({"tool_calls": list(pieces)})


def function(name: str | None = None, arguments: Any = None) -> dict[str, Any]:
    told = {"name": name, "arguments": arguments}
    return {key: value for key, value in told.items() if value is not None}


def read(*payloads: bytes, flavour: str = "generic", choices: int = 1) -> tuple[Reply, Reading]:
    reading = Reading(flavour, now=NOW, choices=choices)
    return collect(reading.feed(payloads)), reading


texts = st.text(max_size=5)
pieces = st.fixed_dictionaries(
    {},
    optional={
        "index": st.none() | st.integers(0, 3),
        "id": st.none() | st.sampled_from(["", "a", "b"]),
        "function": st.fixed_dictionaries(
            {}, optional={"name": st.sampled_from(["", "f"]), "arguments": texts}
        ),
    },
)
deltas = st.fixed_dictionaries(
    {},
    optional={
        "content": st.none() | texts,
        "reasoning_content": st.none() | texts,
        "tool_calls": st.none() | st.lists(pieces, max_size=3),
    },
)
streams = st.lists(
    st.builds(
        chunk, deltas, st.sampled_from([None, None, "stop", "length", ""]), st.integers(0, 1)
    ),
    max_size=12,
)
