"""An entry's rows: cost worked out, free text masked and cut, no bodies."""

import re
from functools import lru_cache

from portico.chat.reply import Usage
from portico.ledger.base import AttemptRow, Ending, Entry, RequestRow, attempt_ending
from portico.ledger.prices import cost, plain
from portico.routing.attempts import Attempt, Broken, Failed, Failure
from portico.telemetry.redaction import redact

SHORT = 200
LONG = 500
READ = 4096
"""Characters of a text that are looked at; the rest cannot end up in a row."""

_OURS = re.compile(r"req_[0-9a-f]{24}(?:-[0-9]{1,4})?")
"""Ids that we have made: nothing in one has to be masked."""

BELIEVED = 1_000_000_000
"""Tokens of one attempt beyond which a provider's count is taken for a mistake."""


def row_of(entry: Entry) -> RequestRow:
    """Return what the ledger keeps of *entry*. Pure."""
    return RequestRow(
        id=ident(entry.id),
        started=entry.started,
        took=entry.took,
        asked=_named(entry.asked),
        role=entry.role,
        decided_by=_named(entry.decided_by),
        caller=_clean_or_none(entry.caller),
        person=_clean_or_none(entry.person),
        team=_clean_or_none(entry.team),
        chat=None if entry.chat is None else clean(entry.chat, SHORT),
        message=None if entry.message is None else clean(entry.message, SHORT),
        task=_clean_or_none(entry.task),
        operation=entry.operation,
        modalities=tuple(sorted(entry.modalities)),
        streamed=entry.streamed,
        outcome=entry.outcome,
        status=entry.status,
        degraded=_clean_or_none(entry.degraded),
        target=entry.target,
        first_delta=first_delta(entry),
        simulated=is_simulated(entry),
        attempts=tuple([_attempt_row(attempt) for attempt in entry.attempts]),
    )


def first_delta(entry: Entry) -> float | None:
    """Return the seconds from the request's arrival to the first delta it was given."""
    deltas = [
        attempt.started + attempt.first_delta
        for attempt in entry.attempts
        if attempt.first_delta is not None
    ]
    return min(deltas) if deltas else None


def is_simulated(entry: Entry) -> bool:
    """Return whether what the caller was told came from a simulated target."""
    started = [one for one in entry.attempts if not isinstance(one.outcome, Failed)]
    return True in [attempt.target.simulated for attempt in started or entry.attempts]


def failure_of(attempt: Attempt) -> Failure | None:
    """Return what went wrong in *attempt*, if anything did."""
    outcome = attempt.outcome
    return outcome.failure if isinstance(outcome, Failed | Broken) else None


def usage_of(attempt: Attempt) -> Usage | None:
    """Return what the provider counted, unless it counted nothing or nothing believable."""
    if isinstance(attempt.outcome, Failed):
        return None
    usage = attempt.outcome.usage
    if usage is None:
        return None
    counts = (usage.input, usage.output, usage.cached, usage.reasoning)
    return usage if min(counts) >= 0 and max(counts) <= BELIEVED else None


def ident(given: str) -> str:
    """Return the id of a request or of an attempt as a row has it."""
    return given if _OURS.fullmatch(given) else clean(given, SHORT)


def clean(text: str, longest: int) -> str:
    """Return *text* masked, cut, and in characters that every store takes."""
    text = text[:READ].replace("\x00", "\N{REPLACEMENT CHARACTER}")
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()  # lone surrogates are no UTF-8
    return redact(text)[:longest]


def _attempt_row(attempt: Attempt) -> AttemptRow:
    target, usage, failure = attempt.target, usage_of(attempt), failure_of(attempt)
    ended, way = attempt_ending(attempt.outcome), attempt.passage
    return AttemptRow(
        id=ident(attempt.id),
        target=target.name,
        upstream=target.upstream,
        model=target.model,
        tier=target.tier,
        egress=target.egress,
        started=attempt.started,
        took=attempt.took,
        first_delta=attempt.first_delta,
        outcome=Ending.FAILED if ended is Ending.REFUSED else ended,
        kind=failure.kind.value if failure else None,
        status=failure.status if failure else None,
        detail=clean(failure.detail, LONG) if failure else "",
        input=usage.input if usage else None,
        cached=usage.cached if usage else None,
        output=usage.output if usage else None,
        reasoning=usage.reasoning if usage else None,
        cost_usd=_cost(attempt, usage),
        simulated=target.simulated,
        tunnel=clean(way.tunnel, SHORT) if way else None,
        exit=(way.exit or None) if way else None,
        exit_region=(way.region or None) if way else None,
        exit_age=way.age if way else None,
    )


def _cost(attempt: Attempt, usage: Usage | None) -> str | None:
    if attempt.target.simulated:
        return None
    usd = cost(usage, attempt.target.price)
    return None if usd is None else plain(usd)


def _clean_or_none(text: str | None) -> str | None:
    return None if text is None else _named(text)


def _named(text: str) -> str:
    """Clean a name that many requests have: to look through it once is enough."""
    return _cleaned(text) if len(text) <= SHORT else clean(text, SHORT)


@lru_cache(512)
def _cleaned(text: str) -> str:
    return clean(text, SHORT)
