"""A real target asked for one token, its price said first: does its key work?"""

import time
from dataclasses import replace
from urllib.parse import quote

import msgspec
from msgspec import Raw
from starlette.responses import Response

from portico.chat.messages import Message
from portico.chat.reply import Usage
from portico.chat.request import ChatBody, ChatRequest
from portico.console.visit import Visit
from portico.console.words import seconds, usd
from portico.dispatch.journey import Journey, new_id
from portico.errors import MalformedRequest, NotFound
from portico.ledger.prices import cost, plain
from portico.routing.tiers import Target

TASK = "key-test"
"""The task of such a request: by it the ledger keeps them apart."""

ASKED = "Hi"
MOST_INPUT = 20
"""Tokens that ASKED comes to at most, with what providers put around it."""


def price(target: Target) -> str | None:
    """Return dollars for one token of *target*'s, as far as its price is known. Pure."""
    spent = cost(Usage(input=MOST_INPUT, output=1), target.price)
    return None if spent is None else plain(spent)


def warning(target: Target) -> str:
    """Return what an operator is told before *target* is asked. Pure."""
    about = price(target)
    costs = "a price that is not configured" if about is None else f"about {usd(about)}"
    return (
        f"{target.name} is asked for one token: {costs}. A model that thinks first may count more."
    )


def request_of(target: Target) -> ChatRequest:
    """Return the request. Pure."""
    messages = [Message("user", ASKED)]
    fields = {
        "messages": Raw(msgspec.json.encode([{"role": "user", "content": ASKED}])),
        "max_tokens": Raw(b"1"),
    }
    return ChatRequest.of(ChatBody(target.name, messages, max_tokens=1), fields)


async def test(visit: Visit) -> Response:
    """Ask, and say what came of it; the request is in the ledger."""
    gateway, name = visit.here.gateway, visit.request.path_params["target"]
    target = gateway.house.catalog.targets.get(name)
    if target is None:
        raise NotFound(f"There is no target {name[:100]!r}.")
    if target.simulated:
        raise MalformedRequest(f"{target.name} is simulated: there is no key to test.")
    journey = Journey(
        new_id(),
        request_of(target),
        time.time(),
        time.monotonic(),
        replace(visit.caller, roles=None, targets=None),
        errand=TASK,
    )
    why = await gateway.asked(journey)
    await gateway.ledger.flush()
    await visit.noted("key.tested", target.name)
    said = told(journey, why)
    where = f"/console/requests/{quote(journey.id, safe='')}"
    return visit.to(where if why else "/console/tiers", "" if why else said)


def told(journey: Journey, why: str) -> str:
    """Return what came of it, in a sentence."""
    if why or not journey.attempts:
        return why
    last = journey.attempts[-1]
    usage = getattr(last.outcome, "usage", None)
    spent = cost(usage, last.target.price)
    counted = f"{usage.input} tokens in, {usage.output} out" if usage else "tokens not counted"
    costs = f", {usd(plain(spent))}" if spent is not None else ""
    return f"{last.target.name} answered in {seconds(last.took)}: its key works. {counted}{costs}."
