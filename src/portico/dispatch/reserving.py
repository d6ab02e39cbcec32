"""What a request may come to, and what it came to, for the limits of whoever asks it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from msgspec import Struct

from portico.access.base import Bound
from portico.access.limits import Cost, Hold, Limits, shortage
from portico.chat.reply import Usage
from portico.chat.request import ChatRequest
from portico.dispatch.journey import Journey
from portico.ledger.prices import cost, to_nano
from portico.ledger.rows import usage_of
from portico.routing.attempts import Attempt
from portico.routing.routes import Route
from portico.routing.tiers import Target
from portico.shared.base import Ask, Short
from portico.shared.purse import Drawing
from portico.shared.sharing import Sharing

CAREFUL = 4
"""A route's count of prompt tokens is a lower bound; with this factor it is an upper one."""

UNBOUNDED = 8192
"""Tokens of an answer for which neither the caller nor its target names a bound."""


_ASKED = ("requests_per_minute", "tokens_per_minute", "concurrency")


@dataclass(frozen=True, slots=True)
class Counted:
    """What counts: this process, and where they share limits, all of them together."""

    limits: Limits
    sharing: Sharing | None = None


class Reserved(Struct, frozen=True):
    """A request that was let in, by its own process and by all of them."""

    hold: Hold
    drawing: Drawing | None = None


async def reserve(counted: Counted, journey: Journey, route: Route) -> Reserved | None:
    """
    Let the journey in, for what *route* may come to; None where nothing is counted.

    Raises:
        QuotaExceeded: a limit of the caller's is reached.
    """
    bounds = journey.caller.bounds
    if not bounds:
        return None
    answers = journey.operation == "chat"
    cost = estimate(journey.request, route, answers=answers)
    hold = counted.limits.reserve(bounds, cost, time.time())
    if counted.sharing is None:
        return Reserved(hold)
    try:
        return Reserved(hold, await _drawn(counted.sharing, bounds, cost))
    except BaseException:  # refused, or the caller has left: nothing was asked
        counted.limits.undo(hold, time.time())
        raise


async def _drawn(sharing: Sharing, bounds: Sequence[Bound], cost: Cost) -> Drawing | None:
    asked = [
        (bound, limit, most)
        for bound in bounds
        for limit in _ASKED
        if (most := getattr(bound.terms, limit)) is not None
    ]
    if not asked:
        return None
    asks = tuple(_ask(bound, limit, most, cost) for bound, limit, most in asked)
    drawn = await sharing.draw(asks)
    if isinstance(drawn, Short):
        bound, limit, most = asked[drawn.which]
        raise shortage(bound, limit, most, drawn.wait).error()
    return drawn


def _ask(bound: Bound, limit: str, most: int, cost: Cost) -> Ask:
    want = cost.tokens if limit == "tokens_per_minute" else 1
    return Ask(f"{bound.account} {limit}", most, want, window=limit != "concurrency")


def settle(counted: Counted, reserved: Reserved | None, attempts: Sequence[Attempt]) -> None:
    """Book what was really used."""
    if reserved is None:
        return
    cost = came_to(attempts)
    counted.limits.settle(reserved.hold, cost, time.time())
    drawing = reserved.drawing
    if drawing is not None and counted.sharing is not None:
        left = reserved.hold.cost.tokens - cost.tokens
        tokens = ("tokens_per_minute",)
        units = tuple(left if ask.name.endswith(tokens) else 0 for ask in drawing.asks)
        counted.sharing.give_back(drawing, units)


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
