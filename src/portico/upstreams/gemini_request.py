"""A chat request as the body of Gemini's generateContent. Pure."""

from collections.abc import Mapping

from msgspec import DecodeError, Raw, Struct
from msgspec import json as wire

from portico.chat.messages import FunctionSpec
from portico.chat.request import ChatRequest
from portico.upstreams.base import Ask
from portico.upstreams.gemini_media import Object, rejected
from portico.upstreams.gemini_models import thinking
from portico.upstreams.gemini_turns import turns
from portico.upstreams.signatures import Signatures

MOST_STOPS = 5
SEEDS = 0x7FFF_FFFF
"""Gemini's seed has 32 bits; a longer one is cut, which keeps it a seed."""

REFUSED: Mapping[str, str] = {
    "logit_bias": "cannot be told to Gemini",
    "audio": "cannot be asked of Gemini: it answers with text here",
    "functions": "is retired: use tools",
    "function_call": "is retired: use tool_choice",
    "web_search_options": "cannot be told to Gemini",
}
"""OpenAI's fields whose absence would make the answer silently wrong."""

NATIVE = frozenset({"safetySettings", "generationConfig", "thinkingConfig", "cachedContent"})
"""Google's own fields, which pass as they are, in camelCase or snake_case."""

MODES: Mapping[str, str] = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
"""OpenAI's `tool_choice`."""

_ABSENT = frozenset({b"null", b"{}", b"[]", b'""', b"false"})


class _Named(Struct):
    name: str


class _Choice(Struct):
    function: _Named


def encode(ask: Ask, signatures: Signatures) -> bytes:
    """
    Return the body that asks Gemini what *ask* wants.

    Google's own fields pass at the top level (`safety_settings`, `thinking_config`,
    `generation_config`, `cached_content`) or under `google` or `extra_body.google`, and win over
    what OpenAI's fields were translated to. OpenAI's fields that mean nothing to Gemini (`user`,
    `store`, `metadata`, `service_tier`, other providers' knobs) are dropped. So is
    `parallel_tool_calls: false`, which Gemini cannot be told: a caller who needs one call at a
    time must look at how many came.

    Raises:
        UpstreamFailed: rejected or incapable, naming the field that cannot be translated.
    """
    request = ask.request
    _refuse(request)
    native = _native(request.fields)
    system, contents = turns(ask, signatures)
    if not contents:  # Gemini wants something to answer, and this is all there is
        system, contents = [], [{"role": "user", "parts": system or [{"text": ""}]}]
    body: Object = {"contents": contents}
    if system:
        body["system_instruction"] = {"parts": system}
    body |= _tools(request)
    if config := _configuration(ask, native):
        body["generationConfig"] = config
    body |= {name: native[name] for name in native.keys() - {"generationConfig", "thinkingConfig"}}
    return wire.encode(body)


def _refuse(request: ChatRequest) -> None:
    for name, why in REFUSED.items():
        if bytes(request.fields.get(name, b"null")) not in _ABSENT:
            raise rejected(name, why)
    raw = request.fields.get("modalities")
    if raw is not None and wire.decode(raw) not in (None, [], ["text"]):
        raise rejected("modalities", "can only be text")
    if len(_stops(request)) > MOST_STOPS:
        raise rejected("stop", f"holds more than the {MOST_STOPS} sequences that Gemini takes")


def _stops(request: ChatRequest) -> list[str]:
    return [request.stop] if isinstance(request.stop, str) else request.stop or []


def _tools(request: ChatRequest) -> Object:
    if not request.tools:
        return {}
    declared = [_declaration(tool.function) for tool in request.tools]
    translated: Object = {"tools": [{"function_declarations": declared}]}
    if calling := _calling(request.tool_choice):
        translated["toolConfig"] = {"functionCallingConfig": calling}
    return translated


def _declaration(function: FunctionSpec) -> Object:
    declared: Object = {"name": function.name}
    if function.description:
        declared["description"] = function.description
    if _given(function.parameters):
        # Not `parameters`, which knows only a part of JSON Schema.
        declared["parametersJsonSchema"] = function.parameters
    return declared


