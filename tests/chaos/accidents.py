"""What goes wrong, at random: every fault that an upstream's dialect declares, and nothing."""

from typing import Any

from hypothesis import strategies as st

from portico.simulator.faults import FAULTS, Fault

PLACES = {
    "deepseek-v3": ("siliconflow", "deepseek-ai/DeepSeek-V3"),
    "deepseek-flash": ("deepseek", "deepseek-flash"),
    "qwen3-coder": ("siliconflow", "Qwen/Qwen3-Coder-480B-A35B-Instruct"),
    "gemini-3-flash": ("gemini", "gemini-3-flash-preview"),
    "qwen-vl": ("siliconflow", "Qwen/Qwen3-VL-32B-Instruct"),
}
"""Targets, and where the simulator finds them."""

SLOW = ("silent", "stall", "slow_first")
"""Faults that cost a whole patience of waiting: there are fewer of them than of the others."""

BREAKS = ("truncated", "cut", "error_in_stream", "malformed_event")
"""Faults in the middle of an answer, which are the hardest to get right: there are more of them."""

FILTERED = frozenset(
    {
        "blocked_prompt",
        "content_filter",
        "data_inspection_failed",
        "recitation",
        "safety_mid_stream",
    }
)
"""Faults after which an answer may end by policy."""

SHORTENED = FILTERED | {"max_tokens_by_thoughts"}
"""Faults after which an answer may end early, and says so."""

MISCOUNTED = SHORTENED | {
    "empty_answer",
    "empty_choices",
    "finish_empty",
    "insufficient_system_resource",
    "malformed_event",
    "malformed_function_call",
    "usage_missing",
}
"""Faults after which the simulator's bill and what a gateway can know of it may differ."""


def names(upstream: str) -> list[str]:
    """Return the faults that *upstream* can have."""
    return [name for name, known in FAULTS.items() if upstream in known]


def accidents(target: str) -> st.SearchStrategy[list[Fault | None]]:
    """Return what the next calls to *target* meet, in order; None: nothing."""
    upstream, _ = PLACES[target]
    quick = [name for name in names(upstream) if name not in ("silent", "stall")]
    often = (*quick, *BREAKS * 5, *[None] * 4)
    weighed: list[tuple[str | None, float]] = [(name, 0.02) for name in often]
    what = st.sampled_from([*weighed * 4, *((name, 30.0) for name in SLOW)])
    return st.lists(st.builds(_accident, st.just(target), what, _params()), min_size=1, max_size=5)


def accident(target: str, name: str) -> Fault:
    """Return the fault *name*, as it comes if nothing about it is said."""
    return Fault(*PLACES[target], name, params={"seconds": 30.0, "after": 2, "bytes": 3000})


def _params() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "after": st.sampled_from((2, 0, 1, 5, 9, 14, 1000)),
            "before_headers": st.booleans(),
            "headers": st.booleans(),
            "variant": st.sampled_from(("data", "raw", "2025", "50508")),
            "delay": st.sampled_from((10, 0.02, 3600)),
        }
    )


def _accident(target: str, what: tuple[str | None, float], params: dict[str, Any]) -> Fault | None:
    name, seconds = what
    if name is None:
        return None
    given = {**params, "seconds": seconds, "bytes": 3000}
    if name != "cut":
        del given["before_headers"]
    return Fault(*PLACES[target], name, params=given)
