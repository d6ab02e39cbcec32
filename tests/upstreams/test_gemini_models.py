import pytest

from portico.upstreams.gemini_models import LATEST, generation, thinking


@pytest.mark.parametrize(
    ("model", "born"),
    [
        ("gemini-3-flash-preview", (3, 0)),
        ("gemini-3.8-flash", (3, 8)),
        ("models/gemini-2.5-pro", (2, 5)),
        ("gemini-flash-latest", LATEST),
    ],
)
def test_an_id_tells_its_generation(model: str, born: tuple[int, int]) -> None:
    assert generation(model) == born


@pytest.mark.parametrize(
    ("model", "effort", "config"),
    [
        ("gemini-3-flash-preview", "none", {"thinkingLevel": "minimal"}),
        ("gemini-3-flash-preview", "medium", {"thinkingLevel": "medium"}),
        ("gemini-3-flash-preview", "xhigh", {"thinkingLevel": "high"}),
        ("gemini-3.7-flash", "none", {"thinkingLevel": "low"}),
        ("gemini-3.8-flash", "minimal", {"thinkingLevel": "low"}),
        ("gemini-flash-latest", "minimal", {"thinkingLevel": "low"}),
        ("gemini-3-pro-preview", "minimal", {"thinkingLevel": "low"}),
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}),
        ("gemini-2.5-pro", "none", {"thinkingBudget": 128}),
        ("gemini-2.5-flash", "high", {"thinkingBudget": 24576}),
        ("gemini-2.0-flash", "high", {}),
    ],
)
def test_an_effort_is_put_as_the_model_wants_it(
    model: str, effort: str, config: dict[str, object]
) -> None:
    assert thinking(model, effort) == config


@pytest.mark.parametrize("model", ["gemini-3-flash", "gemini-2.5-pro", "gemini-2.0-flash"])
def test_an_unknown_effort_is_not_guessed(model: str) -> None:
    with pytest.raises(KeyError):
        thinking(model, "heroic")
