"""A share link taken apart: user, server, parameters, name. What they mean is not known here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from portico.egress.tunnels import fields
from portico.egress.tunnels.reasons import Advice, Caution, Reason, Refused

LONGEST = 8192

_SERVER = re.compile(r"(\[(?P<six>[^\[\]]*)\]|(?P<host>[^:\[\]]*))(:(?P<port>[^:\[\]]*))?")
_PRINTABLE = re.compile(r"[!-~]*")
_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PARAMETER = re.compile(r"[A-Za-z0-9_.-]{1,32}")


@dataclass(frozen=True, slots=True)
class Parts:
    """What a link says, unescaped; `user` still is as it was written."""

    user: str = field(repr=False)
    host: str
    port: int
    parameters: Mapping[str, str] = field(repr=False)
    name: str


def split(rest: str) -> Parts:
    """Take apart what follows a link's `//`; raises Refused."""
    rest, _, name = rest.partition("#")
    body, asked, query = rest.partition("?")
    if not _PRINTABLE.fullmatch(rest):
        raise Refused(Reason.NOT_PRINTABLE)
    if body.count("@") > 1:
        raise Refused(Reason.AMBIGUOUS_USER)
    user, _, server = body.rpartition("@")
    if not user:
        raise Refused(Reason.NO_USER)
    server, _, path = server.partition("/")
    if path:
        raise Refused(Reason.UNEXPECTED_PATH)
    host, port = _server(server)
    return Parts(user, host, port, _parameters(query) if asked else {}, _name(name))


def unescape(text: str) -> str:
    """Return *text* without percent escapes. A plus sign is one: links are no web forms."""
    if _BARE_PERCENT.search(text):
        raise Refused(Reason.BAD_ESCAPE)
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise Refused(Reason.BAD_ESCAPE) from None


def left_over(left: Mapping[str, str], known: frozenset[str]) -> tuple[Caution, ...]:
    """Return a caution for every parameter that nobody took; *known* ones mean something else."""
    return tuple(
        Caution(Advice.IDLE_PARAMETER if name in known else Advice.UNKNOWN_PARAMETER, name)
        for name in left
    )


def _server(text: str) -> tuple[str, int]:
    found = _SERVER.fullmatch(text)
    if found is None:  # an IPv6 address without brackets, brackets without an address
        raise Refused(Reason.BAD_HOST)
    host = found["host"] if found["six"] is None else found["six"]
    if found["six"] is not None and ":" not in host:
        raise Refused(Reason.BAD_HOST)
    if not host:
        raise Refused(Reason.MISSING_HOST)
    if not found["port"]:
        raise Refused(Reason.MISSING_PORT)
    if not re.fullmatch(r"[0-9]{1,5}", found["port"]):
        raise Refused(Reason.BAD_PORT)
    number = int(found["port"])
    fields.port(number)
    return fields.address(host), number


def _parameters(query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in query.split("&") if query else ():
        name, equals, value = pair.partition("=")
        if not equals or not _PARAMETER.fullmatch(name):
            raise Refused(Reason.BAD_QUERY)
        if name in found:
            raise Refused(Reason.REPEATED_PARAMETER, name)
        found[name] = unescape(value)
    return found


def _name(text: str) -> str:
    # Names are often written with their emoji unescaped; they are shown, never interpreted.
    name = unescape(text)
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in name):
        raise Refused(Reason.BAD_NAME)
    return name.strip()
