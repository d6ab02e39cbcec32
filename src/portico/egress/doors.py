"""
Whom a gate lets its callers out to. Pure.

A list of names and ports, and nothing that could be taken for one of them: what is asked for is
compared byte by byte, never rewritten first. Two programs that tidy a name up do it in two ways.
"""

import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from hmac import compare_digest

from portico.egress.addresses import Address, number, permitted

_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9-]{1,63})+")
_ENDPOINT = re.compile(r"([a-z0-9.-]{1,253}):([1-9][0-9]{0,4})")


class TurnedAway(Exception):
    """The caller is not let out; `status` is HTTP's, the text is for the log and for the caller."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Doors:
    """
    The endpoints that may be asked for: names in lower case, with their ports.

    With `ports`, as links in messages need it, these of any other name as well, but those of
    `others`: hosts that belong to another path. With a `user`, callers sign in (Basic). `inside`
    are the few addresses on the lab's own networks that a name of the list may lead to; all others
    must be public ones. Raises ValueError.
    """

    open: frozenset[tuple[str, int]]
    user: str = ""
    password: str = field(default="", repr=False)
    inside: frozenset[tuple[Address, int]] = frozenset()
    ports: frozenset[int] = frozenset()
    others: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for host, port in self.open:
            if not is_name(host):
                raise ValueError(f"{host!r} is not a host's name in lower case, without a last dot")
            if not 0 < port < 65536:
                raise ValueError(f"{host} has an impossible port")

    def admit(self, head: bytes) -> tuple[str, int]:
        """
        Return the endpoint that a request asks for; *head* ends with its empty line.

        Raises:
            TurnedAway: anything but a plain CONNECT to an endpoint that is open, well signed in.
        """
        lines = _lines(head)
        headers = [_header(line) for line in lines[1:]]
        self._signed_in([value for name, value in headers if name == "proxy-authorization"])
        target = _target(lines[0])
        for name, value in headers:
            if name in ("content-length", "transfer-encoding"):
                raise TurnedAway(400, "a CONNECT has no body")
            if name == "host" and value not in (target, target.rpartition(":")[0]):
                raise TurnedAway(400, "the Host header names another place")
        parts = _ENDPOINT.fullmatch(target)
        if parts is None:
            raise TurnedAway(403, self._missing(target))
        endpoint = parts[1], int(parts[2])
        if endpoint not in self.open and not self._strange(*endpoint):
            raise TurnedAway(403, self._missing(target))
        return endpoint

    def _strange(self, host: str, port: int) -> bool:
        """Say whether that is anybody's, of those whom nobody has put on a list."""
        known = any(host == name for name, _ in self.open) or host in self.others
        return port in self.ports and not known and is_name(host)

    def reach(self, addresses: Iterable[Address], port: int) -> tuple[Address, ...]:
        """Return *addresses*, all of which may be dialled; raises TurnedAway if one may not be."""
        found = tuple(addresses)
        if not all(permitted(each) or (each, port) in self.inside for each in found):
            raise TurnedAway(403, "the name leads to an address that is not a public one")
        return found

    def _signed_in(self, given: list[str]) -> None:
        if not self.user:
            return
        wanted = "Basic " + b64encode(f"{self.user}:{self.password}".encode()).decode()
        if len(given) != 1 or not compare_digest(given[0].encode(), wanted.encode()):
            raise TurnedAway(407, "the caller has not signed in")

    def _missing(self, target: str) -> str:
        """Why *target* is not on the list, for whoever wonders at the log."""
        host, _, port = target.rpartition(":")
        if "@" in target:
            return "a user has no place in the address"
        if number(host.strip("[]")) is not None:
            return "an address is not a name"
        if not port.isdigit():
            return "there is no port"
        if host.lower().rstrip(".") in self.others:
            return "the host belongs to another path"
        if any(host == known for known, _ in self.open):
            return "the host is on the list, this port is not"
        if any(host.lower().rstrip(".") == known for known, _ in self.open):
            return "the host is on the list, written in another way"
        return "not on the list"


def is_name(host: str) -> bool:
    """Say whether *host* is a name, written in the one way that a gate takes."""
    return bool(_NAME.fullmatch(host)) and number(host) is None


def _lines(head: bytes) -> list[str]:
    """The lines of a head in which no two readers could see different ones."""
    text = head.decode("latin-1").removesuffix("\r\n\r\n")
    lines = text.split("\r\n")
    if any(not line.isascii() or not line.replace("\t", " ").isprintable() for line in lines):
        raise TurnedAway(400, "the request's head holds characters that have no place there")
    return lines


def _target(line: str) -> str:
    method, _, rest = line.partition(" ")
    target, _, version = rest.partition(" ")
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        raise TurnedAway(400, "this is not a request of HTTP/1.1")
    if method != "CONNECT":
        raise TurnedAway(405, "only CONNECT is served")
    return target


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name or name != name.strip():
        raise TurnedAway(400, "a header cannot be read")
    return name.lower(), value.strip()
