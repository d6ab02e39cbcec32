import pytest

from portico.simulator.routes import Wanted, route


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/gemini/v1beta/models/a:generateContent", Wanted("gemini", "chat", "a")),
        ("/v1beta/models/a:streamGenerateContent", Wanted("gemini", "stream", "a")),
        ("/gemini/v1beta/models/a:countTokens", Wanted("gemini", "count", "a")),
        ("/gemini/v1beta/models", Wanted("gemini", "models")),
        ("/gemini/v1beta/models/a", Wanted("gemini", "model", "a")),
        ("/deepseek/chat/completions", Wanted("deepseek", "chat")),
        ("/deepseek/v1/chat/completions", Wanted("deepseek", "chat")),
        ("/deepseek/beta/chat/completions", Wanted("deepseek", "chat")),
        ("/dashscope/compatible-mode/v1/embeddings", Wanted("dashscope", "embeddings")),
        ("/v1/models/Qwen/Qwen3", Wanted("openai", "model", "Qwen/Qwen3")),
        ("/anthropic/v1/messages", Wanted("anthropic", "chat")),
        ("/ollama/api/chat", Wanted("ollama", "chat")),
        ("/gemini/v1beta/models/a:dance", None),
        ("/siliconflow/chat/completions", None),
        ("/elsewhere", None),
        ("/", None),
    ],
)
def test_a_path_belongs_to_an_upstream(path: str, wanted: Wanted | None) -> None:
    assert route(path) == wanted
