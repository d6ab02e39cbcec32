"""Errors in OpenAI's envelope: the generic ones and DeepSeek's (upstream-wire §3.4)."""

from portico.simulator.problems.base import SHARED, Occasion, Problems, retry_after
from portico.simulator.scripts import Problem

INVALID = "invalid_request_error"


def error(
    status: int, message: str, kind: str, code: str | None, headers: dict[str, str] | None = None
) -> Problem:
    """Return an error in OpenAI's envelope."""
    body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return Problem(status, body, headers or {})


def invalid(message: str) -> Problem:
    """Return a 400 as DeepSeek writes it."""
    return error(400, message, INVALID, INVALID)


def _limited(message: str, headers: dict[str, str] | None = None) -> Problem:
    return error(429, message, "requests", "rate_limit_exceeded", headers)


def _too_long(occasion: Occasion, code: str) -> Problem:
    sent, allowed = occasion.length
    return error(
        400,
        f"This model's maximum context length is {allowed} tokens. However, you requested {sent} "
        "tokens. Please reduce the length of the messages or completion.",
        INVALID,
        code,
    )


PROBLEMS: Problems = {
    **SHARED,
    "rate_limited_minute": lambda call: _limited(
        "Rate limit reached on requests per min (RPM): Limit 3, Used 3, Requested 1. "
        f"Please try again in {call.delay:g}s."
    ),
    "rate_limited_day": lambda call: _limited(
        "Rate limit reached on requests per day (RPD): Limit 200, Used 200, Requested 1. "
        f"Please try again in {call.delay:g}s."
    ),
    "rate_limited_tokens": lambda call: _limited(
        "Rate limit reached on tokens per min (TPM): Limit 30000, Used 30000, Requested 1000. "
        f"Please try again in {call.delay:g}s."
    ),
    "rate_limited_bare": lambda _: _limited("Too many requests."),
    "rate_limited_header": lambda call: _limited("Too many requests.", retry_after(call)),
    "insufficient_balance": lambda _: error(
        429,
        "You exceeded your current quota, please check your plan and billing details.",
        "insufficient_quota",
        "insufficient_quota",
    ),
    "overloaded": lambda _: error(
        503, "The engine is currently overloaded, please try again later.", "server_error", None
    ),
    "internal": lambda _: error(
        500, "The server had an error while processing your request.", "server_error", None
    ),
    "timeout_504": lambda _: Problem(504, b"upstream request timeout", media="text/plain"),
    "invalid_key": lambda _: error(401, "Incorrect API key provided.", INVALID, "invalid_api_key"),
    "no_key": lambda _: error(401, "You didn't provide an API key.", INVALID, None),
    "expired_key": lambda _: error(401, "The API key has expired.", INVALID, "invalid_api_key"),
    "forbidden": lambda _: error(
        403, "You are not allowed to use this model.", INVALID, "permission_denied"
    ),
    "region": lambda _: error(
        403,
        "Country, region, or territory not supported",
        "request_forbidden",
        "unsupported_country_region_territory",
    ),
    "model_gone": lambda call: error(
        404,
        f"The model `{call.model}` does not exist or you do not have access to it.",
        INVALID,
        "model_not_found",
    ),
    "blind": lambda _: error(
        400, "Invalid content type. image_url is only supported by certain models.", INVALID, None
    ),
    "too_long": lambda call: _too_long(call, "context_length_exceeded"),
    "bad_request": lambda _: error(400, "Invalid value for 'temperature': 'warm'.", INVALID, None),
    "unprocessable": lambda _: error(422, "Invalid parameters.", INVALID, INVALID),
    "json_schema_unavailable": lambda _: invalid("This response_format type is unavailable now"),
}

DEEPSEEK: Problems = {
    **PROBLEMS,
    "rate_limited_minute": lambda _: error(
        429, "Rate limit reached: too many concurrent requests.", "rate_limit_error", INVALID
    ),
    "insufficient_balance": lambda _: error(402, "Insufficient Balance", "unknown_error", INVALID),
    "overloaded": lambda _: error(
        503, "Service is too busy. Please try again later.", "service_unavailable_error", INVALID
    ),
    "invalid_key": lambda _: error(
        401,
        "Authentication Fails, Your api key: ****xxxx is invalid",
        "authentication_error",
        INVALID,
    ),
    "no_key": lambda _: error(
        401,
        "Authentication Fails (auth header format should be Bearer sk-...)",
        "authentication_error",
        INVALID,
    ),
    "model_gone": lambda call: invalid(
        "The supported API model names are deepseek-flash, deepseek-v4-pro, but you passed "
        f"{call.model}."
    ),
    "blind": lambda _: invalid(
        "Failed to deserialize the JSON body into the target type: messages[0]: unknown variant "
        "`image_url`, expected `text`"
    ),
    "too_long": lambda call: _too_long(call, INVALID),
    "reasoning_missing": lambda _: invalid(
        "The reasoning_content in the thinking mode must be passed back to the API."
    ),
    "tool_choice": lambda _: invalid("Thinking mode does not support this tool_choice"),
    "no_json_word": lambda _: invalid(
        "Prompt must contain the word 'json' in some form to use 'response_format' of type "
        "'json_object'."
    ),
}
