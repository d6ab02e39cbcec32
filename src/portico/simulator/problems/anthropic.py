"""Anthropic's errors: `{"type": "error", "error": {"type", "message"}}`."""

from portico.simulator.problems.base import SHARED, Problems, retry_after
from portico.simulator.scripts import Problem


def error(status: int, kind: str, message: str, headers: dict[str, str] | None = None) -> Problem:
    """Return an error in Anthropic's envelope."""
    body = {"type": "error", "error": {"type": kind, "message": message}}
    return Problem(status, body, headers or {})


def invalid(message: str) -> Problem:
    """Return a 400."""
    return error(400, "invalid_request_error", message)


PROBLEMS: Problems = {
    **SHARED,
    "rate_limited_minute": lambda call: error(
        429, "rate_limit_error", "This request would exceed your rate limit.", retry_after(call)
    ),
    "rate_limited_bare": lambda _: error(429, "rate_limit_error", "Too many requests."),
    "rate_limited_header": lambda call: error(
        429, "rate_limit_error", "Too many requests.", retry_after(call)
    ),
    "overloaded": lambda _: error(529, "overloaded_error", "Overloaded"),
    "internal": lambda _: error(500, "api_error", "Internal server error"),
    "timeout_504": lambda _: error(504, "timeout_error", "Request timed out"),
    "invalid_key": lambda _: error(401, "authentication_error", "invalid x-api-key"),
    "no_key": lambda _: error(401, "authentication_error", "x-api-key header is required"),
    "forbidden": lambda _: error(403, "permission_error", "Your API key may not use this."),
    "model_gone": lambda call: error(404, "not_found_error", f"model: {call.model}"),
    "too_long": lambda call: invalid(
        "prompt is too long: {} tokens > {} maximum".format(*call.length)
    ),
    "bad_request": lambda _: invalid("temperature: Input should be a valid number"),
    "unprocessable": lambda _: error(422, "invalid_request_error", "Unprocessable"),
    "blind": lambda _: invalid("This model does not support image input."),
}
