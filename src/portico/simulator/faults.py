"""The faults an upstream can be told to have: their names, who knows them, and an order for one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from portico.simulator.calls import UPSTREAMS, Call

ALL = frozenset(UPSTREAMS)
SHAPED = frozenset({"siliconflow", "deepseek", "dashscope", "openai"})
"""The upstreams that speak OpenAI's dialect."""
MAIN = SHAPED | {"gemini"}
GEMINI = frozenset({"gemini"})

FAULTS: Mapping[str, frozenset[str]] = {
    # Instead of an answer: the provider's own error body (module `problems`).
    "rate_limited_minute": ALL,
    "rate_limited_day": MAIN,
    "rate_limited_tokens": MAIN,
    "rate_limited_bare": ALL,
    "rate_limited_zero": GEMINI,
    "rate_limited_header": ALL,  # delay: seconds (fractions too); date: an HTTP date instead
    "spend_limit": GEMINI,
    "credits_depleted": GEMINI,
    "insufficient_balance": MAIN,
    "overloaded": ALL,  # variant: 2025 | 2026 (gemini), 50505 | 50508 (siliconflow)
    "internal": ALL,
    "bad_gateway": ALL,
    "timeout_504": ALL,
    "invalid_key": ALL,
    "forbidden": ALL,
    "expired_key": MAIN,
    "region": MAIN,
    "model_gone": ALL,
    "too_long": ALL,
    "bad_request": ALL,
    "unprocessable": ALL,
    "signature_missing": GEMINI,
    "reasoning_missing": frozenset({"deepseek"}),
    "json_schema_unavailable": SHAPED,
    "data_inspection_failed": frozenset({"dashscope", "siliconflow"}),
    # Instead of an answer, with status 200.
    "empty_body": ALL,
    "html_200": ALL,
    "not_json_200": ALL,
    # Another answer, in the dialect's own form (modules `gemini_faults`, `openai_faults`).
    "blocked_prompt": GEMINI,  # usage: false leaves usageMetadata out
    "safety_mid_stream": GEMINI,
    "recitation": GEMINI,
    "malformed_function_call": GEMINI,
    "max_tokens_by_thoughts": GEMINI,
    "content_filter": SHAPED,
    "insufficient_system_resource": frozenset({"deepseek"}),
    "finish_empty": SHAPED,
    "eos": frozenset({"siliconflow"}),
    "empty_answer": MAIN,
    "empty_choices": MAIN,
    "usage_missing": MAIN,
    "extra_fields": MAIN,
    "wrong_model": MAIN,  # answers_as: whose name it bears
    "drop_tool_ids": MAIN,
    "error_in_stream": ALL,  # after: deltas; variant: data | raw (gemini)
    "missing_done": SHAPED,
    # The right answer, badly delivered (module `effects`).
    "truncated": ALL,  # after: deltas
    "cut": ALL,  # after: deltas (0: only the headers), or before_headers: true
    "stall": ALL,  # after: deltas; seconds
    "slow_first": ALL,  # seconds; headers: true sends them at once
    "silent": ALL,  # seconds
    "malformed_event": ALL,  # after: deltas
    "split_utf8": ALL,
    "huge_chunk": ALL,  # bytes
}
"""Every fault's name and the upstreams that can have it."""


AFTER = 2
"""Deltas that get through before something goes wrong, unless `after` says otherwise."""

FOREIGN: Mapping[str, Any] = {
    "event": {"type": "execute", "data": {"code": "document.title = 'simulated'"}},
    "selected_model_id": "another-model",
    "sources": [{"source": {"name": "simulated"}}],
    "status": {"done": True},
}
"""What `extra_fields` adds to every chunk: Open WebUI would act on some of it."""

NUMBERS = ("after", "bytes", "delay", "seconds")
"""Parameters that must be numbers, and not negative."""


@dataclass(slots=True)
class Fault:
    """
    Something to get wrong: for `times` calls (None: always), after letting `skip` calls pass.

    `params` belong to the fault itself, but for two that any fault takes: `where` (chat,
    embeddings or models; default chat) and `unless` (a header whose presence spares the call).
    """

    upstream: str
    model: str
    name: str
    times: int | None = 1
    skip: int = 0
    params: Mapping[str, Any] = field(default_factory=dict)

    def concerns(self, call: Call) -> bool:
        """Tell whether *call* is one of those this fault was ordered for."""
        return (
            self.upstream in ("*", call.upstream)
            and self.model in ("*", call.model)
            and self.params.get("where", "chat") == call.work
            and str(self.params.get("unless", "")).lower() not in call.headers
        )


def check(fault: Fault) -> None:
    """
    Make sure that *fault* can happen at all.

    Raises:
        ValueError: the upstream or the fault is unknown, the one cannot have the other, or a
            number is none; the message names the field and what it may be.
    """
    if fault.upstream not in ("*", *UPSTREAMS):
        raise ValueError(f"upstream: {fault.upstream!r} is none of {', '.join(UPSTREAMS)} or *")
    if fault.name not in FAULTS:
        raise ValueError(f"fault: {fault.name!r} is none of {', '.join(FAULTS)}")
    if fault.upstream != "*" and fault.upstream not in FAULTS[fault.name]:
        known = ", ".join(sorted(FAULTS[fault.name]))
        raise ValueError(f"fault: {fault.name} is known to {known}, not to {fault.upstream}")
    if fault.times is not None and fault.times < 1:
        raise ValueError(f"times: {fault.times!r} is neither null nor at least 1")
    for name in NUMBERS:
        value = fault.params.get(name, 0)
        if not isinstance(value, int | float) or value < 0:
            raise ValueError(f"params.{name}: {value!r} is not a number from 0 up")
