"""What a request may come to, and what it came to, for the limits of whoever asks it."""

import time
from collections.abc import Sequence
from decimal import Decimal

from portico.access.limits import Cost, Hold, Limits
from portico.chat.reply import Usage
from portico.chat.request import ChatRequest
from portico.dispatch.journey import Journey
from portico.ledger.prices import cost, to_nano
from portico.ledger.rows import usage_of
from portico.routing.attempts import Attempt
from portico.routing.routes import Route
from portico.routing.tiers import Target

CAREFUL = 4
"""A route's count of prompt tokens is a lower bound; with this factor it is an upper one."""

UNBOUNDED = 8192
"""Tokens of an answer for which neither the caller nor its target names a bound."""


def reserve(limits: Limits, journey: Journey, route: Route) -> Hold | None:
    """
    Let the journey in, for what *route* may come to; None where nothing is counted.

    Raises:
        QuotaExceeded: a limit of the caller's is reached.
    """
    bounds = journey.caller.bounds
    if not bounds:
        return None
    answers = journey.operation == "chat"
    return limits.reserve(bounds, estimate(journey.request, route, answers=answers), time.time())


def settle(limits: Limits, hold: Hold | None, attempts: Sequence[Attempt]) -> None:
    """Book what was really used."""
    if hold is not None:
        limits.settle(hold, came_to(attempts), time.time())


def estimate(request: ChatRequest, route: Route, *, answers: bool = True) -> Cost:
    """
    Return what the dearest candidate of *route* may cost; what has no price, or is simulated, none.

    A hedge asks twice. Without *answers* (embeddings) only the prompt counts.
    """
    tools = request.fields.get("tools")
    prompt = route.needs.tokens * CAREFUL + (len(bytes(tools)) if tools else 0)
    times = 1 if route.role.hedge_after is None else 2
    choices = (request.n or 1) if answers else 0
    found = [_of(target, prompt, request, choices) for target in route.candidates]
    nano = max((one.nano for one in found), default=0) * times
    return Cost(nano, max((one.tokens for one in found), default=prompt))


def _of(target: Target, prompt: int, request: ChatRequest, choices: int) -> Cost:
    answer = request.max_output or target.max_output or UNBOUNDED
    used = Usage(input=prompt, output=answer * choices)
    usd = None if target.simulated else cost(used, target.price)
    return Cost(_nano(usd), used.input + used.output)


def came_to(attempts: Sequence[Attempt]) -> Cost:
    """Return what *attempts* cost as far as it is known, and the tokens that they really used."""
    nano = tokens = 0
    for attempt in attempts:
        used = usage_of(attempt)
        if used is None or attempt.target.simulated:
            continue
        tokens += used.input + used.output
        nano += _nano(cost(used, attempt.target.price))
    return Cost(nano, tokens)


def _nano(usd: Decimal | None) -> int:
    return 0 if usd is None else to_nano(str(usd))
