"""How long a limit lasts: delays, resets and the two calendars that matter."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

from portico.routing.attempts import Failure, Kind, Limit, Metric, Window
from portico.upstreams import faults_quotas
from portico.upstreams.faults_complaint import Complaint

LONGEST = 86_400.0
"""Seconds; no delay is believed beyond it: a nonsense date must not rest a target for years."""

WINDOWS = {"M": 60.0, "H": 3600.0}
"""Seconds of a limit's window where the provider names the window and not the wait."""

LOS_ANGELES, SHANGHAI = "America/Los_Angeles", "Asia/Shanghai"
ZONES = frozenset({"", LOS_ANGELES, SHANGHAI})
"""The calendars that a limit's day can be of; "": none, its window slides."""

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}

DASHSCOPE = {"limit_requests": Metric.REQUESTS, "insufficient_quota": Metric.TOKENS}
"""What DashScope's codes for a minute's limits count (wire §3.5)."""

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|[smhd])", re.IGNORECASE)
_WAIT = re.compile(
    r"(?:retry|again)(?: in| after)\s+((?:\d+(?:\.\d+)?\s*(?:ms|[smhd])[a-z]*\s*)+)", re.IGNORECASE
)
_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,15})?")


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """
    Return the seconds a server asks to wait, or None.

    `retry-after-ms` (OpenAI), then `Retry-After` as seconds, fractions too, or as an HTTP date.
    *headers* have lower-case names; *now* is in epoch seconds.
    """
    exact = _number(headers.get("retry-after-ms", ""))
    if exact is not None:
        return _bounded(exact / 1000)
    told = headers.get("retry-after", "").strip()
    seconds = _number(told)
    return _bounded(seconds) if seconds is not None else _date(told, now)


def wait(headers: Mapping[str, str], complaint: Complaint, now: float) -> float | None:
    """Return how long a limit lasts by its header, its text or its reset headers, or None."""
    asked = retry_after(headers, now)
    if asked is not None:
        return asked
    told = _WAIT.search(complaint.message)
    return _duration(told[1]) if told else _reset(headers, now)


def midnight(now: float, zone: str, days: int = 1) -> float:
    """Return the epoch seconds of the next midnight in *zone*, by its own calendar; 0: the last."""
    day = datetime.fromtimestamp(now, ZoneInfo(zone)).date() + timedelta(days=days)
    return datetime.combine(day, time.min, ZoneInfo(zone)).timestamp()


def gemini(complaint: Complaint, delay: float | None, now: float) -> Failure:
    """
    Return what a 429 of Google's means (wire §3.1).

    Only `quotaId` tells the truth: a spent day claims seconds. A limit of 0 says that this tier
    does not sell the model. Nothing will reset and only a person can change it, while the
    account's other models live: as good as gone, and neither a quota nor the account.
    """
    quotas = _violations(complaint)
    ids = " ".join(str(quota.get("quotaId", "")) for quota in quotas)
    if _unsold(complaint, quotas):
        return Failure(Kind.MODEL_GONE)
    limit = faults_quotas.google(quotas, LOS_ANGELES)
    if re.search(r"per_?day", f"{ids} {complaint.message}", re.IGNORECASE):
        return Failure(Kind.QUOTA_SPENT, until=midnight(now, LOS_ANGELES), limit=limit)
    # The spend of ten minutes is counted over the whole project (wire §1.1).
    scope = "upstream" if re.search(r"\bspend", complaint.message, re.IGNORECASE) else "target"
    given = _retry_info(complaint)
    delay = delay if given is None else given
    return Failure(Kind.RATE_LIMITED, delay=delay, scope=scope, limit=limit)