def _calling(choice: Raw | None) -> Object:
    if choice is None or not _given(choice):
        return {}
    try:
        chosen = wire.decode(choice, type=_Choice | str)
    except DecodeError:
        raise rejected("tool_choice", "is none that Gemini can be told") from None
    if isinstance(chosen, _Choice):
        return {"mode": "ANY", "allowedFunctionNames": [chosen.function.name]}
    if chosen not in MODES:
        raise rejected("tool_choice", "must be auto, none, required or a function")
    return {"mode": MODES[chosen]}


def _configuration(ask: Ask, native: Mapping[str, Raw]) -> Object:
    request = ask.request
    config: Object = {
        "maxOutputTokens": _bound(ask),
        "temperature": request.temperature,
        "topP": request.top_p,
        "topK": request.top_k,
        "candidateCount": request.n if request.n != 1 else None,
        "stopSequences": _stops(request) or None,
        "seed": None if request.seed is None else request.seed & SEEDS,
        "presencePenalty": request.presence_penalty,
        "frequencyPenalty": request.frequency_penalty,
    }
    config |= _format(request) | _logprobs(request.fields)
    given = _members("generation_config", native.get("generationConfig"))
    thoughts = _thoughts(ask)
    for raw in (given.pop("thinkingConfig", None), native.get("thinkingConfig")):
        thoughts |= _members("thinking_config", raw)
    if len(thoughts.keys() & {"thinkingBudget", "thinkingLevel"}) > 1:
        # Both together are refused (upstream-wire §2.1): what was given natively stays.
        thoughts = {name: thought for name, thought in thoughts.items() if isinstance(thought, Raw)}
    config |= given
    config["thinkingConfig"] = thoughts or None
    return {name: value for name, value in config.items() if value is not None}


def _bound(ask: Ask) -> int | None:
    """Asking for more than the model can give is an error there; here it is no wish for one."""
    asked, most = ask.request.max_output, ask.target.max_output
    return min(asked, most) if asked and most else asked


def _format(request: ChatRequest) -> Object:
    wanted = request.response_format
    if wanted is None or wanted.type == "text":
        return {}
    if wanted.type not in ("json_object", "json_schema"):
        raise rejected("response_format.type", "must be text, json_object or json_schema")
    shape: Object = {"responseMimeType": "application/json"}
    schema = wanted.json_schema.schema if wanted.json_schema else None
    if _given(schema):
        shape["responseJsonSchema"] = schema
    return shape


def _logprobs(fields: Mapping[str, Raw]) -> Object:
    if bytes(fields.get("logprobs", b"")) != b"true":
        return {}
    top = fields.get("top_logprobs")
    return {"responseLogprobs": True, "logprobs": top if _given(top) else None}


def _thoughts(ask: Ask) -> Object:
    """Thoughts are shown only to those who ask for reasoning; others would pay to skip them."""
    effort = ask.request.reasoning_effort
    try:
        config = {} if effort is None else thinking(ask.target.model, effort)
    except KeyError:
        raise rejected("reasoning_effort", "is none that Gemini knows") from None
    shown = bytes(ask.request.fields.get("include_reasoning", b"")) == b"true"
    if shown or (config and effort != "none"):
        config["includeThoughts"] = True
    return config


def _native(fields: Mapping[str, Raw]) -> dict[str, Raw]:
    """Return Google's own fields by their camelCase names, wherever the client put them."""
    extra = _members("extra_body", fields.get("extra_body"))
    scopes = (
        fields,
        _members("extra_body.google", extra.get("google")),
        _members("google", fields.get("google")),
    )
    return {
        camel: raw
        for scope in scopes
        for name, raw in scope.items()
        if (camel := _camel(name)) in NATIVE and _given(raw)
    }


def _members(name: str, raw: Raw | None) -> dict[str, Raw]:
    """Return the members of an object by their camelCase names."""
    if raw is None or not _given(raw):
        return {}
    try:
        members = wire.decode(raw, type=dict[str, Raw])
    except DecodeError:
        raise rejected(name, "is not a JSON object") from None
    return {_camel(member): value for member, value in members.items()}


def _given(raw: Raw | None) -> bool:
    return raw is not None and bytes(raw) not in (b"", b"null")


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
