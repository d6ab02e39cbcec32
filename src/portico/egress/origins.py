"""From a URL to where a request goes, and what its head says. Pure."""

import re
import string
from urllib.parse import quote, urlsplit

from msgspec import Struct

from portico.egress.clients import ConnectFailed, HTTPRequest

_PRINTABLE = string.punctuation + string.digits + string.ascii_letters
_UNFIT_FOR_HOST = re.compile(r"[^!-~]|[\\/?#@]")
_UNFIT_FOR_HEADER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Origin(Struct, frozen=True):
    """Where a request goes. `host` is ASCII: an international name as its IDNA form."""

    secure: bool
    host: str
    port: int


def split(url: str) -> tuple[Origin, str]:
    """Return where *url* points and the request target, quoted; raises ConnectFailed."""
    try:
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        host = (parts.hostname or "").encode("idna").decode()
    except ValueError:  # and UnicodeError is one
        raise ConnectFailed("the address has an impossible host or port") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ConnectFailed("the address is not an http(s) URL")
    if len(host) > 253 or _UNFIT_FOR_HOST.search(host):
        raise ConnectFailed("the address has an impossible host or port")
    target = parts.path or "/"
    if parts.query:
        target = f"{target}?{parts.query}"
    return Origin(secure, host, port), quote(target, safe=_PRINTABLE)


def head_of(request: HTTPRequest, origin: Origin, target: str) -> bytes:
    """Return the head of *request*; raises ConnectFailed for a header that would split it."""
    return ended(request, begun(request.method, origin, target, tuple(request.headers.items())))


def begun(method: str, origin: Origin, target: str, headers: tuple[tuple[str, str], ...]) -> bytes:
    """Return a head but for what depends on its body; raises ConnectFailed, as above."""
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    if origin.port != (443 if origin.secure else 80):
        host = f"{host}:{origin.port}"
    lines = [f"{method} {target} HTTP/1.1", f"host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if any(map(_UNFIT_FOR_HEADER.search, lines)):
        raise ConnectFailed("a header holds a line break or another control character")
    return ("\r\n".join(lines) + "\r\n").encode("latin-1", "replace")


def ended(request: HTTPRequest, head: bytes) -> bytes:
    """Return *head* whole, with the length of the body of *request* if it has one."""
    if request.body or request.method != "GET":
        return b"%scontent-length: %d\r\n\r\n" % (head, request.length)
    return head + b"\r\n"
