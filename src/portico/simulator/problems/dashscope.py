"""DashScope's errors (upstream-wire §3.5)."""

from portico.simulator.problems import openai
from portico.simulator.problems.base import Occasion, Problems, retry_after
from portico.simulator.problems.openai import error
from portico.simulator.scripts import Problem


def _limited(headers: dict[str, str] | None = None) -> Problem:
    return error(429, "Requests rate limit exceeded", "limit_requests", "limit_requests", headers)


def _too_long(occasion: Occasion) -> Problem:
    return error(
        400,
        f"<400> InternalError.Algo.InvalidParameter: Range of input length should be "
        f"[1, {occasion.length[1]}]",
        "invalid_request_error",
        "InvalidParameter",
    )


PROBLEMS: Problems = {
    **openai.PROBLEMS,
    "rate_limited_minute": lambda _: _limited(),
    "rate_limited_day": lambda _: error(
        429, "Request quota for today exceeded", "limit_requests", "limit_requests"
    ),
    "rate_limited_tokens": lambda _: error(
        429,
        "Allocated quota exceeded, please increase your quota limit.",
        "insufficient_quota",
        "insufficient_quota",
    ),
    "rate_limited_bare": lambda _: error(
        429, "Request rate increased too quickly", "limit_burst_rate", "limit_burst_rate"
    ),
    "rate_limited_header": lambda call: _limited(retry_after(call)),
    "insufficient_balance": lambda _: error(
        400,
        "Access denied, please make sure your account is in good standing.",
        "Arrearage",
        "Arrearage",
    ),
    "invalid_key": lambda _: error(
        401, "Incorrect API key provided.", "invalid_request_error", "InvalidApiKey"
    ),
    "no_key": lambda _: error(
        401, "You didn't provide an API key.", "invalid_request_error", "InvalidApiKey"
    ),
    "forbidden": lambda _: error(
        403, "Model access denied.", "Model.AccessDenied", "Model.AccessDenied"
    ),
    "model_gone": lambda call: error(
        404,
        f"The model `{call.model}` does not exist or you do not have access to it.",
        "invalid_request_error",
        "ModelNotFound",
    ),
    "too_long": _too_long,
    "data_inspection_failed": lambda _: error(
        400,
        "Input data may contain inappropriate content.",
        "data_inspection_failed",
        "data_inspection_failed",
    ),
}
