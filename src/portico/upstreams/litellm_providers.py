"""What is known of LiteLLM's providers, as data: which client they take, how their answers end."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Takes(StrEnum):
    """The kind of client that LiteLLM's code for a provider accepts from its caller."""

    HANDLER = "handler"  # LiteLLM's own AsyncHTTPHandler
    OPENAI = "openai"  # the AsyncOpenAI of OpenAI's SDK
    AZURE = "azure"  # its AsyncAzureOpenAI


@dataclass(frozen=True, slots=True)
class Signs:
    """
    What a provider's bytes hold once an answer is whole, and where it counts its tokens.

    No text of an answer can fake them: inside a JSON string a quote is escaped.
    """

    finish: re.Pattern[bytes]
    usage: re.Pattern[bytes]


_CHAT = Signs(re.compile(rb'"finish_reason"\s*:\s*"[^"]'), re.compile(rb'"usage"\s*:\s*\{'))
_MESSAGES = Signs(re.compile(rb'"stop_reason"\s*:\s*"[^"]'), re.compile(rb'"usage"\s*:\s*\{'))
_GEMINI = Signs(
    re.compile(rb'"finishReason"\s*:\s*"[^"]'), re.compile(rb'"usageMetadata"\s*:\s*\{')
)
_OLLAMA = Signs(re.compile(rb'"done"\s*:\s*true'), re.compile(rb'"(?:prompt_)?eval_count"\s*:'))

ALIASES: Mapping[str, str] = {"ollama": "ollama_chat"}
"""LiteLLM's `ollama` writes chats into one prompt; the other speaks Ollama's /api/chat."""

OF_THE_SDK = frozenset(
    """
    ai21 ai21_chat aiml apertis baseten cerebras charity_engine chutes codestral cognition cortecs
    custom_openai dashscope darkbloom deepinfra docker_model_runner empower featherless_ai
    friendliai galadriel github helicone hyperbolic inception lambda_ai libertai litellm_proxy
    llamafile lm_studio meta meta_llama modelscope moonshot morph nano-gpt nebius neosantara novita
    nscale nvidia_nim openai parasail perplexity pinstripes poe prism publicai qwen_ai_platform
    qwencloud reka sail sambanova scaleway scx-ai synthetic tencent tensormesh v0
    vercel_ai_gateway volcengine wandb xiaomi_mimo xinference zai
    """.split()  # noqa: SIM905  # sixty names are read better as words than as a column
)
"""Providers that LiteLLM reaches through OpenAI's SDK: found by trying each (decision 003)."""

OF_THE_HANDLER: Mapping[str, Signs] = {
    "anthropic": _MESSAGES,
    "compactifai": _CHAT,
    "deepseek": _CHAT,
    "fireworks_ai": _CHAT,
    "gemini": _GEMINI,
    "groq": _CHAT,
    "hosted_vllm": _CHAT,
    "minimax": _CHAT,
    "mistral": _CHAT,
    "ollama_chat": _OLLAMA,
    "openrouter": _CHAT,
    "ovhcloud": _CHAT,
    "together_ai": _CHAT,
    "xai": _CHAT,
}
"""Providers that LiteLLM reaches through the handler it is given, and nothing else."""

OTHERS_NAMES = ("replicate", "replit/", "ft:babbage-002", "ft:davinci-002", "ft:gpt-3.5-turbo")
"""Pieces of a model id by which LiteLLM picks a provider, whichever one was asked for."""


def named(provider: str) -> str:
    """Return the name under which LiteLLM is asked for *provider*."""
    return ALIASES.get(provider, provider)


def takes(provider: str) -> Takes:
    """Return which client to give for *provider*; a guess where it is not known."""
    if provider == "azure":
        return Takes.AZURE
    return Takes.OPENAI if provider in OF_THE_SDK else Takes.HANDLER


def signs(provider: str) -> Signs | None:
    """Return how answers of *provider* show that they are whole, or None if it is not known."""
    if provider == "azure" or provider in OF_THE_SDK:
        return _CHAT
    return OF_THE_HANDLER.get(provider)


def refusal(provider: str, *, tunnelled: bool) -> str | None:
    """
    Return why an upstream of *provider* must not be opened, or None.

    Through a tunnel go only providers for which a test has seen every byte pass there: LiteLLM's
    code for the others opens connections of its own, and those leave by another way.
    """
    if not tunnelled or signs(named(provider)) is not None:
        return None
    return f"LiteLLM's code for `{provider}` may connect past the tunnel"


def stray(model: str) -> bool:
    """Return whether LiteLLM would take *model* for somebody else's and send it there."""
    return any(name in model for name in OTHERS_NAMES)
