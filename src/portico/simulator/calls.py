"""Calls that arrived and what they cost."""

from collections.abc import Mapping
from dataclasses import dataclass

from portico.simulator.questions import JSON

UPSTREAMS = ("gemini", "siliconflow", "deepseek", "dashscope", "openai", "anthropic", "ollama")


@dataclass(frozen=True, slots=True)
class Call:
    """A call that arrived: everything but its secrets. `work` is chat, embeddings or models."""

    upstream: str
    model: str
    path: str
    body: JSON
    headers: Mapping[str, str]
    stream: bool = False
    work: str = "chat"


@dataclass(frozen=True, slots=True)
class Bill:
    """What an upstream would charge; `status` is finished, cut, failed or abandoned."""

    upstream: str
    model: str
    input: int
    cached: int
    output: int
    status: str
