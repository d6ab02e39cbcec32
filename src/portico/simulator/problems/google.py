"""Google's errors (upstream-wire §3.1, §3.2)."""

from typing import Any

from portico.simulator.problems.base import SHARED, Occasion, Problems, retry_after
from portico.simulator.scripts import Problem

TYPE = "type.googleapis.com/google.rpc."
HELP = "https://ai.google.dev/gemini-api/docs/rate-limits"
METRIC = "generativelanguage.googleapis.com/"
REQUESTS = METRIC + "generate_content_free_tier_requests"
INPUT_TOKENS = METRIC + "generate_content_free_tier_input_token_count"
PER_MINUTE = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
PER_DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
TOKENS = "GenerateContentInputTokensPerModelPerMinute-FreeTier"
SIGNATURES = "https://ai.google.dev/gemini-api/docs/thought-signatures"


def error(status: int, name: str, message: str, details: list[Any] | None = None) -> Problem:
    """Return an error in Google's envelope."""
    body: dict[str, Any] = {"code": status, "message": message, "status": name}
    if details is not None:
        body["details"] = details
    headers = {"server": "ESF", "vary": "Origin, X-Origin, Referer"}
    return Problem(status, {"error": body}, headers, "application/json; charset=UTF-8")


def invalid(message: str, details: list[Any] | None = None) -> Problem:
    """Return a 400 INVALID_ARGUMENT."""
    return error(400, "INVALID_ARGUMENT", message, details)


def not_found(model: str, verb: str = "generateContent") -> Problem:
    """Return the 404 of an id that does not exist (any more)."""
    return error(
        404,
        "NOT_FOUND",
        f"models/{model} is not found for API version v1beta, or is not supported for {verb}. "
        "Call ListModels to see the list of available models and their supported methods.",
    )


def missing_signature(function: str, position: int) -> Problem:
    """Return the 400 of a function call that came back without its thought signature."""
    return invalid(
        "Function call is missing a thought_signature in functionCall parts. This is required "
        "for tools to work correctly, and missing thought_signature may lead to degraded model "
        f"performance. Additional data, function call `default_api:{function}`, position "
        f"{position}. Please refer to {SIGNATURES} for more details."
    )


def unregistered() -> Problem:
    """Return the 403 of a call without any key."""
    return error(
        403,
        "PERMISSION_DENIED",
        "Method doesn't allow unregistered callers (callers without established identity). "
        "Please use API Key or other form of API consumer identity to call this API.",
    )


def _quota(occasion: Occasion, metric: str, quota: str, limit: int) -> Problem:
    model, delay = occasion.model.removesuffix("-preview"), occasion.delay
    wait = f"{delay:.9f}".rstrip("0").rstrip(".")
    violation: dict[str, Any] = {
        "quotaMetric": metric,
        "quotaId": quota,
        "quotaDimensions": {"location": "global", "model": model},
    }
    if limit:
        violation["quotaValue"] = str(limit)
    return error(
        429,
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota, please check your plan and billing details. For more "
        f"information on this error, head to: {HELP}. To monitor your current usage, head to: "
        f"https://ai.dev/rate-limit. \n* Quota exceeded for metric: {metric}, limit: {limit}, "
        f"model: {model}\nPlease retry in {delay:.9f}s.",
        [
            {
                "@type": TYPE + "Help",
                "links": [{"description": "Learn more about Gemini API quotas", "url": HELP}],
            },
            {"@type": TYPE + "QuotaFailure", "violations": [violation]},
            {
                "@type": TYPE + "RetryInfo",
                "retryDelay": wait + "s",
            },
        ],
    )


def _bare(headers: dict[str, str]) -> Problem:
    problem = error(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).")
    return Problem(problem.status, problem.body, {**problem.headers, **headers}, problem.media)


def _overloaded(occasion: Occasion) -> Problem:
    text = (
        "This model is currently experiencing high demand. Spikes in demand are usually temporary."
    )
    if occasion.variant == "2025":
        text = "The model is overloaded."
    return error(503, "UNAVAILABLE", f"{text} Please try again later.")


def _bad_key(message: str) -> Problem:
    return invalid(
        message,
        [{"@type": TYPE + "ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}],
    )


def _too_long(occasion: Occasion) -> Problem:
    sent, allowed = occasion.length
    return invalid(
        f"The input token count ({sent}) exceeds the maximum number of tokens allowed ({allowed})."
    )


PROBLEMS: Problems = {
    **SHARED,
    "rate_limited_minute": lambda call: _quota(call, REQUESTS, PER_MINUTE, 15),
    "rate_limited_day": lambda call: _quota(call, REQUESTS, PER_DAY, 20),
    "rate_limited_tokens": lambda call: _quota(call, INPUT_TOKENS, TOKENS, 250_000),
    "rate_limited_zero": lambda call: _quota(call, REQUESTS, PER_DAY, 0),
    "rate_limited_bare": lambda _: _bare({}),
    "rate_limited_header": lambda call: _bare(retry_after(call)),
    "spend_limit": lambda _: error(
        429,
        "RESOURCE_EXHAUSTED",
        "Your project has exceeded its spend limit for the current period. Please try again later.",
    ),
    "credits_depleted": lambda _: error(
        429,
        "RESOURCE_EXHAUSTED",
        "Your prepayment credits are depleted. Please go to AI Studio to manage your project and "
        "billing.",
    ),
    "insufficient_balance": lambda _: error(
        402, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."
    ),
    "overloaded": _overloaded,
    "internal": lambda _: error(
        500,
        "INTERNAL",
        "An internal error has occurred. Please retry or report in "
        "https://developers.generativeai.google/guide/troubleshooting",
    ),
    "timeout_504": lambda _: error(
        504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."
    ),
    "invalid_key": lambda _: _bad_key("API key not valid. Please pass a valid API key."),
    "expired_key": lambda _: _bad_key("API key expired. Please renew the API key."),
    "forbidden": lambda _: error(
        403,
        "PERMISSION_DENIED",
        "Your API key was reported as leaked. Please use another API key.",
    ),
    "region": lambda _: error(
        400, "FAILED_PRECONDITION", "User location is not supported for the API use."
    ),
    "model_gone": lambda call: not_found(call.model),
    "too_long": _too_long,
    "bad_request": lambda _: invalid(
        "Invalid value at 'generation_config.temperature' (TYPE_FLOAT), \"warm\""
    ),
    "unprocessable": lambda _: Problem(422, {"error": {"code": 422, "message": "Unprocessable."}}),
    "signature_missing": lambda _: missing_signature("f", 2),
}
