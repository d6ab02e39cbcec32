"""What providers answer when they do not answer (upstream-wire §3), and how to read it."""

import json
from datetime import UTC, datetime

from portico.routing.attempts import Failure
from portico.upstreams.faults import from_status

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC).timestamp()
PAGE = b"<!doctype html><html><head><title> Sign in to\n the network </title></head></html>"


def failed(
    flavour: str,
    status: int,
    body: object,
    headers: dict[str, str] | None = None,
    tunnelled: bool = False,
) -> Failure:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return from_status(flavour, status, headers or {}, raw, tunnelled=tunnelled, now=NOW)


def error(message: str, code: str = "", kind: str = "invalid_request_error") -> dict[str, object]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code or kind}}


def google(code: int, status: str, message: str, *details: object) -> dict[str, object]:
    shape: dict[str, object] = {"code": code, "message": message, "status": status}
    return {"error": shape | ({"details": list(details)} if details else {})}


def flow(message: str, code: int | None = None) -> dict[str, object]:
    return {"message": message, "data": None} | ({"code": code} if code else {})


def quota(quota_id: str, value: str | None = "20") -> dict[str, object]:
    violation = {"quotaMetric": "m", "quotaId": quota_id, "quotaDimensions": {"model": "x"}}
    return {
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [violation | ({"quotaValue": value} if value else {})],
    }


def retry(delay: str) -> dict[str, object]:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
MINUTE = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
SPENT = (
    "You exceeded your current quota, please check your plan and billing details. \n* Quota "
    "exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_requests, "
    "limit: {}, model: gemini-3-flash\nPlease retry in 10.689924287s."
)
EXHAUSTED = "RESOURCE_EXHAUSTED"
