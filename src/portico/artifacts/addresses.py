"""
Which addresses a picture may be fetched from. Pure.

What a link means is read here once, and nobody reads it again: the fetcher dials what `checked`
returned. What an address is worth is `egress.addresses`' to say.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from portico.artifacts.pictures import PictureRefused
from portico.egress.addresses import Address as Address
from portico.egress.addresses import number
from portico.egress.addresses import permitted as permitted
from portico.egress.clients import ConnectFailed
from portico.egress.origins import Origin, split

NOT_PUBLIC = "The picture's address is not one on the public internet."
"""Whatever stands there, and whether anything does: nobody maps our network with this sentence."""

_LONGEST = 8192  # characters of a link

_NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_INSIDE = frozenset(
    {"arpa", "cluster", "corp", "home", "internal", "intranet", "lan", "local", "localdomain"}
    | {"localhost", "onion", "private", "svc"}
)
"""Last labels that no public host has: reserved (RFC 6761, ICANN), or what networks call theirs."""


@dataclass(frozen=True, slots=True)
class Rules:
    """
    Where a fetcher may go: *ports* of public addresses, and *also* these few endpoints.

    The ports are those of the web: on others an HTTP request may mean something to somebody.
    """

    ports: frozenset[int] = frozenset({80, 443, 8080, 8443})
    also: frozenset[tuple[Address, int]] = frozenset()

    def permits(self, address: Address, port: int) -> bool:
        """Say whether *port* of *address* may be dialled."""
        return (address, port) in self.also or (port in self.ports and permitted(address))

    def knows(self, port: int) -> bool:
        """Say whether *port* may be dialled anywhere."""
        return port in self.ports or any(port == other for _, other in self.also)


STRICT = Rules()


@dataclass(frozen=True, slots=True)
class Wanted:
    """One place to ask, and what for. `address` is set where the host is a number, not a name."""

    origin: Origin
    target: str
    address: Address | None = None

    @property
    def url(self) -> str:
        """Return the URL that means this, for what is relative to it."""
        host = f"[{self.origin.host}]" if ":" in self.origin.host else self.origin.host
        scheme = "https" if self.origin.secure else "http"
        return f"{scheme}://{host}:{self.origin.port}{self.target}"


def checked(url: str, rules: Rules = STRICT) -> Wanted:
    """
    Return what *url* means, its host in the one way we write it.

    Numbers are judged in every notation that a resolver would understand. A name's addresses are
    not known here: judge them with `Rules.permits` before dialling.

    Raises:
        PictureRefused: not a plain http(s) URL, or one that leads inside.
    """
    if len(url) > _LONGEST:
        raise PictureRefused(f"The picture's address is over {_LONGEST} characters.")
    origin, target = _read(url)
    if not rules.knows(origin.port):
        raise PictureRefused("The picture's address has a port that no picture is fetched from.")
    host = origin.host.lower().removesuffix(".")
    address = number(host)
    if address is None:
        if not _NAME.fullmatch(host) or host.rpartition(".")[2] in _INSIDE:
            raise PictureRefused(NOT_PUBLIC)
        return Wanted(Origin(origin.secure, host, origin.port), target)
    allowed([address], origin.port, rules)
    return Wanted(Origin(origin.secure, str(address), origin.port), target, address)


def allowed(addresses: Iterable[Address], port: int, rules: Rules) -> tuple[Address, ...]:
    """Return *addresses*; raises PictureRefused if there is none, or one that is forbidden."""
    found = tuple(addresses)
    if not found or not all(rules.permits(address, port) for address in found):
        raise PictureRefused(NOT_PUBLIC)
    return found


def _read(url: str) -> tuple[Origin, str]:
    """Read a URL of which no two readers could disagree; raises PictureRefused."""
    if not url.isprintable() or " " in url or "\\" in url:
        raise PictureRefused("The picture's address holds characters that must be escaped.")
    try:
        origin, target = split(url)
    except ConnectFailed:
        raise PictureRefused("The picture's address is not an http(s) URL.") from None
    place = urlsplit(url).netloc
    if "@" in place:
        raise PictureRefused("The picture's address must not hold a user or password.")
    if "[" in place and ":" not in origin.host:  # [v1.name], and no browser would go there
        raise PictureRefused(NOT_PUBLIC)
    return origin, target
