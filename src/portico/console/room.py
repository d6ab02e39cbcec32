"""The console as an application: its addresses, who is let in, and what they see when it fails."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portico.console import (
    asked,
    configured,
    designs,
    egress,
    live,
    login,
    now,
    onetoken,
    people,
    tiers,
    trying,
)
from portico.console.assets import Assets
from portico.console.pages import Pages, open_pages
from portico.console.serving import Lobby
from portico.console.visit import (
    Handler,
    Visit,
    from_elsewhere,
    genuine,
    kept,
    read_form,
    turned_away,
    visiting,
)
from portico.errors import GatewayError

YEAR = "public, max-age=31536000, immutable"

GETS: dict[str, Handler] = {
    "": now.show,
    "/charts": now.charts,
    "/live": live.stream,
    "/requests": asked.listed,
    "/requests/{ident}": asked.shown,
    "/requests/{ident}/seen/{number:int}": asked.seen,
    "/tiers": tiers.show,
    "/try": trying.show,
    "/session": login.session,
    "/settings": configured.show,
    "/egress": egress.show,
    "/designs": designs.show,
    "/designs/diff": designs.compare,
    "/designs/{ident}/small": designs.thumbnail,
    "/designs/{ident}/whole": designs.whole,
    "/people": people.show,
    "/pictures/{ident}": trying.kept_picture,
}
POSTS: dict[str, Handler] = {
    "/tiers/dry-run": tiers.dry_run,
    "/tiers/{target}/park": tiers.park,
    "/tiers/{target}/unpark": tiers.unpark,
    "/tiers/{target}/clear": tiers.clear,
    "/tiers/{target}/off": tiers.switch_off,
    "/tiers/{target}/on": tiers.switch_on,
    "/tiers/{target}/test": onetoken.test,
    "/try": trying.ask,
    "/logout": login.leave,
    "/requests/{ident}/flag": asked.flag,
    "/requests/{ident}/replay": asked.replay,
    "/settings/reload": configured.reload,
    "/settings/works/{name}": configured.begin,
    "/people/keys": people.make,
    "/people/keys/{ident}/revoke": people.revoke,
}


def create_console(lobby: Lobby) -> ASGIApp:
    """Return the console of whatever *lobby* holds."""
    pages = open_pages()
    door = Door(pages, lobby)
    routes = [
        Route("/console/static/{version}/{name:path}", _static(pages.assets)),
        Route("/console/login", door.anybody(login.ask), methods=["GET"]),
        Route("/console/login", door.anybody(login.enter), methods=["POST"]),
        *(Route(f"/console{path}", door.get(handler)) for path, handler in GETS.items()),
        *(
            Route(f"/console{path}", door.post(handler), methods=["POST"])
            for path, handler in POSTS.items()
        ),
    ]
    handlers = {GatewayError: door.failed, HTTPException: door.missed, Exception: door.faulty}
    app = Starlette(routes=routes, exception_handlers=handlers)  # type: ignore[arg-type]
    app.router.redirect_slashes = False  # its answer repeats the Host header as an address
    return Guarded(app, pages.headers)


class Guarded:
    """Puts the headers that hold a page together on whatever is answered."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]) -> None:
        self._app = app
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI's promise."""

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                message["headers"] += [one for one in self._headers if one[0] not in given]
            await send(message)

        await self._app(scope, receive, told)


type Endpoint = Callable[[Request], Awaitable[Response]]


class Door:
    """Lets in who may come in, and draws what went wrong as a page."""

    def __init__(self, pages: Pages, lobby: Lobby) -> None:
        self._pages = pages
        self._lobby = lobby

    def get(self, handler: Handler) -> Endpoint:
        """Return an endpoint that shows something."""

        async def endpoint(request: Request) -> Response:
            visit = await visiting(request, self._pages, self._lobby)
            return turned_away(visit) or await handler(visit)

        return endpoint

    def post(self, handler: Handler) -> Endpoint:
        """Return an endpoint that does something, for a form of a page of ours."""

        async def endpoint(request: Request) -> Response:
            visit = await visiting(request, self._pages, self._lobby)
            try:
                await read_form(visit)
                return _stopped(visit) or await handler(visit)
            finally:
                await request.close()  # files that were sent

        return endpoint

    def anybody(self, handler: Handler) -> Endpoint:
        """Return an endpoint for those who are not in yet."""

        async def endpoint(request: Request) -> Response:
            visit = await visiting(request, self._pages, self._lobby)
            if request.method == "POST":
                await read_form(visit)
                if from_elsewhere(visit) or not genuine(visit):
                    return visit.page("foreign", 403)
            return await handler(visit)

        return endpoint

    async def failed(self, request: Request, exc: GatewayError) -> Response:
        """Say what went wrong in our own words."""
        return await self._told(request, str(exc), exc.status)

    async def missed(self, request: Request, exc: HTTPException) -> Response:
        """There is no such page, or it does not do that."""
        said = "There is no such page." if exc.status_code == 404 else str(exc.detail)
        return await self._told(request, said, exc.status_code)

    async def faulty(self, request: Request, exc: Exception) -> Response:
        """A fault of ours: said so, without detail; the log has it."""
        return await self._told(request, "Something went wrong in the gateway.", 500)

    async def _told(self, request: Request, said: str, status: int) -> Response:
        try:
            visit = await visiting(request, self._pages, self._lobby)
        except GatewayError:
            return Response(said, status, media_type="text/plain")
        return visit.page("problem", status, said=said, code=status)


def _stopped(visit: Visit) -> Response | None:
    """
    Return why the form does nothing; None where it may.

    Another site's form is never offered again. One of ours is, where the seat has changed since.
    """
    if from_elsewhere(visit):
        return visit.page("foreign", 403)
    away = turned_away(visit)
    if away is not None or genuine(visit):
        return away
    if visit.new:
        return visit.page("again", 409, action=visit.request.url.path, kept=kept(visit.form))
    return visit.page("foreign", 403)


def _static(assets: Assets) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        found = assets.files.get(request.path_params["name"])
        if found is None or request.path_params["version"] != assets.version:
            raise HTTPException(404)
        return Response(found.content, media_type=found.kind, headers={"cache-control": YEAR})

    return endpoint
