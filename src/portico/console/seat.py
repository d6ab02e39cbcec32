"""Who sits at the console: a cookie that nobody can make, and the tokens of its forms. Pure."""

import hmac
import re
import secrets
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

COOKIE = "portico_console"
LASTS = 12 * 3600.0
"""Seconds that a login is good for."""

HOME = "/console"

_FORM = re.compile(r"1\.(-|key_[0-9a-z_]{1,40})\.([0-9]{1,12})\.([0-9a-f]{32})\.([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Seat:
    """
    One browser's place. `key` is the id of the key it was taken with, None where none was shown.

    `mark` is the seat's own random number, `expires` epoch seconds.
    """

    key: str | None
    mark: str
    expires: float

    @property
    def written(self) -> str:
        """What is signed."""
        return f"1.{self.key or '-'}.{int(self.expires)}.{self.mark}"


def take(now: float, key: str | None = None) -> Seat:
    """Return a new seat."""
    return Seat(key, secrets.token_hex(16), now + LASTS)


def cookie(seat: Seat, secret: bytes) -> str:
    """Return the cookie's value: nobody without the installation's secret can make one."""
    return f"{seat.written}.{_mac(secret, 'seat', seat.written)}"


def read(value: str | None, secret: bytes, now: float) -> Seat | None:
    """Return the seat of a cookie; None if it is not ours, was touched, or is over."""
    match = _FORM.fullmatch(value or "")
    if match is None:
        return None
    key, expires, mark, mac = match.groups()
    seat = Seat(None if key == "-" else key, mark, float(expires))
    genuine = hmac.compare_digest(mac, _mac(secret, "seat", seat.written))
    return seat if genuine and now < seat.expires else None


def token(seat: Seat, secret: bytes) -> str:
    """Return what a form of this seat carries, and a form of somebody else's page cannot."""
    return _mac(secret, "form", seat.mark)


def genuine(given: str, seat: Seat, secret: bytes) -> bool:
    """Say whether *given* is the token of that seat's forms."""
    return hmac.compare_digest(given.encode(), token(seat, secret).encode())


def within(path: str | None) -> str:
    """Return *path* if it leads into the console, and nowhere else, however a browser reads it."""
    if not path or not path.isprintable() or "\\" in path or " " in path:
        return HOME
    place = path.partition("?")[0]
    inside = place == HOME or place.startswith(f"{HOME}/")
    return path if inside and ".." not in place and "//" not in place else HOME


def is_no_name(host: str | None) -> bool:
    """
    Say whether a Host header holds an address, or this machine's own name.

    A page of anybody's can make a name of theirs lead to this machine (DNS rebinding), and would
    then be taken for our own page; it cannot do so with an address.
    """
    name = urlsplit(f"//{host or ''}").hostname or ""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _mac(secret: bytes, purpose: str, text: str) -> str:
    own = hmac.digest(secret, b"portico console: " + purpose.encode(), "sha256")
    return hmac.digest(own, text.encode(), "sha256").hex()
