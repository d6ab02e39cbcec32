"""An upstream's answer or exception -> `Failure`. Pure; knows every provider's way to say no."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from portico.egress.clients import (
    ConnectFailed,
    ConnectionLost,
    HungUp,
    NotHTTP,
    TooLarge,
    TunnelDown,
)
from portico.routing.attempts import Failure, Kind
from portico.upstreams import faults_limits, faults_quotas
from portico.upstreams.faults_complaint import NAMELESS, Complaint, Shape, quote, read
from portico.upstreams.faults_signs import first

STATUSES: Mapping[int, Kind] = {
    401: Kind.ACCOUNT,
    402: Kind.ACCOUNT,
    403: Kind.ACCOUNT,
    404: Kind.MODEL_GONE,
    405: Kind.ACCOUNT,  # only a wrong base URL answers that to a POST
    407: Kind.REGION,  # somebody on the way wants to be paid first
    408: Kind.SILENT,
    410: Kind.MODEL_GONE,
    # A front door's limit on bytes says nothing about the model's window: whoever is next may
    # take it, and nobody rests for it.
    413: Kind.INCAPABLE,
    429: Kind.RATE_LIMITED,
    451: Kind.REGION,
    499: Kind.UNAVAILABLE,  # the provider thinks that we left; we had not
    511: Kind.REGION,
}
"""What a status means where the text says nothing better; other 4xx are the request's fault."""

NAMED: Mapping[str, Kind] = {
    "service_unavailable_error": Kind.UNAVAILABLE,
    "overloaded_error": Kind.UNAVAILABLE,
    "server_error": Kind.UNAVAILABLE,
    "rate_limit_error": Kind.RATE_LIMITED,
    "rate_limit_exceeded": Kind.RATE_LIMITED,
    "authentication_error": Kind.ACCOUNT,
    "permission_error": Kind.ACCOUNT,
    "not_found_error": Kind.MODEL_GONE,
    "invalid_request_error": Kind.REJECTED,
    "invalidparameter": Kind.REJECTED,
    "20015": Kind.REJECTED,
}
"""
What an error inside a 200 means by its type or code, where it gives no status; the first counts:
DeepSeek calls its own trouble an invalid request too (wire §3.4).
"""

PORTALS = frozenset({400, 403, 407, 429, 451, 511})
"""Under these a page that came through a tunnel is about the exit, not about us."""

LIMITS: Mapping[str, Callable[[Complaint, float | None, float], Failure]] = {
    "gemini": faults_limits.gemini,
    "siliconflow": faults_limits.siliconflow,
    "dashscope": faults_limits.dashscope,
    "deepseek": faults_limits.deepseek,
}

CARRIAGE: Mapping[type[BaseException], tuple[Kind, str]] = {
    TunnelDown: (Kind.UNREACHABLE, "the tunnel did not let us through"),
    ConnectFailed: (Kind.UNREACHABLE, "no connection"),
    HungUp: (Kind.UNAVAILABLE, "the connection was closed without an answer"),
    ConnectionLost: (Kind.UNAVAILABLE, "the connection was lost before the answer ended"),
    NotHTTP: (Kind.GARBLED, "the answer is not HTTP"),
    TooLarge: (Kind.GARBLED, "the answer is too large"),
    TimeoutError: (Kind.SILENT, "no answer in time"),
    OSError: (Kind.UNREACHABLE, "no connection"),
    Exception: (Kind.UNAVAILABLE, "the call failed"),
}
"""What an exception means; the nearest base class counts. A test holds every EgressError here."""


