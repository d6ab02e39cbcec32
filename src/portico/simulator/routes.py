"""Which path belongs to which upstream, and what is wanted there."""

from dataclasses import dataclass

PREFIXES = (
    ("/gemini/v1beta", "gemini"),
    ("/v1beta", "gemini"),
    ("/siliconflow/v1", "siliconflow"),
    ("/deepseek/v1", "deepseek"),
    ("/deepseek/beta", "deepseek"),
    ("/deepseek", "deepseek"),
    ("/dashscope/compatible-mode/v1", "dashscope"),
    ("/openai/v1", "openai"),
    ("/v1", "openai"),
    ("/anthropic", "anthropic"),
    ("/ollama", "ollama"),
)
"""Base URLs, the longest of an upstream first."""

VERBS = {
    "generateContent": "chat",
    "streamGenerateContent": "stream",
    "countTokens": "count",
    "batchEmbedContents": "embeddings",
}

WORKS = {
    "/chat/completions": "chat",
    "/embeddings": "embeddings",
    "/models": "models",
    "/v1/messages": "chat",
    "/v1/models": "models",
    "/api/chat": "chat",
    "/api/tags": "models",
    "/api/show": "show",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    What a path asks of an upstream.

    `work` is chat, stream (Gemini's verb), count, embeddings, models, model, show; `model` is
    what the path names, if it does.
    """

    upstream: str
    work: str
    model: str = ""


def route(path: str) -> Wanted | None:
    """Return what *path* asks for, or None if no upstream has such a path."""
    for prefix, upstream in PREFIXES:
        if path.startswith(prefix + "/"):
            rest = path[len(prefix) :]
            return _gemini(rest) if upstream == "gemini" else _other(upstream, rest)
    return None


def _other(upstream: str, rest: str) -> Wanted | None:
    work = WORKS.get(rest)
    if work:
        return Wanted(upstream, work)
    if rest.startswith("/models/"):
        return Wanted(upstream, "model", rest.removeprefix("/models/"))
    return None


def _gemini(rest: str) -> Wanted | None:
    if rest == "/models":
        return Wanted("gemini", "models")
    name, colon, verb = rest.removeprefix("/models/").rpartition(":")
    if rest.startswith("/models/") and not colon:
        return Wanted("gemini", "model", verb)
    return Wanted("gemini", VERBS[verb], name) if verb in VERBS else None
