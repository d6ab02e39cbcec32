"""Which limit was hit: what it counts, for how long, and how much it allows, where that is said."""

import re
from collections.abc import Iterable, Mapping

from portico.routing.attempts import Limit, Metric, Window

_QUOTA_ID = re.compile(r"per_?(minute|hour|day)", re.IGNORECASE)
_LETTERS = re.compile(r"\b([RT])P([MHD])\b")
_WORDS = re.compile(r"\b(request|token)s? per (min|hour|day)", re.IGNORECASE)
_SIZE = re.compile(r"\blimit(?: of|:)? (\d[\d,]{0,15})", re.IGNORECASE)
_WHOLE = re.compile(r"[1-9]\d{0,14}")
_HEADER = re.compile(r"x-ratelimit-limit-(requests|tokens)(?:-(minute|hour|day))?")

_METRICS = {
    "r": Metric.REQUESTS,
    "request": Metric.REQUESTS,
    "t": Metric.TOKENS,
    "token": Metric.TOKENS,
}
_WINDOWS = {"m": Window.MINUTE, "min": Window.MINUTE, "h": Window.HOUR, "d": Window.DAY}
_REACH = {Window.MINUTE: 0, Window.HOUR: 1, Window.DAY: 2}


def google(violations: Iterable[Mapping[str, object]], zone: str) -> Limit | None:
    """
    Return the limit that a `QuotaFailure` names (wire §3.1), or None.

    The id has no contract and is read leniently. Of several violations the one that lasts longest
    counts, then the one that turns everybody away.
    """
    return _widest(filter(None, (_violated(one, zone) for one in violations)))


def worded(message: str, zone: str = "") -> Limit | None:
    """
    Return the limit that a text names, as `TPM` or `tokens per min`, or None.

    SiliconFlow (wire §3.3) says no more than that; OpenAI and Anthropic say how much.
    """
    letters, words = _LETTERS.search(message), _WORDS.search(message)
    named = letters or words
    if named is None:
        return None
    window = _WINDOWS.get(named[2].lower()) or Window(named[2].lower())
    size = _SIZE.search(message)
    value = _whole(size[1].replace(",", "")) if size else None
    about = f"{named[1]}P{named[2]}" if letters else named[0].lower()
    return Limit(_METRICS[named[1].lower()], window, value, about, _zone(window, zone))


def headed(headers: Mapping[str, str]) -> Limit | None:
    """
    Return the limit that is spent by OpenAI's rate limit headers, or None.

    *headers* have lower-case names. A header that names no window is about a minute.
    """
    found = []
    for name, value in headers.items():
        named = _HEADER.fullmatch(name)
        left = headers.get(name.replace("-limit-", "-remaining-", 1), "").strip()
        if named and left == "0":
            window = Window(named[2] or "minute")
            found.append(Limit(Metric(named[1]), window, _whole(value.strip()), name))
    return _widest(found)


def _violated(violation: Mapping[str, object], zone: str) -> Limit | None:
    name = str(violation.get("quotaId", ""))
    per = _QUOTA_ID.search(name)
    if per is None:
        return None
    tokens = "token" in f"{name} {violation.get('quotaMetric', '')}".lower()
    window = Window(per[1].lower())
    return Limit(
        Metric.TOKENS if tokens else Metric.REQUESTS,
        window,
        _whole(str(violation.get("quotaValue", ""))),
        name,
        _zone(window, zone),
    )


def _widest(limits: Iterable[Limit]) -> Limit | None:
    def reach(limit: Limit) -> tuple[int, bool]:
        return _REACH[limit.window], limit.metric is Metric.REQUESTS

    return max(limits, key=reach, default=None)


def _zone(window: Window, zone: str) -> str:
    return zone if window is Window.DAY else ""


def _whole(text: str) -> int | None:
    """Nothing but a sane number above 0 teaches: a limit of 0 would never let anybody through."""
    return int(text) if _WHOLE.fullmatch(text) else None