def from_status(  # noqa: PLR0913  # an HTTP answer is four things, and two say how to read it
    flavour: str,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    tunnelled: bool,
    now: float,
) -> Failure:
    """
    Return what an answer that is no answer means (upstream-wire §3).

    For every status but 2xx with a chat answer; an answer of 2xx that holds something else may
    be given too. *flavour* is `gemini` or an account's flavour, and any unknown one is
    `generic`. *now* is in epoch seconds and is what resets are counted from.
    """
    complaint = read(body)
    lower = {name.lower(): value for name, value in headers.items()}
    if status < 400:
        return _strange(flavour, status, complaint, tunnelled=tunnelled, now=now)
    if complaint.shape is Shape.PAGE and tunnelled and status in PORTALS:
        return _told(Failure(Kind.REGION), complaint, status)
    return _told(_judged(flavour, complaint, status, lower, now), complaint, status)


def from_event(flavour: str, body: bytes, *, now: float) -> Failure:
    """
    Return what an error object inside a 200 answer means.

    *body* is one event's payload or a whole body. Without a sign to the contrary the provider
    broke down. The status is the one that the object itself claims, if it does.
    """
    return _event(flavour, read(body), now)


def from_exception(exc: Exception) -> Failure:
    """Return what an exception of the egress room, a time-out or an OSError means."""
    kind, words = next(CARRIAGE[base] for base in type(exc).__mro__ if base in CARRIAGE)
    said = quote(str(exc))
    begun = words.split()[:3]
    again = said.split()[: len(begun)] == begun  # it says the same, and says it better
    told = said if again else quote(f"{words}: {said}") if said else words
    return Failure(kind, told, scope="path" if isinstance(exc, TunnelDown) else "target")


def _event(flavour: str, complaint: Complaint, now: float) -> Failure:
    status = complaint.claimed
    return _told(_judged(flavour, complaint, status, {}, now), complaint, status)


def _strange(
    flavour: str, status: int, complaint: Complaint, *, tunnelled: bool, now: float
) -> Failure:
    """An answer below 400 that is not in the agreed protocol."""
    if complaint.message and complaint.shape is Shape.JSON:
        failure = _event(flavour, complaint, now)
        return failure if failure.status else replace(failure, status=status)
    page = complaint.shape is Shape.PAGE
    if page or status >= 300:
        shown = _page(complaint.message) if page else "a redirect, which we do not follow"
        return Failure(Kind.REGION if tunnelled else Kind.GARBLED, quote(shown), status)
    if complaint.shape is Shape.EMPTY:
        return Failure(Kind.UNAVAILABLE, "empty answer", status)
    return Failure(Kind.GARBLED, f"{complaint.shape.value}, but no chat answer", status)


def _page(title: str) -> str:
    return f"{title} in place of an answer" if title == NAMELESS else f"a page: {title}"


def _judged(
    flavour: str,
    complaint: Complaint,
    status: int | None,
    headers: Mapping[str, str],
    now: float,
) -> Failure:
    sign = first(flavour, complaint, status) if status is None or status < 500 else None
    kind = sign.kind if sign else _kind(complaint, status)
    if kind is Kind.RATE_LIMITED:
        limit = LIMITS.get(flavour, faults_limits.generic)
        failure = limit(complaint, faults_limits.wait(headers, complaint, now), now)
        return replace(failure, limit=failure.limit or faults_quotas.headed(headers))
    delay = faults_limits.retry_after(headers, now) if kind is Kind.UNAVAILABLE else None
    return Failure(kind, delay=delay, mend=sign.mend if sign else "")


def _kind(complaint: Complaint, status: int | None) -> Kind:
    if status is None:
        known = (kind for name, kind in NAMED.items() if name in complaint.names)
        return next(known, Kind.UNAVAILABLE)
    if status == 404 and complaint.shape is not Shape.JSON:
        return Kind.ACCOUNT  # no API answers like that: the base URL is wrong (wire §3.3)
    if status == 400 and complaint.shape is Shape.PAGE:
        return Kind.GARBLED
    return STATUSES.get(status, Kind.REJECTED if status < 500 else Kind.UNAVAILABLE)


def _told(failure: Failure, complaint: Complaint, status: int | None) -> Failure:
    shown = quote(complaint.message) or f"the answer gives no reason ({complaint.shape.value})"
    return replace(failure, detail=shown, status=status)