def siliconflow(complaint: Complaint, delay: float | None, now: float) -> Failure:
    """
    Return what a rate limit of SiliconFlow's means (wire §3.3).

    The text names the window (RPM, TPM, RPH, RPD, …) and no wait. When a day resets is not
    documented: midnight where the provider lives is our assumption.
    """
    window = re.search(r"\b[RTI]P([MHD])\b", complaint.message)
    limit = faults_quotas.worded(complaint.message, SHANGHAI)
    if window is not None and window[1] == "D":
        return Failure(Kind.QUOTA_SPENT, until=midnight(now, SHANGHAI), limit=limit)
    if delay is None and window is not None:
        delay = WINDOWS[window[1]]
    return Failure(Kind.RATE_LIMITED, delay=delay, limit=limit)


def dashscope(complaint: Complaint, delay: float | None, now: float) -> Failure:
    """Return what a 429 of DashScope's means: its quotas are of a minute (wire §3.5), or a day."""
    if re.search(r"\b(?:today|daily|per day)\b", complaint.message, re.IGNORECASE):
        return Failure(Kind.QUOTA_SPENT, until=midnight(now, SHANGHAI))
    metric = next((DASHSCOPE[name] for name in DASHSCOPE if name in complaint.names), None)
    if metric is None:
        return Failure(Kind.RATE_LIMITED, delay=delay)
    delay = WINDOWS["M"] if delay is None else delay
    return Failure(Kind.RATE_LIMITED, delay=delay, limit=Limit(metric, Window.MINUTE))


def deepseek(complaint: Complaint, delay: float | None, now: float) -> Failure:
    """Return what a 429 of DeepSeek's means: the account's concurrency is used up (wire §1.2)."""
    return Failure(Kind.RATE_LIMITED, delay=delay, scope="upstream")


def generic(complaint: Complaint, delay: float | None, now: float) -> Failure:
    """Return what a 429 means where nothing else is known."""
    return Failure(Kind.RATE_LIMITED, delay=delay, limit=faults_quotas.worded(complaint.message))


def _violations(complaint: Complaint) -> list[Mapping[str, object]]:
    found = [item.get("violations") for item in complaint.details]
    lists = [item for item in found if isinstance(item, list)]
    return [quota for item in lists for quota in item if isinstance(quota, dict)]


def _unsold(complaint: Complaint, quotas: list[Mapping[str, object]]) -> bool:
    limits = re.findall(r"\blimit: (\d+)", complaint.message)
    if "0" in limits or any(str(quota.get("quotaValue")) == "0" for quota in quotas):
        return True
    # Google's JSON leaves out zeros, so no value is 0, unless the message knows better.
    return not limits and any("quotaValue" not in quota for quota in quotas)


def _retry_info(complaint: Complaint) -> float | None:
    given = (item.get("retryDelay") for item in complaint.details)
    return next((_duration(item) for item in given if isinstance(item, str)), None)


def _reset(headers: Mapping[str, str], now: float) -> float | None:
    """The exhausted windows' last reset; where none admits to be exhausted, the nearest."""
    resets: dict[str, float] = {}
    for name, value in headers.items():
        if name.startswith("x-ratelimit-reset"):
            seconds = _moment(value, now)
            if seconds is not None:
                resets[name] = seconds
    spent = [
        seconds
        for name, seconds in resets.items()
        if headers.get(name.replace("-reset", "-remaining", 1), "").strip() == "0"
    ]
    return max(spent) if spent else min(resets.values(), default=None)


def _moment(value: str, now: float) -> float | None:
    number = _number(value)
    if number is None:
        return _duration(value)
    if number > 1e11:  # epoch milliseconds
        number /= 1000
    return _bounded(number - now if number > 1e8 else number)


def _duration(text: str) -> float | None:
    """Seconds of "45.837906927s", "6m0s", "250ms", "20 seconds"."""
    pieces = _DURATION.findall(text)
    if not pieces:
        return None
    return _bounded(sum(float(amount) * UNITS[unit.lower()] for amount, unit in pieces))


def _date(text: str, now: float) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return _bounded(moment.timestamp() - now)


def _number(text: str) -> float | None:
    text = text.strip()
    return float(text) if _NUMBER.fullmatch(text) else None


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST)
