"""Upstreams without a key: the same dialects, spoken to the simulator."""

SEGMENTS = {
    "gemini": "/gemini/v1beta",
    "generic": "/openai/v1",
    "siliconflow": "/siliconflow/v1",
    "deepseek": "/deepseek",
    "dashscope": "/dashscope/compatible-mode/v1",
}
"""Where the simulator plays which provider."""

KEY = "simulated"
"""What the simulator is given for a key; it takes any."""


def address(simulator: str, dialect: str, flavour: str) -> str:
    """
    Return the base URL at which *simulator* plays an upstream of that kind.

    A provider that only LiteLLM knows is played in the `openai` dialect, so that nobody pays
    LiteLLM's import for an answer that is not real.
    """
    return simulator + SEGMENTS[flavour if dialect == "openai" else _plays(dialect)]


def _plays(dialect: str) -> str:
    return "gemini" if dialect == "gemini" else "generic"
