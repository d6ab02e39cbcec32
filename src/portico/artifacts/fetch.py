"""
From a link to a picture's bytes, without being led anywhere inside.

A host is resolved once, every address is judged, and one of those is dialled: there is no second
look-up that could say something else. Each redirect starts over. On a tunnelled path names are
resolved at its far end, so only what the link itself says can be judged: a public name that leads
into the far end's own network gets as far as that exit lets it. Close that at the exit.
"""

import asyncio
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urljoin

from portico.artifacts.addresses import (
    NOT_PUBLIC,
    STRICT,
    Address,
    Rules,
    Wanted,
    allowed,
    checked,
)
from portico.artifacts.beginnings import begins_picture
from portico.artifacts.pictures import PictureRefused
from portico.egress.clients import ConnectFailed, EgressError, HTTPRequest
from portico.egress.dialling import Dialler
from portico.egress.hosts import Hosts
from portico.egress.http1 import Connection
from portico.egress.names import Resolve, SystemNames
from portico.egress.origins import head_of
from portico.egress.paths import Tunnel

UNFETCHED = "The picture could not be fetched."
"""Nobody there, too slow, bad TLS, no HTTP: no difference that would tell of a network."""

_HEADERS = {
    "user-agent": "Portico (fetches pictures that people show to a model)",
    "accept": "image/*",
    "accept-encoding": "identity",
    "connection": "close",
}
_LEADS_ON = frozenset({301, 302, 303, 307, 308})
_FIRST_LOOK = 64  # bytes


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one fetch may cost. In seconds; `total` includes the wait for a place of `at_once`."""

    bytes: int = 20_000_000
    total: float = 20.0
    connect: float = 5.0
    redirects: int = 3
    at_once: int = 8


_MODEST = Bounds()


class Fetcher:
    """
    Fetches pictures over one egress path; whoever opens it closes it.

    Sends no cookie and no credential, keeps no connection, consults no environment proxy. A host
    that belongs to another path is neither asked nor looked up, also where a redirect leads to it.
    *resolve* says where hosts are, in place of the system; a tunnelled path asks nobody.
    """

    def __init__(
        self,
        dialler: Dialler,
        rules: Rules = STRICT,
        bounds: Bounds = _MODEST,
        resolve: Resolve | None = None,
    ) -> None:
        self._dialler = dialler
        self._rules = rules
        self._bounds = bounds
        self._names = SystemNames()
        self._resolve = resolve or self._names
        self._places = asyncio.Semaphore(bounds.at_once)
        self._clocks: set[asyncio.Timeout] = set()  # of all that is under way
        self._closed = False
        self._why_shut: Callable[[], str] = str

    async def fetch(self, url: str) -> bytes:
        """
        Return the picture at *url*; type by content, whatever its server calls it.

        Raises:
            PictureRefused: forbidden, unreachable, too slow, too large, or no picture.
        """
        wanted = checked(url, self._rules)
        if self._closed:
            raise PictureRefused(UNFETCHED)
        clock = asyncio.timeout(self._bounds.total)
        try:
            async with clock:
                self._clocks.add(clock)
                async with self._places:
                    return await self._follow(wanted)
        except (TimeoutError, EgressError):
            raise PictureRefused(UNFETCHED) from None
        finally:
            self._clocks.discard(clock)

    def belong(self, hosts: Hosts) -> None:
        """Ask no host that *hosts* give to another path, from now on."""
        self._dialler.hosts = hosts.opened(self._dialler.path.name)

    def heed(self, why_shut: Callable[[], str]) -> None:
        """Ask nobody while *why_shut* says why nothing may leave by the path."""
        self._why_shut = why_shut

    async def aclose(self) -> None:
        """Give up all that is under way, which is refused; nothing is fetched after this."""
        self._closed = True
        for clock in self._clocks:
            if not clock.expired():
                clock.reschedule(asyncio.get_running_loop().time())
        for _ in range(self._bounds.at_once):  # a place is free when its fetch has hung up
            await self._places.acquire()
        for _ in range(self._bounds.at_once):
            self._places.release()
        self._names.close()

    async def _follow(self, wanted: Wanted) -> bytes:
        for _ in range(self._bounds.redirects + 1):
            found = await self._ask(wanted)
            if isinstance(found, bytes):
                return found
            if wanted.origin.secure and not found.origin.secure:
                raise PictureRefused("The picture's address leads from https to http.")
            wanted = found
        raise PictureRefused("The picture's address leads on too often.")

    async def _ask(self, wanted: Wanted) -> bytes | Wanted:
        """Return the picture, or where it is said to be."""
        connection = await self._connect(wanted)
        try:
            request = HTTPRequest(wanted.url, _HEADERS, method="GET")
            connection.ask(head_of(request, wanted.origin, wanted.target), b"")
            await connection.answered()
            if connection.status in _LEADS_ON and "location" in connection.headers:
                return _leads(wanted, connection.headers["location"], self._rules)
            _admit(connection.status, connection.headers, self._bounds)
            return await _picture(connection, self._bounds)
        finally:
            connection.hang_up()

    async def _connect(self, wanted: Wanted) -> Connection:
        """Dial what was judged, and nothing else; raises ConnectFailed, PictureRefused."""
        seconds = self._bounds.connect
        self._dialler.check(wanted.origin)  # before anybody is asked where it is
        if why := self._why_shut():
            raise ConnectFailed(why)
        if isinstance(self._dialler.path, Tunnel):
            if wanted.address is None and wanted.origin.port not in self._rules.ports:
                raise PictureRefused(NOT_PUBLIC)
            return await self._dialler.dial(wanted.origin, seconds, _nobody_waits)
        addresses = await self._addresses(wanted)
        last = ConnectFailed("no address")
        for address in addresses:
            try:
                return await self._dialler.dial(
                    wanted.origin, seconds / len(addresses), _nobody_waits, at=str(address)
                )
            except ConnectFailed as exc:
                last = exc
        raise last

    async def _addresses(self, wanted: Wanted) -> list[Address]:
        """Return the best address of each family, once all that the host has were judged."""
        if wanted.address is not None:
            return [wanted.address]
        port = wanted.origin.port
        try:
            found = await self._resolve(wanted.origin.host, port)
        except OSError:  # in the words for a forbidden one: else names inside could be guessed
            raise PictureRefused(NOT_PUBLIC) from None
        best: dict[int, Address] = {}
        for address in allowed(found, port, self._rules):
            best.setdefault(address.version, address)
        return list(best.values())


def _leads(wanted: Wanted, location: str, rules: Rules) -> Wanted:
    """Return where a redirect leads, judged like any other address; raises PictureRefused."""
    raw = quote(location.encode("latin-1"), safe=string.punctuation)  # the bytes as they came
    try:
        url = urljoin(wanted.url, raw)
    except ValueError:
        raise PictureRefused("The picture's address leads to an impossible one.") from None
    return checked(url, rules)


def _admit(status: int, headers: Mapping[str, str], bounds: Bounds) -> None:
    """Judge an answer by its head; raises PictureRefused."""
    if status != 200:
        raise PictureRefused(f"The picture's server answered with status {status}.")
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise PictureRefused("The picture's server sent it compressed, which nobody asked for.")
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > bounds.bytes:
        raise _too_large(bounds)


async def _picture(connection: Connection, bounds: Bounds) -> bytes:
    """Read on for as long as it is a picture, within the bounds; raises PictureRefused."""
    got = bytearray()
    look = _FIRST_LOOK
    known: bool | None = None
    while chunk := await connection.next_chunk():
        got += chunk
        if len(got) > bounds.bytes:
            raise _too_large(bounds)
        if known is None and len(got) >= look:
            look = 2 * len(got)  # not at every byte of somebody who sends them one by one
            known = _begins(got, whole=False)
    if known is None:
        _begins(got, whole=True)
    return bytes(got)


def _begins(got: bytearray, *, whole: bool) -> bool | None:
    """Say whether this begins a picture, None for "not yet known"; raises PictureRefused."""
    known = begins_picture(bytes(got), whole=whole)
    if known is False:
        raise PictureRefused("This is not a picture of a kind we know.")
    return known


def _too_large(bounds: Bounds) -> PictureRefused:
    return PictureRefused(f"This picture is over {bounds.bytes // 1_000_000} MB.")


def _nobody_waits(_: Connection) -> None:
    """For a connection that its only user hangs up."""
