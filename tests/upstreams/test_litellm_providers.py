import pytest

from portico.upstreams.litellm_providers import (
    OF_THE_HANDLER,
    OF_THE_SDK,
    Takes,
    named,
    refusal,
    signs,
    stray,
    takes,
)


@pytest.mark.parametrize("provider", ["anthropic", "ollama", "openai", "azure", "moonshot", "groq"])
def test_a_provider_that_was_seen_to_stay_inside_may_use_a_tunnel(provider: str) -> None:
    assert refusal(provider, tunnelled=True) is None
    assert refusal(provider, tunnelled=False) is None


@pytest.mark.parametrize("provider", ["bedrock", "cohere", "vertex_ai", "sagemaker", "whoever"])
def test_any_other_is_refused_with_the_reason(provider: str) -> None:
    reason = refusal(provider, tunnelled=True)
    assert reason is not None
    assert f"`{provider}`" in reason
    assert "tunnel" in reason
    assert refusal(provider, tunnelled=False) is None


def test_every_provider_takes_one_kind_of_client() -> None:
    assert not OF_THE_SDK & OF_THE_HANDLER.keys()
    assert (takes("azure"), takes("openai"), takes("anthropic"), takes("cohere")) == (
        Takes.AZURE,
        Takes.OPENAI,
        Takes.HANDLER,
        Takes.HANDLER,
    )


def test_ollama_is_spoken_to_in_chats() -> None:
    assert (named("ollama"), named("anthropic")) == ("ollama_chat", "anthropic")


def test_a_model_id_by_which_litellm_would_change_the_provider_is_known() -> None:
    assert stray("meta/replicate-llama")
    assert stray("ft:gpt-3.5-turbo:ours")
    assert not stray("claude-sonnet-4-5")


@pytest.mark.parametrize(
    ("provider", "ended", "unfinished"),
    [
        ("anthropic", b'{"stop_reason":"end_turn"', b'"stop_reason":null'),
        ("openai", b'"finish_reason": "stop"', b'"finish_reason":null'),
        ("moonshot", b'"finish_reason":"length"', b'"finish_reason":""'),
        ("ollama_chat", b'"done": true', b'"done":false'),
        ("gemini", b'"finishReason": "STOP"', b'"content":"finishReason"'),
    ],
)
def test_an_end_is_told_from_its_absence(provider: str, ended: bytes, unfinished: bytes) -> None:
    found = signs(provider)
    assert found is not None
    assert found.finish.search(ended)
    assert not found.finish.search(unfinished)
    assert not found.finish.search(b'"text":"' + ended.replace(b'"', rb"\"") + b'"')
