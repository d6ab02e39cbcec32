"""What Gemini refuses: fields and turns that are not as it wants them (upstream-wire §2.1)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from portico.simulator.gemini_signatures import check_signatures
from portico.simulator.problems.google import invalid
from portico.simulator.questions import JSON
from portico.simulator.scripts import Refused

HUMP = re.compile(r"(?<!^)(?=[A-Z])")
NEWEST = re.compile(r"gemini-3\.8")
NO_MINIMAL = re.compile(r"gemini-3\.[78]")
WITH_IDS = re.compile(r"gemini-(3\.[5-9]|[4-9]|\d\d)")
"""Models that name their function calls, and want the names back."""

FIELDS = frozenset(
    [
        "model",
        "contents",
        "systemInstruction",
        "tools",
        "toolConfig",
        "safetySettings",
        "generationConfig",
        "cachedContent",
        "labels",
        "serviceTier",
        "store",
    ]
)
SETTINGS = frozenset(
    [
        "audioTimestamp",
        "candidateCount",
        "enableAffectiveDialog",
        "enableEnhancedCivicAnswers",
        "frequencyPenalty",
        "imageConfig",
        "logprobs",
        "maxOutputTokens",
        "mediaResolution",
        "modelSelectionConfig",
        "presencePenalty",
        "responseFormat",
        "responseJsonSchema",
        "responseLogprobs",
        "responseMimeType",
        "responseModalities",
        "responseSchema",
        "routingConfig",
        "seed",
        "speechConfig",
        "stopSequences",
        "temperature",
        "thinkingConfig",
        "topK",
        "topP",
    ]
)
"""Fields of generationConfig, from google-genai's types."""


def get(value: Any, name: str, default: Any = None) -> Any:
    """Read a field under its camelCase *name* or its snake_case one."""
    if not isinstance(value, Mapping):
        return default
    found = value.get(name)
    if found is None:
        found = value.get(_snake(name))
    return default if found is None else found


def check(model: str, body: JSON, contents: Any, config: Any) -> None:
    """
    Make sure that *model* would take the request.

    Raises:
        Refused: with Google's words, as far as they are known.
    """
    _known(body, FIELDS, "")
    _known(config, SETTINGS, " at 'generation_config'")
    if not contents or not isinstance(contents, list):
        raise Refused(invalid("* GenerateContentRequest.contents: contents is not specified\n"))
    for position, content in enumerate(contents):
        _check_content(position, content)
    _check_thinking(model, get(config, "thinkingConfig", {}))
    _check_results(model, contents)
    check_signatures(model, contents)
    if NEWEST.match(model):
        _check_newest(contents, config)


def _known(value: Any, names: frozenset[str], where: str) -> None:
    allowed = names | {_snake(name) for name in names}
    for name in value:
        if name not in allowed:
            raise Refused(
                invalid(
                    f'Invalid JSON payload received. Unknown name "{name}"{where}: '
                    "Cannot find field."
                )
            )


def _check_content(position: int, content: Any) -> None:
    if get(content, "role", "user") not in ("user", "model", "function"):
        raise Refused(invalid("Please use a valid role: user, model."))
    if not get(content, "parts"):
        where = f"GenerateContentRequest.contents[{position}].parts"
        raise Refused(invalid(f"* {where}: contents.parts must not be empty.\n"))


def _check_thinking(model: str, thinking: Any) -> None:
    level, budget = get(thinking, "thinkingLevel"), get(thinking, "thinkingBudget")
    if level is not None and budget is not None:
        text = "You can only set only one of thinking budget and thinking level."
        raise Refused(invalid(text))
    levels = ["LOW", "MEDIUM", "HIGH"]
    if not NO_MINIMAL.match(model):
        levels.append("MINIMAL")
    if level is not None and str(level).upper() not in levels:
        text = f"Thinking level {str(level).upper()} is not supported for this model."
        raise Refused(invalid(text))


def _check_results(model: str, contents: Sequence[Any]) -> None:
    """Every batch of function calls needs as many results in the very next turn."""
    for content, answer in zip(contents, [*contents[1:], {}], strict=True):
        calls = _in_parts(content, "functionCall")
        results = _in_parts(answer, "functionResponse")
        if calls and len(calls) != len(results):
            text = (
                "Please ensure that the number of function response parts is equal to the number "
                "of function call parts of the function call turn."
            )
            raise Refused(invalid(text))
        if calls and WITH_IDS.match(model) and _ids(calls) != _ids(results):
            text = "Please ensure that function response ids match the function call ids."
            raise Refused(invalid(text))


def _check_newest(contents: Sequence[Any], config: Any) -> None:
    if get(contents[-1], "role") == "model":
        raise Refused(invalid("A trailing model turn is not supported for this model."))
    if get(config, "candidateCount", 1) != 1:
        raise Refused(invalid("candidate_count is not supported for this model."))


def _in_parts(content: Any, name: str) -> list[Any]:
    return [found for part in get(content, "parts", []) if (found := get(part, name))]


def _ids(found: Sequence[Any]) -> list[str]:
    return sorted(str(get(one, "id", "")) for one in found)


def _snake(name: str) -> str:
    return HUMP.sub("_", name).lower()
