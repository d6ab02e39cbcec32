from hypothesis import given
from hypothesis import strategies as st

from portico.routing.tiers import Price
from portico.upstreams.litellm_prices import price


def entry(provider: str, amount: float = 3e-06, output: float = 1.5e-05) -> dict[str, object]:
    return {
        "litellm_provider": provider,
        "input_cost_per_token": amount,
        "output_cost_per_token": output,
    }


def test_a_price_is_in_dollars_per_million() -> None:
    models = {"claude": entry("anthropic") | {"cache_read_input_token_cost": 3e-07}}
    assert price(models, "anthropic", "claude") == Price(3.0, 15.0, 0.3)


def test_a_model_is_found_under_its_providers_name_first() -> None:
    models = {"m": entry("groq"), "groq/m": entry("groq", 1e-06)}
    assert price(models, "groq", "m") == Price(1.0, 15.0)


def test_a_model_of_the_same_name_elsewhere_does_not_count() -> None:
    assert price({"m": entry("openai")}, "groq", "m") is None


def test_bedrocks_models_are_listed_under_two_names() -> None:
    assert price({"m": entry("bedrock_converse")}, "bedrock", "m") == Price(3.0, 15.0)


def test_ollamas_models_are_listed_under_its_other_name() -> None:
    assert price({"ollama/m": entry("ollama", 0, 0)}, "ollama_chat", "m") == Price(0, 0)


def test_half_a_price_is_none() -> None:
    assert price({"m": {"litellm_provider": "x", "input_cost_per_token": 1e-06}}, "x", "m") is None
    assert price({"m": {"litellm_provider": "x"}}, "x", "m") is None


@given(st.floats(0, 0.01), st.floats(0, 0.01))
def test_no_price_is_negative_or_invented(amount: float, output: float) -> None:
    found = price({"m": entry("x", amount, output)}, "x", "m")
    assert found is not None
    assert abs(found.input - amount * 1e6) < 1e-5
    assert abs(found.output - output * 1e6) < 1e-5
