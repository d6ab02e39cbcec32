"""Gemini's dialect: what it understands and what it refuses (upstream-wire §2.1)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from portico.simulator import pictures
from portico.simulator.calls import Call
from portico.simulator.gemini_rules import check, get
from portico.simulator.problems.google import invalid
from portico.simulator.questions import JSON, Offer, Picture, Question, Turn
from portico.simulator.scripts import Refused

SEEN = frozenset({"image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"})
PICTURE_TOKENS = {"LOW": 280, "MEDIUM": 560, "HIGH": 1120, "ULTRA_HIGH": 2240}
PAGE_TOKENS = 1120
THINKING = re.compile(r"gemini-(2\.5|[3-9])")


def read(call: Call) -> Question:
    """Understand a generateContent body; raises Refused with Google's own words."""
    body = call.body
    contents = get(body, "contents", [])
    config = get(body, "generationConfig", {})
    check(call.model, body, contents, config)
    resolution = str(get(config, "mediaResolution", ""))
    system = get(body, "systemInstruction")
    turns = [_turn(content, resolution) for content in ([system] if system else []) + contents]
    if system:
        turns[0] = Turn("system", turns[0].text)
    mode = get(get(body, "toolConfig", {}), "functionCallingConfig", {})
    thinking = get(config, "thinkingConfig", {})
    return Question(
        model=call.model,
        turns=tuple(turns),
        offers=tuple(_offers(get(body, "tools", []))),
        choice={"ANY": "required", "NONE": "none"}.get(str(get(mode, "mode", "")).upper(), "auto"),
        named=frozenset(get(mode, "allowedFunctionNames", ())),
        shape=_shape(config),
        limit=get(config, "maxOutputTokens"),
        stops=tuple(get(config, "stopSequences", ())),
        count=int(get(config, "candidateCount", 1)),
        thinks=_thinks(call.model, thinking),
        shows=bool(get(thinking, "includeThoughts", False)),
    )


def _thinks(model: str, thinking: Any) -> bool:
    off = get(thinking, "thinkingBudget") == 0
    minimal = str(get(thinking, "thinkingLevel", "")).upper() == "MINIMAL"
    return bool(THINKING.match(model)) and not off and not minimal


def _turn(content: Any, resolution: str) -> Turn:
    parts = [part for part in get(content, "parts", []) if isinstance(part, Mapping)]
    results = [get(part, "functionResponse") for part in parts]
    if any(results):
        return Turn("tool", "\n".join(_result(result) for result in results if result))
    said = [str(part["text"]) for part in parts if "text" in part and not part.get("thought")]
    speaker = "assistant" if get(content, "role") == "model" else "user"
    return Turn(speaker, "\n".join(said), tuple(_pictures(parts, resolution)))


def _result(result: Any) -> str:
    """Say what a function answered; a lone value is not wrapped."""
    response = get(result, "response", {})
    values = list(response.values()) if isinstance(response, Mapping) else [response]
    return str(values[0] if len(values) == 1 else response)


def _pictures(parts: Sequence[Mapping[str, Any]], resolution: str) -> Iterator[Picture]:
    for part in parts:
        inline, linked = get(part, "inlineData"), get(part, "fileData")
        if not inline and not linked:
            continue
        mime = str(get(inline or linked, "mimeType", ""))
        if mime.startswith("image/") and mime not in SEEN:
            raise Refused(
                invalid(
                    "Unable to process input image. Please retry or report in "
                    "https://developers.generativeai.google/guide/troubleshooting"
                )
            )
        width, height = pictures.size(str(get(inline, "data", ""))) if inline else (0, 0)
        level = str(get(get(part, "mediaResolution", {}), "level", resolution))
        yield Picture(mime, width, height, _cost(level.removeprefix("MEDIA_RESOLUTION_")))


def _cost(level: str) -> int:
    return PICTURE_TOKENS.get(level, PICTURE_TOKENS["HIGH"])


def _offers(tools: Any) -> Iterator[Offer]:
    for tool in tools if isinstance(tools, list) else [tools]:
        for function in get(tool, "functionDeclarations", []):
            schema = get(function, "parametersJsonSchema") or get(function, "parameters", {})
            yield Offer(str(get(function, "name", "")), schema)


def _shape(config: JSON) -> Mapping[str, Any] | None:
    schema: Mapping[str, Any] | None = get(config, "responseJsonSchema") or get(
        config, "responseSchema"
    )
    if schema is not None:
        return schema
    return {} if get(config, "responseMimeType") == "application/json" else None
