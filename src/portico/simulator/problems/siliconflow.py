"""SiliconFlow's errors, which are not OpenAI-shaped (upstream-wire §3.3)."""

from portico.simulator.problems.base import SHARED, Occasion, Problems, retry_after
from portico.simulator.scripts import Problem


def coded(status: int, code: int, message: str) -> Problem:
    """Return an error in SiliconFlow's own envelope."""
    return Problem(status, {"code": code, "message": message, "data": None})


def _limited(occasion: Occasion, axis: str, headers: dict[str, str] | None = None) -> Problem:
    text = f"Request was rejected due to rate limiting. Details: {axis} limit reached."
    body: dict[str, object] = {"message": text, "data": None}
    if occasion.variant == "50602":
        body = {"code": 50602, **body}
    return Problem(429, body, headers or {})


def _too_long(occasion: Occasion) -> Problem:
    sent, allowed = occasion.length
    return coded(
        400, 20015, f"length of prompt_tokens ({sent}) must be less than max_seq_len ({allowed})."
    )


def _overloaded(occasion: Occasion) -> Problem:
    if occasion.variant == "50508":
        return coded(503, 50508, "System is too busy now. Please try again later.")
    return coded(503, 50505, "Model service overloaded. Please try again later.")


PROBLEMS: Problems = {
    **SHARED,
    "rate_limited_minute": lambda call: _limited(call, "RPM"),
    "rate_limited_day": lambda call: _limited(call, "RPD"),
    "rate_limited_tokens": lambda call: _limited(call, "TPM"),
    "rate_limited_bare": lambda _: Problem(
        429, {"message": "Request was rejected due to rate limiting.", "data": None}
    ),
    "rate_limited_header": lambda call: _limited(call, "RPM", retry_after(call)),
    "insufficient_balance": lambda _: coded(
        403, 30001, "Sorry, your account balance is insufficient"
    ),
    "overloaded": _overloaded,
    "internal": lambda _: coded(500, 50000, "Internal server error."),
    "timeout_504": lambda _: Problem(504, b"Gateway Timeout", media="text/plain"),
    "invalid_key": lambda _: Problem(401, "Invalid token"),
    "no_key": lambda _: Problem(401, "Invalid token"),
    "expired_key": lambda _: Problem(401, "Invalid token"),
    "forbidden": lambda _: Problem(403, "Forbidden"),
    "region": lambda _: Problem(403, "Forbidden"),
    "model_gone": lambda _: coded(400, 20012, "Model does not exist. Please check it carefully."),
    "blind": lambda _: coded(
        400,
        20041,
        "The model is not a VLM (Vision Language Model). Please use text-only prompts.",
    ),
    "too_long": _too_long,
    "bad_request": lambda _: coded(400, 20015, "The parameter is invalid. Please check again."),
    "unprocessable": lambda _: coded(422, 20015, "The parameter is invalid. Please check again."),
    "json_schema_unavailable": lambda _: coded(
        400, 20015, "response_format json_schema is not supported by this model."
    ),
    "data_inspection_failed": lambda _: coded(400, 20015, "The content contains sensitive words"),
}
