"""Keys and people: who may ask, and how much of it?"""

import time
from typing import Any

from starlette.responses import Response

from portico.access.base import Deed, Key, Person, Team, Terms
from portico.access.words import lifetime
from portico.console.visit import Visit
from portico.errors import MalformedRequest

DEEDS = 30
"""Acts of operators that the page shows."""


async def show(visit: Visit) -> Response:
    """Show keys, people, teams and what operators did."""
    return await _page(visit)


async def _page(visit: Visit, code: int = 200, **more: Any) -> Response:
    now = time.time()
    keys = sorted(
        await visit.here.ring.list(), key=lambda key: (key.revoked is not None, -key.created)
    )
    people, teams = await visit.here.members.people(), await visit.here.members.teams()
    deeds: list[Deed] = list(await visit.here.members.deeds(limit=DEEDS))
    values: dict[str, Any] = {
        "keys": [(key, key.state(now)) for key in keys],
        "people": people,
        "teams": teams,
        "deeds": deeds,
        "limits": limits,
        "made": None,
        "why": "",
        "said": visit.request.query_params.get("said", ""),
    }
    return visit.page("people", code, **{**values, **more})


def limits(one: Key | Person | Team) -> str:
    """Return what somebody's terms bound, in a line; empty for nothing."""
    terms: Terms = one.terms
    told = [
        f"${terms.usd_per_day} a day" if terms.usd_per_day is not None else "",
        f"${terms.usd_per_month} a month" if terms.usd_per_month is not None else "",
        _of("requests a minute", terms.requests_per_minute),
        _of("tokens a minute", terms.tokens_per_minute),
        _of("at once", terms.concurrency),
        f"roles {', '.join(sorted(terms.roles))}" if terms.roles is not None else "",
        f"targets {', '.join(sorted(terms.targets))}" if terms.targets is not None else "",
        f"keeps {terms.capture}" if terms.capture is not None else "",
    ]
    return "; ".join(filter(None, told))


def _of(what: str, number: int | None) -> str:
    return "" if number is None else f"{number} {what}"


async def make(visit: Visit) -> Response:
    """Make a key, and show its text this one time."""
    try:
        lasts = visit.text("lasts").strip()
        seconds = lifetime(lasts) if lasts else None
    except ValueError as exc:
        return await _page(visit, 400, why=f"How long it is good: {exc}.")
    more: dict[str, Any] = {
        "admin": visit.text("admin") == "yes",
        "trusted": visit.text("trusted") == "yes",
    }
    if person := visit.text("person").strip():
        more["person"] = person
    try:
        made = await visit.here.ring.issue(visit.text("name"), seconds, visit.caller.known, **more)
    except MalformedRequest as exc:
        return await _page(visit, 400, why=str(exc))
    return await _page(visit, made=made)


async def revoke(visit: Visit) -> Response:
    """Revoke a key for good."""
    ident = visit.request.path_params["ident"]
    key = await visit.here.ring.revoke(ident, visit.caller.known)
    told = f"{key.name} is revoked: within a second nobody can use it."
    return visit.to("/console/people", told)
