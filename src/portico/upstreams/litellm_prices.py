"""Prices out of LiteLLM's map of models, for targets whose catalog entry leaves them out."""

from collections.abc import Iterator, Mapping

from portico.routing.tiers import Price

MILLION = 1_000_000

PRICED_AS: Mapping[str, frozenset[str]] = {
    "bedrock": frozenset({"bedrock", "bedrock_converse"}),
    "ollama_chat": frozenset({"ollama", "ollama_chat"}),
}
"""Under whose names the map lists a provider's models, where not its own alone."""


def price(models: Mapping[str, Mapping[str, object]], provider: str, model: str) -> Price | None:
    """
    Return what *model* costs at *provider* by the map *models*, or None if it does not say.

    The map is in USD per token, and lists a model with its provider's name before it or without.
    A model of that name at somebody else does not count.
    """
    for entry in _entries(models, provider, model):
        amount, output = _cost(entry, "input"), _cost(entry, "output")
        if amount is not None and output is not None:
            return Price(amount, output, _cost(entry, "cache_read_input"))
    return None


def _entries(
    models: Mapping[str, Mapping[str, object]], provider: str, model: str
) -> Iterator[Mapping[str, object]]:
    names = PRICED_AS.get(provider, frozenset({provider}))
    keys = [f"{provider}/{model}", model, *(f"{name}/{model}" for name in sorted(names))]
    for key in keys:
        entry = models.get(key)
        if entry is not None and entry.get("litellm_provider") in names:
            yield entry


def _cost(entry: Mapping[str, object], what: str) -> float | None:
    """USD per million tokens; rounding takes away what the map's floats bring along."""
    found = entry.get(f"{what}_token_cost" if "cache" in what else f"{what}_cost_per_token")
    return round(float(found) * MILLION, 6) if isinstance(found, int | float) else None
