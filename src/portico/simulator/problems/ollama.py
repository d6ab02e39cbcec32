"""Ollama's errors: `{"error": "..."}`."""

from portico.simulator.problems.base import SHARED, Occasion, Problems, retry_after
from portico.simulator.scripts import Problem


def error(status: int, message: str, headers: dict[str, str] | None = None) -> Problem:
    """Return an error as Ollama writes it."""
    return Problem(status, {"error": message}, headers or {})


def _too_long(occasion: Occasion) -> Problem:
    sent, allowed = occasion.length
    return error(400, f"prompt too long; exceeded max context length by {sent - allowed} tokens")


PROBLEMS: Problems = {
    **SHARED,
    "rate_limited_minute": lambda _: error(429, "too many requests"),
    "rate_limited_bare": lambda _: error(429, "too many requests"),
    "rate_limited_header": lambda call: error(429, "too many requests", retry_after(call)),
    "overloaded": lambda _: error(
        503, "server busy, please try again.  maximum pending requests exceeded"
    ),
    "internal": lambda _: error(500, "llama runner process has terminated: exit status 2"),
    "timeout_504": lambda _: Problem(504, b"Gateway Timeout", media="text/plain"),
    "invalid_key": lambda _: error(401, "unauthorized"),
    "no_key": lambda _: error(401, "unauthorized"),
    "forbidden": lambda _: error(403, "forbidden"),
    "model_gone": lambda call: error(404, f"model '{call.model}' not found"),
    "too_long": _too_long,
    "bad_request": lambda _: error(400, "invalid options: temperature"),
    "unprocessable": lambda _: error(422, "unprocessable"),
    "blind": lambda _: error(400, "this model is missing data required for image input"),
}
