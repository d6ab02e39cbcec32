"""What tells the providers of the `openai` dialect apart, as data (upstream-wire §2.2 to §2.4)."""

from collections.abc import Mapping
from dataclasses import dataclass

from portico.routing.attempts import Kind

FOREIGN = frozenset(
    {
        "portico",
        "safety_settings",
        "safetySettings",
        "thinking_config",
        "generation_config",
        "generationConfig",
        "google",
    }
)
"""Fields of a chat body that are for us or for the `gemini` dialect: nobody here knows them."""

HOUSEKEEPING = frozenset(
    {
        "include_reasoning",
        "metadata",
        "modalities",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "store",
        "user",
        "verbosity",
    }
)
"""Fields of OpenAI's own platform: elsewhere their loss changes no answer."""

PROMISES = frozenset({"audio", "function_call", "functions", "logit_bias", "web_search_options"})
"""Fields of OpenAI's own platform whose loss would make an answer silently wrong."""

FINISHES: Mapping[str, str] = {
    "stop": "stop",
    "eos": "stop",  # SiliconFlow, wire §2.2
    "eos_token": "stop",
    "stop_sequence": "stop",
    "end_turn": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "sensitive": "content_filter",
}
"""Providers' finish reasons, in lower case, and what they are in OpenAI's words."""

BREAKDOWNS: Mapping[str, Kind] = {
    "insufficient_system_resource": Kind.UNAVAILABLE,  # DeepSeek, wire §2.3
    "error": Kind.UNAVAILABLE,
    "abort": Kind.UNAVAILABLE,
    "cancelled": Kind.UNAVAILABLE,
    "network_error": Kind.UNAVAILABLE,
}
"""Finish reasons that say the answer is not whole."""


@dataclass(frozen=True, slots=True)
class Thinking:
    """
    How a provider is told to think, and how much.

    `off` and `on` are the fields to set. `efforts` turns OpenAI's `reasoning_effort` into the
    value of the field `amount`. An effort is a wish: where `declared` is set it is only passed on
    to a target whose features name `thinking`, since others refuse the fields. A forced tool is
    refused while thinking where `frees_tools` is set.
    """

    on: Mapping[str, object]
    off: Mapping[str, object]
    amount: str
    efforts: Mapping[str, object]
    declared: bool = True
    frees_tools: bool = False

    @property
    def fields(self) -> frozenset[str]:
        """The provider's own fields; a caller who sets one of them is obeyed instead."""
        return frozenset({*self.on, *self.off, self.amount}) - {"reasoning_effort"}


@dataclass(frozen=True, slots=True)
class Flavour:
    """
    A provider's way with OpenAI's chat completions.

    Fields in `drops` are left out, fields in `refuses` make the target incapable of the request.
    Without `thinking` an effort passes as it came. `prefill` is the field that marks a last
    message of the assistant's as one to be continued.
    """

    name: str
    drops: frozenset[str] = frozenset()
    refuses: frozenset[str] = frozenset()
    developer: bool = False  # knows the role `developer`
    bound: str = "max_tokens"  # the one name it knows for the bound on output; "": both
    schemas: bool = True  # knows response_format json_schema
    says_json: bool = False  # wants the word "json" in the prompt of a json_object
    choices: bool = True  # knows `n`
    thinking: Thinking | None = None
    wants_reasoning: bool = False  # reasoning_content must come back once tools were called
    prefill: str = ""


BUDGETS: Mapping[str, object] = {
    "minimal": 512,
    "low": 2048,
    "medium": 8192,
    "high": 16_384,
    "xhigh": 32_768,
    "max": 32_768,
}
"""Tokens of thought for OpenAI's efforts; providers take 128 to 32768 (wire §2.2)."""

BUDGETED = Thinking(
    on={"enable_thinking": True},
    off={"enable_thinking": False},
    amount="thinking_budget",
    efforts=BUDGETS,
)

SWITCHED = Thinking(
    on={"thinking": {"type": "enabled"}},
    off={"thinking": {"type": "disabled"}},
    amount="reasoning_effort",
    efforts={
        "minimal": "low",
        "low": "low",
        "medium": "high",
        "high": "high",
        "xhigh": "high",
        "ultra": "max",
        "max": "max",
    },
    declared=False,
    frees_tools=True,
)

GENERIC = Flavour("generic", drops=FOREIGN, developer=True, bound="")
"""Whoever says to speak OpenAI's dialect; what we do not know passes as it came."""

FLAVOURS: Mapping[str, Flavour] = {
    "generic": GENERIC,
    "siliconflow": Flavour(
        "siliconflow",
        drops=FOREIGN | HOUSEKEEPING,
        refuses=PROMISES,
        thinking=BUDGETED,
        prefill="prefix",
    ),
    "deepseek": Flavour(
        "deepseek",
        drops=FOREIGN | HOUSEKEEPING | {"top_k", "min_p", "repetition_penalty"},
        refuses=PROMISES,
        schemas=False,
        says_json=True,
        choices=False,
        thinking=SWITCHED,
        wants_reasoning=True,
        prefill="prefix",
    ),
    "dashscope": Flavour(
        "dashscope",
        drops=FOREIGN | HOUSEKEEPING,
        refuses=PROMISES,
        says_json=True,
        thinking=BUDGETED,
        prefill="partial",
    ),
}


def flavour_of(name: str) -> Flavour:
    """Return the flavour of that name; an unknown one is `generic`."""
    return FLAVOURS.get(name, GENERIC)
