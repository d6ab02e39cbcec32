"""In and out: a key becomes a seat, and a seat is given back."""

import time

from starlette.responses import Response

from portico.access.base import KEY
from portico.console import seat as seats
from portico.console.seat import COOKIE
from portico.console.visit import Visit, kept, opens

KEPT = "kept."
"""How the fields of a form that waits for its sender's login are called meanwhile."""


async def ask(visit: Visit) -> Response:
    """Show the form that asks for a key."""
    following = seats.within(visit.request.query_params.get("next"))
    if visit.key is not None or visit.open:
        return visit.to(following)
    return visit.page("login", next=following, kept={})


async def enter(visit: Visit) -> Response:
    """Take a key; whoever was sending a form when their seat was over is asked to send it again."""
    following, waiting = seats.within(visit.text("next")), _waiting(visit)
    text, roster, now = visit.text("key").strip(), visit.here.gate.roster, time.time()
    possible = roster is not None and KEY.fullmatch(text.encode("utf-8", "replace"))
    key = roster.find(text.encode()) if roster is not None and possible else None
    if key is None or not opens(key, now):
        why = (
            "This key is no operator's, or no longer good: it does not open the console."
            if key
            else "This key is not known here."
        )
        return visit.page("login", 401, next=following, kept=waiting, why=why)
    visit.seat, visit.key, visit.new = seats.take(now, key.id), key, True
    if waiting:
        return visit.page("again", action=following, kept=waiting)
    return visit.to(following)


async def leave(visit: Visit) -> Response:
    """Give the seat back."""
    visit.new = False
    response = visit.to("/console/login" if not visit.open else "/console")
    response.delete_cookie(COOKIE, path="/console", httponly=True, samesite="strict")
    return response


async def session(visit: Visit) -> Response:
    """Say that the seat is good; a script asks before it sends what cannot be kept."""
    return Response(status_code=204, headers={"cache-control": "no-store"})


def _waiting(visit: Visit) -> dict[str, list[str]]:
    fields = kept(visit.form)
    return {
        name.removeprefix(KEPT): values for name, values in fields.items() if name.startswith(KEPT)
    }
