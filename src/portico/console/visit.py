"""One request to the console: who sits there, what they sent, and how they are answered."""

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portico.access.base import Caller, Key
from portico.access.callers import caller_of
from portico.console import seat as seats
from portico.console.pages import Pages
from portico.console.seat import COOKIE, LASTS, Seat
from portico.console.serving import Lobby, Serving
from portico.errors import GatewayError, MalformedRequest, RequestTooLarge, StoreUnavailable

TOKEN = "token"
"""The field of a form that holds its seat's token."""

THEMES = ("light", "dark")
MOST_FIELDS = 200
MOST_FIELD = 1024 * 1024
"""Characters of one field of a form."""

type Handler = Callable[["Visit"], Awaitable[Response]]


@dataclass(slots=True)
class Visit:
    """Filled in as it is known; `key` is None where nobody needs one."""

    request: Request
    pages: Pages
    lobby: Lobby
    secret: bytes
    seat: Seat
    key: Key | None = None
    form: FormData = field(default_factory=FormData)
    new: bool = False  # the seat was taken just now

    @property
    def here(self) -> Serving:
        """The gateway."""
        return self.lobby.serving

    @property
    def caller(self) -> Caller:
        """Who asks, where this visit asks for something."""
        roster = self.here.gate.roster
        if self.key is None or roster is None:
            return Caller(admin=True)
        return caller_of(self.key, roster)

    @property
    def owner(self) -> str | None:
        """Whose its pictures are."""
        return self.caller.owner

    @property
    def open(self) -> bool:
        """True where nobody needs a key."""
        return self.here.gate.needs_key is False

    async def noted(self, what: str, about: str) -> None:
        """Keep for the audit that an operator did this; what is done is not undone without it."""
        with suppress(StoreUnavailable):
            await self.here.members.note(self.caller.known, what, about)

    def page(self, name: str, status: int = 200, **values: Any) -> Response:
        """Return the page *name*."""
        theme = self.request.cookies.get("portico_theme")
        frame = {
            "token": seats.token(self.seat, self.secret),
            "person": self.key.name if self.key else None,
            "open": self.open,
            "theme": theme if theme in THEMES else None,
            "screen": name,
            "now": time.time(),
            "simulating": any(
                target.simulated for target in self.here.gateway.house.catalog.targets.values()
            ),
        }
        return self.seated(self.pages.drawn(name, status, **{**frame, **values}))

    def to(self, address: str, said: str = "") -> Response:
        """Send the browser on to a page of ours, which says *said*."""
        query = f"?{urlencode({'said': said})}" if said else ""
        return self.seated(RedirectResponse(seats.within(address) + query, 303))

    def seated(self, response: Response) -> Response:
        """Give the browser its seat's cookie along, where it has none yet."""
        if self.new:
            response.set_cookie(
                COOKIE,
                seats.cookie(self.seat, self.secret),
                max_age=int(LASTS),
                path="/console",
                secure=self.request.url.scheme == "https",
                httponly=True,
                samesite="strict",
            )
        return response

    def text(self, name: str, default: str = "") -> str:
        """Return a field of the form, or of the query where nothing was sent."""
        value = self.form.get(name) if self.form else self.request.query_params.get(name)
        return value if isinstance(value, str) else default

    def texts(self, name: str) -> list[str]:
        """Return every value of a field."""
        return [value for value in self.form.getlist(name) if isinstance(value, str)]

    async def file(self, name: str) -> tuple[str, bytes] | None:
        """Return the name and bytes of a file of the form; None if none was chosen."""
        sent = self.form.get(name)
        if not isinstance(sent, UploadFile) or not sent.filename:
            return None
        return sent.filename, await sent.read()


async def visiting(request: Request, pages: Pages, lobby: Lobby) -> Visit:
    """Return the visit that *request* is: its seat is the cookie's, or a new one."""
    secret = await lobby.serving.operating.secret()
    now = time.time()
    known = seats.read(request.cookies.get(COOKIE), secret, now)
    visit = Visit(request, pages, lobby, secret, known or seats.take(now), new=known is None)
    visit.key = _key(visit, now)
    return visit


def _key(visit: Visit, now: float) -> Key | None:
    """Return the key that the seat was taken with, if it still opens."""
    roster = visit.here.gate.roster
    if visit.seat.key is None or roster is None:
        return None
    for key in roster.keys.values():
        if key.id == visit.seat.key:
            return key if opens(key, now) else None
    return None


def opens(key: Key, now: float) -> bool:
    """Say whether *key* opens the console at *now*."""
    return key.admin and key.state(now) == "live"


def turned_away(visit: Visit) -> Response | None:
    """Return why this visitor does not come in; None for whoever may."""
    needs = visit.here.gate.needs_key
    if visit.key is not None:
        return None
    if needs is None:
        raise StoreUnavailable("Keys cannot be checked just now.", retry_after=5)
    if needs:
        return to_login(visit)
    if not seats.is_no_name(visit.request.headers.get("host")):
        return visit.page("stranger", 403, host=visit.request.headers.get("host", "")[:200])
    return None


def to_login(visit: Visit) -> Response:
    """Ask for a key; what was sent in a form is kept in the page, and sent again after that."""
    request = visit.request
    if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return visit.seated(RedirectResponse(f"/console/login?next={quote(path, safe='')}", 303))
    if request.method == "GET":
        return visit.seated(Response("Log in first.", 401, media_type="text/plain"))
    return visit.page("login", 401, next=seats.within(request.url.path), kept=kept(visit.form))


def kept(form: FormData) -> Mapping[str, list[str]]:
    """Return the fields of a form that can be sent again, which files cannot."""
    names = [name for name in form if name != TOKEN]
    return {
        name: [value for value in form.getlist(name) if isinstance(value, str)] for name in names
    }


def from_elsewhere(visit: Visit) -> bool:
    """Say whether the browser tells that a page of another site sent this form."""
    headers = visit.request.headers
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2] != headers.get("host")


def genuine(visit: Visit) -> bool:
    """Say whether the form carries the token of this seat."""
    given = visit.form.get(TOKEN)
    return isinstance(given, str) and seats.genuine(given, visit.seat, visit.secret)


async def read_form(visit: Visit) -> None:
    """
    Read the form that was sent.

    Raises:
        MalformedRequest, RequestTooLarge: it is none, or more than is taken.
    """
    length = visit.request.headers.get("content-length", "")
    if not length.isdecimal():
        raise MalformedRequest("A form says how long it is.")
    if int(length) > visit.here.max_body:
        raise RequestTooLarge(f"At most {visit.here.max_body} bytes are taken.")
    visit.form = await visit.request.form(
        max_files=8, max_fields=MOST_FIELDS, max_part_size=MOST_FIELD
    )


def said(error: GatewayError) -> str:
    """Return what a person is told of *error*."""
    return str(error)
